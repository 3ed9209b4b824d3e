//! The platform's functions that both languages have, over plain values: JSON, YAML, JSONPath, versions, paths, durations
//! and replacements. Each language fits them to its own values.

pub(crate) mod json;
pub(crate) mod jsonpath;
pub(crate) mod paths;
pub(crate) mod replacement;
pub(crate) mod time;
pub(crate) mod version;
pub(crate) mod yaml;

use crate::work::Limit;

/// What stands for null in text, so that a cast can bring it back.
pub(crate) const NONE: &str = "%*****__%NONE%__*****%";

/// Why a function gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// It would have taken too much.
    #[error(transparent)]
    TooMuch(#[from] Limit),
    /// It was given what it cannot take; with a word on what to do.
    #[error("{0}")]
    Wrong(String),
}
