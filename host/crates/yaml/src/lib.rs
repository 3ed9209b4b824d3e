//! YAML 1.1, which packs, workflows and expressions are written in: `yes` and `on` are booleans, `010` is 8,
//! `1:30` is 90, `<<` merges.
//!
//! What `PyYAML` reads is read, and as the same: `scanner` makes tokens of a text, `builder` nodes of tokens, and
//! what a scalar means is decided in `scalar`; `tests/conformance/tests/pyyaml` compares. The result is a [`Node`], whose every part
//! keeps its place so that a message can point at it, or a [`Document`], a plain value beside its places. Dates stay
//! text and keys keep their order.
//!
//! Pure: text in, values out. Writing YAML is `petrel_packs::write` and `petrel_expressions`.

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

/// Reads a text with one document; an empty one is null. JSON is read too, by its own rules where they
/// differ: there `1e3` is a number.
///
/// # Errors
/// [`Error`] with the place, also for duplicate keys, unknown tags and what has no JSON form.
pub fn parse_node(text: &str) -> Result<Node, Error> {
    let json: Option<Value> =
        if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None };
    match (builder::build(text, Keys::Strict, json.is_some()), json) {
        // JSON may have longer keys, and characters that YAML does not allow. What it says is known then, if not where.
        (Err(error), Some(json)) if error.is_syntax => Ok(Node::from_json(&json)),
        (result, _) => result,
    }
}

/// As [`parse_node`], for a value and its places.
///
/// # Errors
/// As [`parse_node`].
pub fn parse(text: &str) -> Result<Document, Error> {
    parse_node(text).map(Document::from)
}

/// Reads a text as `PyYAML`'s `safe_load` does, JSON as any other: a key may be written twice, and counts for
/// the last time.
///
/// # Errors
/// [`Error`] with the place, also for unknown tags and what has no JSON form.
pub fn parse_loosely(text: &str) -> Result<Value, Error> {
    builder::build(text, Keys::Loose, false).map(|node| node.to_json())
}

/// Whether `text`, written without quotes, is read as that text and not as a number, a boolean, a date or
/// another value. (Whether it may stand without quotes at all is another matter.)
pub fn is_text(text: &str) -> bool {
    scalar::is_text(text)
}

#[cfg(test)]
mod tests;
