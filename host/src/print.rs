//! The output of the command line. Programs get the host's answer unchanged, in JSON or YAML; people get a table
//! ([`Listing`]) or a list of [`Attributes`], which verbs make from the types of the API. Results go to standard output,
//! everything else to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_model::quoted::{beginning, shown_json};
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
pub(crate) use petrel_model::count::counted;
pub(crate) use terminal::{plain, to_the_second};

use terminal::coloured;

/// Characters of a filter's value in the message that nothing was found.
const LONGEST_ASKED: usize = 100;

/// The form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text for people.
    Text,
    /// A single document for programs, of JSON or YAML.
    Json,
}

impl Form {
    /// Refuses the form of a document for a verb whose result is none. `result` says what it is.
    ///
    /// # Errors
    /// If a document was asked for.
    pub(crate) fn must_be_text(self, verb: &str, result: &str) -> Result<(), Failure> {
        match self {
            Self::Text => Ok(()),
            Self::Json => Err(Failure::usage(
                format!("`petrel {verb}` prints no JSON and no YAML, since its result is {result}"),
                "leave out --json and --output",
            )),
        }
    }
}

/// Prints a part of the result as it is, without delay: what an action has written, or a file.
pub(crate) fn text(text: &str) {
    let mut out = std::io::stdout();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Prints a line of the result for people. What names and paths from elsewhere would do to a terminal is not done. A reader that
/// has gone away (`| head`) is not an error.
pub(crate) fn line(text: &str) {
    raw(&plain(text));
}

/// Prints a line as it is: a value that was asked for by itself, or a line with colours, in which all else is [`plain`].
pub(crate) fn raw(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints a note, which is not a part of the result. As with [`line`](fn@line), nobody need read it: `eprintln!` would panic then.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{}", plain(text)));
}

/// Prints progress for a person who is watching; nothing if standard error is not a terminal.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        note(text);
    }
}

/// Prints the state of something under way in place of the one before; nothing if standard error is not a terminal.
pub(crate) fn overwritten(text: &str) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        drop(write!(err, "\r{}\u{1b}[K", plain(text)).and_then(|()| err.flush()));
    }
}

/// Whether documents are printed as YAML instead of JSON. Set once, by the command line.
static AS_YAML: AtomicBool = AtomicBool::new(false);

/// Prints documents as YAML from now on.
pub(crate) fn documents_as_yaml() {
    AS_YAML.store(true, Ordering::Relaxed);
}

/// Prints a document as JSON or YAML.
pub(crate) fn json(value: &Value) {
    if AS_YAML.load(Ordering::Relaxed) {
        return raw(petrel_packs::write_yaml(value).trim_end());
    }
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_unprintable| value.to_string());
    raw(&shown_json(&text));
}

/// Prints a listing of the items that match filters. `asked` has the given ones, each with its flag and value, so that a
/// slip in one is seen if nothing matches.
pub(crate) fn listing<T>(listing: Listing<'_, T>, asked: &[(&str, String)]) {
    if listing.is_empty() {
        return note(&nothing_found(asked));
    }
    let (lost, screen) = (listing.lost(), Screen::of_this_process());
    listing.lines(screen.width, screen.in_colour).iter().for_each(|text| raw(text));
    lost.iter().for_each(|text| note(text));
}

/// Prints the attributes of one object.
pub(crate) fn attributes(attributes: &Attributes) {
    attributes.lines(Screen::of_this_process().in_colour).iter().for_each(|text| raw(text));
}

/// The message that nothing matches the filters.
fn nothing_found(asked: &[(&str, String)]) -> String {
    let asked: Vec<_> =
        asked.iter().map(|(flag, value)| format!("--{flag} {}", beginning(value, LONGEST_ASKED))).collect();
    if asked.is_empty() { "nothing found".into() } else { format!("nothing found for {}", asked.join(" ")) }
}

/// Notes that a listing is incomplete; `shown` is the number of its items.
pub(crate) fn count(shown: usize, count: Option<Count>) {
    if let Some(told) = count.and_then(|count| count.beyond(shown)) {
        note(&told);
    }
}

/// The screen on which results are shown.
#[derive(Debug, Clone, Copy)]
struct Screen {
    /// The width in columns; `None` without a terminal, as in a pipe.
    width: Option<usize>,
    /// Whether the screen shows colours.
    in_colour: bool,
}

impl Screen {
    fn of_this_process() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        // A shell does not export COLUMNS by itself, so a variable that is set is meant for us.
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

/// A status as results show it, coloured at a terminal.
pub(crate) fn status(status: &str) -> String {
    if Screen::of_this_process().in_colour { coloured(status) } else { status.to_owned() }
}

/// Prints a failure: an object on standard output for programs, text on standard error for people.
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
}
