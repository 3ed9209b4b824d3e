//! A parser for YAML 1.1, in which packs, workflows and expressions are written: `yes` and `on` are booleans, `010` is
//! 8, `1:30` is 90, `<<` merges.
//!
//! It accepts what `PyYAML` accepts, with the same result; `tests/conformance/tests/pyyaml` compares. `scanner` turns
//! text into tokens, `builder` tokens into nodes, and `scalar` decides the value of a scalar. The result is a
//! [`Node`], in which every part has its position for messages, or a [`Document`], a plain value beside its positions.
//! Dates stay text and keys keep their order.
//!
//! Pure: text in, values out. YAML is written by `petrel_packs::write` and `petrel_expressions`.

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

/// A position in a text. Line and column are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A text that is not valid YAML, or has a value that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct Error {
    /// The position of the error.
    pub position: Position,
    /// The problem and its remedy.
    pub message: String,
    /// Whether the syntax is invalid, rather than a value.
    is_syntax: bool,
}

impl Error {
    /// A valid syntax with an unsupported value.
    fn meaning(mark: Mark, message: impl Into<String>) -> Self {
        Self { position: mark.into(), message: message.into(), is_syntax: false }
    }

    /// Invalid syntax.
    fn syntax(mark: Mark, why: &str) -> Self {
        let message = format!("this is not YAML: {why}; check indentation and quotes");
        Self { position: mark.into(), message, is_syntax: true }
    }

    /// Refers, in a message, to something that began before the position of the error.
    fn begins(what: &str, mark: Mark) -> String {
        let Position { line, column } = mark.into();
        format!("{what} that begins in line {line}, column {column}")
    }
}

/// A quotation of the source in a message: its first 200 characters, and `…` if there are more.
fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(200) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// The treatment of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keys {
    /// Keys are kept as written, and duplicates are errors, so that authors learn of their mistakes.
    #[default]
    Strict,
    /// As in `PyYAML`: the last of several equal keys counts, and a key that is not text (`on`, `010`) becomes the
    /// text of its value (`true`, `8`).
    Loose,
}

/// Parses a text with one document. An empty text is null. JSON is accepted as well, by its own rules where they
/// differ: `1e3` is then a number.
///
/// # Errors
/// [`Error`] with the position, also for duplicate keys, unknown tags and values without a JSON form.
pub fn parse_node(text: &str) -> Result<Node, Error> {
    let json: Option<Value> =
        if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None };
    match (builder::build(text, Keys::Strict, json.is_some()), json) {
        // JSON allows longer keys, and characters that YAML does not. Then only the positions are unknown.
        (Err(error), Some(json)) if error.is_syntax => Ok(Node::from_json(&json)),
        (result, _) => result,
    }
}

/// As [`parse_node`], for a value with positions.
///
/// # Errors
/// As [`parse_node`].
pub fn parse(text: &str) -> Result<Document, Error> {
    parse_node(text).map(Document::from)
}

/// Parses a text as `PyYAML`'s `safe_load` does, also if it is JSON: of several equal keys the last one counts.
///
/// # Errors
/// [`Error`] with the position, also for unknown tags and values without a JSON form.
pub fn parse_loosely(text: &str) -> Result<Value, Error> {
    builder::build(text, Keys::Loose, false).map(|node| node.to_json())
}

/// Whether `text`, written without quotes, is read as that text and not as a number, a boolean, a date or another
/// value. It may still need quotes for other reasons.
pub fn is_text(text: &str) -> bool {
    scalar::is_text(text)
}

#[cfg(test)]
mod tests;
