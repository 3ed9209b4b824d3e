//! A value with the position of each of its parts.

use serde_json::{Map, Value};

use crate::place::Position;

/// A value and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The position where it starts.
    pub position: Position,
    /// The value.
    pub content: Content,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A single value.
    Scalar {
        /// Its meaning.
        value: Value,
        /// Its source text, without quotes.
        text: String,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys and values in order, with merges applied.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The position of the key.
    pub position: Position,
    /// The value.
    pub node: Node,
}

impl Node {
    /// A node for a value from elsewhere, whose parts have no positions.
    pub(crate) fn from_json(json: &Value) -> Self {
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

    /// The value without positions.
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

    /// Its kind, as a word for messages.
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
