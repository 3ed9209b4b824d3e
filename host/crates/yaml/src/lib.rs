//! YAML 1.1, which packs, workflows and expressions are written in: `yes` and `on` are booleans, `010` is 8,
//! `1:30` is 90, `<<` merges.
//!
//! What `PyYAML` reads is read, and as the same: `scanner` makes tokens of a text, `builder` nodes of tokens, and
//! what a scalar means is decided in `scalar`; `tests/conformance/tests/pyyaml` compares. The result is a [`Node`], whose every part
//! keeps its place so that a message can point at it, or a [`Document`], a plain value beside its places. Dates stay
//! text and keys keep their order.
//!
//! Pure: text in, values out. Writing YAML is `petrel_packs::write` and `petrel_scope`.

mod builder;
mod cursor;
mod document;
mod node;
mod scalar;
mod scanner;
mod token;

pub use document::{Document, Step};
pub use node::{Content, Entry, Node};

use std::borrow::Cow;

use serde_json::Value;

use cursor::Mark;

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// Where a text starts.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A text that is no YAML, or not of the kind that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct Error {
    /// Where.
    pub position: Position,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether the text as such cannot be read, rather than what it says.
    is_syntax: bool,
}

impl Error {
    /// What the text says cannot be taken.
    fn meaning(mark: Mark, message: impl Into<String>) -> Self {
        Self { position: mark.into(), message: message.into(), is_syntax: false }
    }

    /// The text cannot be read, and why.
    fn syntax(mark: Mark, why: &str) -> Self {
        let message = format!("this is no YAML: {why}; check indentation and quotes");
        Self { position: mark.into(), message, is_syntax: true }
    }

    /// How messages speak of something that began before their own place.
    fn begins(what: &str, mark: Mark) -> String {
        let Position { line, column } = mark.into();
        format!("{what} that begins in line {line}, column {column}")
    }
}

/// What is written, as messages quote it: its first 200 characters, and `…` if there are more.
fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(200) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// What becomes of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keys {
    /// Text as written, and none twice: what people write is to be told of its slips.
    #[default]
    Strict,
    /// As `PyYAML`: a key that is written twice counts for the last time, and one that is no text (`on`, `010`)
    /// becomes the text of what it means (`true`, `8`).
    Loose,
}

/// Reads a text with one document; an empty one is null. JSON is read too, by its own rules where they
/// differ: there `1e3` is a number.
///
/// # Errors
/// [`Error`] with the place, also for duplicate keys, unknown tags and what has no JSON form.
pub fn parse_node(text: &str) -> Result<Node, Error> {
    let json: Option<Value> =
        if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None };
    match (builder::build(text, Keys::Strict, json.is_some()), json) {
        // JSON may have longer keys, and characters that YAML does not allow. What it says is known then, if not where.
        (Err(error), Some(json)) if error.is_syntax => Ok(Node::from_json(&json)),
        (result, _) => result,
    }
}

/// As [`parse_node`], for a value and its places.
///
/// # Errors
/// As [`parse_node`].
pub fn parse(text: &str) -> Result<Document, Error> {
    parse_node(text).map(Document::from)
}

/// Reads a text as `PyYAML`'s `safe_load` does, JSON as any other: a key may be written twice, and counts for
/// the last time.
///
/// # Errors
/// [`Error`] with the place, also for unknown tags and what has no JSON form.
pub fn parse_loosely(text: &str) -> Result<Value, Error> {
    builder::build(text, Keys::Loose, false).map(|node| node.to_json())
}

/// Whether `text`, written without quotes, is read as that text and not as a number, a boolean, a date or
/// another value. (Whether it may stand without quotes at all is another matter.)
pub fn is_text(text: &str) -> bool {
    scalar::is_text(text)
}

#[cfg(test)]
mod tests;
