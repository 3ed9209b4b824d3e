//! Why a text cannot be read, and how messages quote it.

use std::borrow::Cow;

use crate::place::{Mark, Position};

/// A text that is no YAML, or not of the kind that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct Error {
    /// Where.
    pub position: Position,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether the text as such cannot be read, rather than what it says.
    pub(crate) is_syntax: bool,
}

impl Error {
    /// What the text says cannot be taken.
    pub(crate) fn meaning(mark: Mark, message: impl Into<String>) -> Self {
        Self { position: mark.into(), message: message.into(), is_syntax: false }
    }

    /// The text cannot be read, and why.
    pub(crate) fn syntax(mark: Mark, why: &str) -> Self {
        let message = format!("this is no YAML: {why}; check indentation and quotes");
        Self { position: mark.into(), message, is_syntax: true }
    }

    /// How messages speak of something that began before their own place.
    pub(crate) fn begins(what: &str, mark: Mark) -> String {
        let Position { line, column } = mark.into();
        format!("{what} that begins in line {line}, column {column}")
    }
}

/// What is written, as messages quote it: its first 200 characters, and `…` if there are more.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(200) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}
