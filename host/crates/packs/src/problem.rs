//! Problems of a pack, with their places.

use std::borrow::Cow;
use std::fmt;

pub use petrel_yaml::Position;

use crate::limits::LONGEST_NAME;

/// A problem to correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the pack.
    pub file: String,
    /// The position in the file. `None` for the file as a whole.
    pub position: Option<Position>,
    /// The problem and its remedy.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(Position { line, column }) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A name for a message, shortened if it is very long.
pub(crate) fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}
