//! Shows what the host said: as a table, as a list of attributes, or as JSON. Results go to standard
//! output, everything else to standard error.
#![expect(clippy::print_stderr, reason = "this is where the command line prints")]

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_model::quoted::beginning;
use serde_json::Value;

use crate::client::Count;
use crate::exit::Failure;

mod nested;
mod table;

use table::{Column, Kind};

/// Characters of what was asked for that are told where nothing is found.
const LONGEST_ASKED: usize = 100;

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

/// The value at `path` in one line of a table.
fn cell(path: &str, value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if is_time(path) => to_the_second(text),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if path.ends_with("_seconds") => {
            number.as_f64().map_or_else(String::new, |seconds| format!("{seconds:.3}"))
        }
        Some(other) => other.to_string(),
    };
    // A line end would end the row, and an escape would tell the terminal what to do.
    escaped(&text, char::is_control).into_owned()
}

/// `text` as a terminal may have it, whoever wrote it: an event, say. Its lines remain.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.is_control() && !matches!(c, '\n' | '\t'))
}

/// `text` with the characters for which `is_told` holds written out.
fn escaped(text: &str, is_told: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if !text.contains(is_told) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if is_told(c) { c.escape_debug().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
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
    eprintln!("{}", plain(text));
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

/// Prints a listing of everything: `columns` are pairs of a heading and a path.
pub(crate) fn listing(form: Form, items: &Value, columns: &[(&str, &str)]) {
    listing_of(form, items, columns, &[]);
}

/// Prints a listing of what passes filters. `asked` has those that were given, each with its flag and value, so that a slip in
/// one is seen where nothing passes.
pub(crate) fn listing_of(form: Form, items: &Value, columns: &[(&str, &str)], asked: &[(&str, String)]) {
    if form == Form::Json {
        return json(items);
    }
    let rows = items.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return note(&nothing_found(asked));
    }
    let columns = columns.iter().enumerate().map(|(place, (heading, path))| {
        let cells = rows.iter().map(|row| cell(path, at(row, path))).collect();
        Column::new(heading, Kind::of(place, path), cells)
    });
    let screen = Screen::of_this_process();
    table::lines(columns.collect(), screen.width, screen.in_colour).iter().for_each(|text| line(text));
    note_unreadable(rows);
}

/// That nothing passes the filters.
fn nothing_found(asked: &[(&str, String)]) -> String {
    let asked: Vec<_> =
        asked.iter().map(|(flag, value)| format!("--{flag} {}", beginning(value, LONGEST_ASKED))).collect();
    if asked.is_empty() { "nothing found".into() } else { format!("nothing found for {}", asked.join(" ")) }
}

/// So many of `what`: `1 rule`, `2 rules`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Says of a listing for people that there is more than what is shown.
pub(crate) fn count(form: Form, items: &Value, count: Option<Count>) {
    let shown = items.as_array().map(Vec::len).unwrap_or_default();
    if let (Form::Text, Some(count)) = (form, count.filter(|count| count.is_more_than(shown))) {
        note(&format!("{} of {count}", Count::exactly(shown)));
    }
}

/// Where results are shown.
#[derive(Debug, Clone, Copy)]
struct Screen {
    /// How many columns it has; `None` of what has none, as a pipe.
    width: Option<usize>,
    /// Whether it shows colours.
    in_colour: bool,
}

impl Screen {
    fn of_this_process() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        // A shell keeps COLUMNS to itself: who hands it on wants it so.
        let asked = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|width| *width > 0);
        let found = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self {
            width: asked.or_else(|| is_terminal.then(found)),
            in_colour: is_terminal && !is_set("NO_COLOR") && !is_dumb,
        }
    }
}

/// A status in its colour, which says nothing that the word does not.
fn coloured(status: &str) -> String {
    let colour = match status.split(' ').next().unwrap_or_default() {
        "succeeded" | "processed" => 32,
        "failed" | "timeout" | "abandoned" | "processing_failed" => 31,
        "canceled" | "canceling" | "paused" | "pausing" => 33,
        "" => return String::new(),
        _ => 36,
    };
    format!("\u{1b}[{colour}m{status}\u{1b}[0m")
}

