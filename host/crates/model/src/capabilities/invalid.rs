//! A capability that cannot be read.

use crate::quoted::quoted;

/// A capability, or a part of one, that is not written as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}; {remedy}")]
pub struct InvalidCapability {
    /// The text, shortened.
    pub text: String,
    /// The problem, as it follows the text.
    pub reason: String,
    /// The remedy.
    pub remedy: String,
}

impl InvalidCapability {
    pub(super) fn new(text: &str, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { text: quoted(text).into_owned(), reason: reason.into(), remedy: remedy.into() }
    }
}
