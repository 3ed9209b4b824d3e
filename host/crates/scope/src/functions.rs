//! The platform's functions that both languages have, over plain values: JSON, YAML, JSONPath, versions, paths, durations
//! and replacements. Each language fits them to its own values.

pub mod json;
pub mod jsonpath;
pub mod paths;
pub mod replacement;
pub mod time;
pub mod version;
pub mod yaml;

use petrel_python::work::Limit;

/// What stands for null in text, so that a cast can bring it back.
pub const NONE: &str = "%*****__%NONE%__*****%";

/// Why a function gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It would have taken too much.
    #[error(transparent)]
    TooMuch(#[from] Limit),
    /// It was given what it cannot take; with a word on what to do.
    #[error("{0}")]
    Wrong(String),
}