/// A status as results show it: in its colour at a terminal.
pub(crate) fn status(status: &str) -> String {
    if Screen::of_this_process().in_colour { coloured(status) } else { status.to_owned() }
}

/// Whether there is a time at `path`.
fn is_time(path: &str) -> bool {
    ["_timestamp", "_time", "_at", "_expire"].iter().any(|end| path.ends_with(end))
}

/// A time to the second; anything else as it is.
pub(crate) fn to_the_second(text: &str) -> String {
    match text.split_once('.') {
        Some((seconds, rest)) if seconds.len() == 19 && rest.ends_with('Z') => format!("{seconds}Z"),
        _ => text.to_owned(),
    }
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

/// Prints one thing: a line an attribute; what is nested as indented JSON, with texts of several lines in lines.
pub(crate) fn attributes(form: Form, item: &Value, paths: &[&str]) {
    if form == Form::Json {
        return json(item);
    }
    let width = paths.iter().map(|path| path.len()).max().unwrap_or_default();
    let in_colour = Screen::of_this_process().in_colour;
    for path in paths {
        match at(item, path) {
            None | Some(Value::Null) => {}
            Some(Value::Object(empty)) if empty.is_empty() => {}
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                line(&format!("{path}:"));
                nested::lines(value).iter().for_each(|text| line(&format!("  {}", plain(text))));
            }
            Some(Value::String(status)) if *path == "status" && in_colour => {
                line(&format!("{:width$} {}", format!("{path}:"), coloured(status), width = width + 1));
            }
            Some(value) => {
                let shown = match value {
                    Value::String(text) if is_time(path) => to_the_second(text),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                line(&format!("{:width$} {}", format!("{path}:"), plain(&shown), width = width + 1));
            }
        }
    }
}

/// Prints a failure: for programs the object on standard output, for people a text on standard error.
pub(crate) fn failure(form: Form, failure: &Failure) {
    match form {
        Form::Json => json(&failure.as_json()),
        Form::Text => note(&failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        for (path, value, expected) in [
            ("start_timestamp", json!("2026-11-20T12:00:00.123456Z"), "2026-11-20T12:00:00Z"),
            ("created_at", json!("2026-11-20T12:00:00Z"), "2026-11-20T12:00:00Z"),
            ("occurrence_time", json!("soon"), "soon"),
            ("value", json!("2026-11-20T12:00:00.123456Z"), "2026-11-20T12:00:00.123456Z"),
            ("elapsed_seconds", json!(0.004_821), "0.005"),
        ] {
            assert_eq!(cell(path, Some(&value)), expected, "{path}");
        }
    }

    #[test]
    fn what_was_asked_for_is_told_where_nothing_is_found() {
        assert_eq!(nothing_found(&[]), "nothing found");
        let asked = [("status", "failed".to_owned()), ("action", "core.loacl".to_owned())];
        assert_eq!(nothing_found(&asked), "nothing found for --status failed --action core.loacl");
    }

    #[test]
    fn one_is_no_plural() {
        for (count, told) in [(0, "0 rows"), (1, "1 row"), (2, "2 rows")] {
            assert_eq!(counted(count, "row"), told);
        }
    }

    #[test]
    fn a_cell_is_one_line_and_tells_the_terminal_nothing() {
        assert_eq!(cell("value", Some(&json!("a\nb\u{1b}[31mc"))), "a\\nb\\u{1b}[31mc");
        assert_eq!(cell("value", None), "");
        assert_eq!(cell("metadata", Some(&json!({"a": 1}))), "{\"a\":1}");
    }

    #[test]
    fn what_others_wrote_tells_the_terminal_nothing() {
        for (text, shown) in [
            ("two\n\tlines", "two\n\tlines"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("over\rwritten", "over\\rwritten"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("plain ä", "plain ä"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn a_status_has_a_colour_that_goes_by_its_word() {
        for (status, colour) in
            [("succeeded", 32), ("failed", 31), ("canceled", 33), ("running", 36), ("running (held)", 36)]
        {
            assert_eq!(coloured(status), format!("\u{1b}[{colour}m{status}\u{1b}[0m"));
        }
        assert_eq!(coloured(""), "");
    }
}
