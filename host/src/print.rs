//! Shows what the host said: to programs as it came, in JSON or YAML; to people as a table ([`Listing`]) or as a list of
//! [`Attributes`], which verbs make from the types of the API. Results go to standard output, everything else to standard
//! error.
#![expect(clippy::print_stderr, reason = "this is where the command line prints")]

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_model::quoted::beginning;
use serde_json::Value;

use crate::client::Count;
use crate::exit::Failure;

mod attributes;
mod listing;
mod nested;
mod table;
mod terminal;

pub(crate) use attributes::Attributes;
pub(crate) use listing::Listing;
pub(crate) use terminal::{plain, to_the_second};

use terminal::coloured;

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

/// Prints a listing. `asked` has the filters that were given, each with its flag and value, so that a slip in one is seen where
/// nothing passes.
pub(crate) fn listing<T>(listing: Listing<'_, T>, asked: &[(&str, String)]) {
    if listing.is_empty() {
        return note(&nothing_found(asked));
    }
    let (lost, screen) = (listing.lost(), Screen::of_this_process());
    listing.lines(screen.width, screen.in_colour).iter().for_each(|text| line(text));
    lost.iter().for_each(|text| note(text));
}

/// Prints one thing.
pub(crate) fn attributes(attributes: &Attributes) {
    attributes.lines(Screen::of_this_process().in_colour).iter().for_each(|text| line(text));
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

/// Says of a listing that there is more than the items that are `shown`.
pub(crate) fn count(shown: usize, count: Option<Count>) {
    if let Some(count) = count.filter(|count| count.is_more_than(shown)) {
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

/// A status as results show it: in its colour at a terminal.
pub(crate) fn status(status: &str) -> String {
    if Screen::of_this_process().in_colour { coloured(status) } else { status.to_owned() }
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
    use super::*;

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
}
