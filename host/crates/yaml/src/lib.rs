//! A parser for YAML 1.1, in which packs, workflows and expressions are written: `yes` and `on` are booleans, `010` is
//! 8, `1:30` is 90, `<<` merges.
//!
//! It accepts what `PyYAML` accepts, with the same result; `tests/conformance/tests/pyyaml` compares. `scanner` turns
//! text into tokens, `builder` tokens into nodes, and `scalar` decides the value of a scalar. The result is a
//! [`Node`], in which every part has its position for messages, or a [`Document`], a plain value beside its positions.
//! Dates stay text and keys keep their order.
//!
//! Pure: text in, values out. YAML is written by `petrel_packs::write` and `petrel_scope`.

mod builder;
mod cursor;
mod document;
mod error;
mod node;
mod place;
mod scalar;
mod scanner;
mod token;

pub use builder::Keys;
pub use document::{Document, Step};
pub use error::Error;
pub use node::{Content, Entry, Node};
pub use place::Position;

use serde_json::Value;

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
