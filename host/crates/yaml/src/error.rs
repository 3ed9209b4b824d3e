//! Errors of the parser, and quotations of the source in them.

use std::borrow::Cow;

use crate::place::{Mark, Position};

/// A text that is not valid YAML, or has a value that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct Error {
    /// The position of the error.
    pub position: Position,
    /// The problem and its remedy.
    pub message: String,
    /// Whether the syntax is invalid, rather than a value.
    pub(crate) is_syntax: bool,
}

impl Error {
    /// A valid syntax with an unsupported value.
    pub(crate) fn meaning(mark: Mark, message: impl Into<String>) -> Self {
        Self { position: mark.into(), message: message.into(), is_syntax: false }
    }

    /// Invalid syntax.
    pub(crate) fn syntax(mark: Mark, why: &str) -> Self {
        let message = format!("this is not YAML: {why}; check indentation and quotes");
        Self { position: mark.into(), message, is_syntax: true }
    }

    /// Refers, in a message, to something that began before the position of the error.
    pub(crate) fn begins(what: &str, mark: Mark) -> String {
        let Position { line, column } = mark.into();
        format!("{what} that begins in line {line}, column {column}")
    }
}

/// A quotation of the source in a message: its first 200 characters, and `…` if there are more.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(200) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}
