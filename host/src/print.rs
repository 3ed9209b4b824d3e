//! Shows what the host said: as a table, as a list of attributes, or as JSON. Results go to standard
//! output, everything else to standard error.
#![expect(clippy::print_stderr, reason = "this is where the command line prints")]

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::exit::Failure;

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs: one document, of JSON or YAML.
    Json,
}

/// The value at a dotted path.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

/// A value in one line of a table.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Prints a part of the result as it is, at once.
pub(crate) fn text(text: &str) {
    let mut out = std::io::stdout();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Prints a line of the result. A reader that has gone away (`| head`) is no error.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints something that is not the result.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Says to who looks on that something goes on; nothing where standard error is no terminal.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        note(text);
    }
}

/// Whether documents are printed as YAML in place of JSON: chosen once, with the command line.
static AS_YAML: AtomicBool = AtomicBool::new(false);

/// Prints documents as YAML from now on.
pub(crate) fn documents_as_yaml() {
    AS_YAML.store(true, Ordering::Relaxed);
}

/// Prints a document, as JSON unless it was to be YAML.
pub(crate) fn json(value: &Value) {
    if AS_YAML.load(Ordering::Relaxed) {
        return line(petrel_packs::write_yaml(value).trim_end());
    }
    line(&serde_json::to_string_pretty(value).unwrap_or_else(|_unprintable| value.to_string()));
}

/// Prints a listing: `columns` are pairs of a heading and a path.
pub(crate) fn listing(form: Form, items: &Value, columns: &[(&str, &str)]) {
    if form == Form::Json {
        return json(items);
    }
    let rows = items.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return note("nothing found");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|(heading, _)| *heading));
    // Cut to the width of a terminal, never in a pipe.
    let is_terminal = std::io::stdout().is_terminal();
    table.set_content_arrangement(if is_terminal {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    for row in rows {
        table.add_row(columns.iter().map(|(_, path)| cell(at(row, path))));
    }
    line(&table.trim_fmt());
    note_unreadable(rows);
}

/// Says of which rows there is nothing but an id.
fn note_unreadable(rows: &[Value]) {
    for row in rows {
        let text = |name| row.get(name).and_then(Value::as_str);
        if let (Some(id), Some(error), Some(hint)) = (text("id"), text("error"), text("hint")) {
            note(&format!("{id} {error}\n  try: {hint}"));
        }
    }
}

/// Prints one thing: a line an attribute; what is nested as indented JSON.
pub(crate) fn attributes(form: Form, item: &Value, paths: &[&str]) {
    if form == Form::Json {
        return json(item);
    }
    let width = paths.iter().map(|path| path.len()).max().unwrap_or_default();
    for path in paths {
        match at(item, path) {
            None | Some(Value::Null) => {}
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                let nested = serde_json::to_string_pretty(value).unwrap_or_default();
                line(&format!("{path}:"));
                nested.lines().for_each(|text| line(&format!("  {text}")));
            }
            Some(value) => {
                line(&format!("{:width$} {}", format!("{path}:"), cell(Some(value)), width = width + 1));
            }
        }
    }
}

/// Prints a failure: for programs the object on standard output, for people a text on standard error.
pub(crate) fn failure(form: Form, failure: &Failure) {
    match form {
        Form::Json => json(&failure.as_json()),
        Form::Text => eprintln!("{failure}"),
    }
}
