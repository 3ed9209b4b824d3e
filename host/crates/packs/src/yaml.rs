//! YAML 1.1, which packs are written in: `yes` and `on` are booleans, `010` is 8, `1:30` is 90, `<<` merges.
//!
//! The events come from a YAML 1.2 parser; what a scalar means is decided here.
//! Every node keeps its place, so that a message can point at it. Dates stay text, keys keep their order
//! and are text as written, and a key that is written twice is refused.

mod builder;
mod scalar;

use serde_json::{Map, Value};

use crate::problem::Position;

/// A text that is no YAML, or not of the kind that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct Error {
    /// Where.
    pub position: Position,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether the text as such cannot be read, rather than what it says.
    is_syntax: bool,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it starts.
    pub position: Position,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A single value.
    Scalar {
        /// What it means.
        value: Value,
        /// How it was written, without quotes.
        text: String,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys and values in order, merges done.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is.
    pub position: Position,
    /// The value.
    pub node: Node,
}

/// Reads a text with one document; an empty one is null. JSON is read too, by its own rules where they
/// differ: there `1e3` is a number.
///
/// # Errors
/// [`Error`] with the place, also for duplicate keys, unknown tags and what has no JSON form.
pub fn parse(text: &str) -> Result<Node, Error> {
    let json: Option<Value> =
        if text.trim_start().starts_with('{') { serde_json::from_str(text).ok() } else { None };
    match (builder::build(text, json.is_some()), json) {
        // The parser does not know all of JSON's escapes. What it says is known then, if not where.
        (Err(error), Some(json)) if error.is_syntax => Ok(Node::from_json(&json)),
        (result, _) => result,
    }
}

impl Node {
    fn from_json(json: &Value) -> Self {
        let content = match json {
            Value::Array(items) => Content::List(items.iter().map(Self::from_json).collect()),
            Value::Object(object) => {
                let entry = |(key, value): (&String, &Value)| Entry {
                    key: key.clone(),
                    position: Position::START,
                    node: Self::from_json(value),
                };
                Content::Mapping(object.iter().map(entry).collect())
            }
            scalar => {
                let text = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
                Content::Scalar { value: scalar.clone(), text }
            }
        };
        Self { position: Position::START, content }
    }

    /// The value without places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar { value, .. } => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Mapping(entries) => {
                let entries = entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Its entries, if it is a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is null, as an empty value is.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { value: Value::Null, .. })
    }

    /// What it is, in a word for messages.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
            Content::Scalar { value, .. } => match value {
                Value::Null => "empty",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                _ => "a text",
            },
        }
    }
}

#[cfg(test)]
mod tests;
