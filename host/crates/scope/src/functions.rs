//! The platform's functions of both languages, over plain values: JSON, YAML, JSONPath, versions, paths, durations
//! and replacements. Each language adapts them to its own values.

pub mod json;
pub mod jsonpath;
pub mod paths;
pub mod replacement;
pub mod time;
pub mod version;
pub mod yaml;

use petrel_python::work::Limit;

/// The mark that stands for null in text, so that a cast can turn it back into null.
pub const NONE: &str = "%*****__%NONE%__*****%";

/// The reason why a function has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The work exceeds a limit.
    #[error(transparent)]
    TooMuch(#[from] Limit),
    /// An argument is wrong. The text has the remedy.
    #[error("{0}")]
    Wrong(String),
}
