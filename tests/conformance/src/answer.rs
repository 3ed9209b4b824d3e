//! What our code says to a case. Whether that is what was recorded is in [`compare`](crate::compare).

use serde_json::Value;

/// What our code says to a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A value.
    Value(Value),
    /// An error, by its text.
    Error(String),
    /// It panicked, which is never right.
    Panic(String),
}
