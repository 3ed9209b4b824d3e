//! Casts of parameters to their declared types.

use petrel_python::{display, literal, number, type_name};
use serde_json::Value;

/// The text by which the filter `use_none` marks null.
const NONE: &str = "%*****__%NONE%__*****%";

/// A declared type that has a cast. `null` and unknown types have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// `array` and `object`, which have the same cast.
    Structure,
}

impl Kind {
    /// The kind for the `type` of a schema.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "string" => Some(Self::String),
            "integer" => Some(Self::Integer),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Boolean),
            "array" | "object" => Some(Self::Structure),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean (True, False)",
            Self::Structure => "list or object (JSON)",
        }
    }
}

/// A value that cannot be cast to the declared type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text that is not a value of the type.
    #[error("{value} is not a value of type {kind}; correct the value")]
    Text {
        /// The text, shortened.
        value: String,
        /// The declared type.
        kind: &'static str,
    },
    /// A value that is not text, where only text is accepted.
    #[error("{value} must be a string or null, and is of type {found}; put it in quotes")]
    NotAString {
        /// The value, shortened.
        value: String,
        /// Its type.
        found: &'static str,
    },
}

/// Casts `value` to `kind`. Null stays null, and JSON values pass where Python's casts accept them: a float loses its
/// fraction as an integer, a number may stand for a boolean. An integer stays one when a number is declared; StackStorm
/// makes it a float, which loses digits beyond 2^53.
///
/// # Errors
/// See [`Error`].
pub fn to(kind: Kind, value: Value) -> Result<Value, Error> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let is_marked = value.as_str() == Some(NONE);
    match kind {
        Kind::String => match value {
            Value::String(_) => Ok(null(value)),
            other => Err(Error::NotAString { found: type_name(&other), value: shortened(&other) }),
        },
        Kind::Integer => integer(&value).ok_or_else(|| wrong(&value, kind)),
        Kind::Number => number(&value).ok_or_else(|| wrong(&value, kind)),
        Kind::Boolean | Kind::Structure if is_marked => Ok(Value::Null),
        Kind::Boolean => match value.as_str() {
            Some(text) => literal::parse(&capitalized(text)).map_err(|_no_literal| wrong(&value, kind)),
            None => Ok(value),
        },
        Kind::Structure => match value.as_str() {
            Some(text) => serde_json::from_str(text)
                .or_else(|_| literal::parse(text))
                .map_err(|_no_literal| wrong(&value, kind)),
            None => Ok(value),
        },
    }
}

/// Converts a number or a boolean to text, as a template would have written it.
pub(super) fn written(value: Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::String(display::text(&value)),
        other => other,
    }
}

/// Converts the mark for null to null.
pub(super) fn null(value: Value) -> Value {
    if value.as_str() == Some(NONE) { Value::Null } else { value }
}

fn wrong(value: &Value, kind: Kind) -> Error {
    Error::Text { value: shortened(value), kind: kind.as_str() }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

fn integer(value: &Value) -> Option<Value> {
    use number::PythonNumber as N;
    let integer = match (value.as_str(), N::of(value)) {
        (Some(text), _) => number::integer_from_text(text)?,
        (_, Some(N::Integer(integer))) => integer,
        (_, Some(N::Float(float))) if float.abs() < 2e19 => {
            #[expect(clippy::cast_possible_truncation, reason = "below 2e19")]
            let integer = float.trunc() as i128;
            integer
        }
        _ => return None,
    };
    number::integer(integer)
}

fn number(value: &Value) -> Option<Value> {
    use number::PythonNumber as N;
    match (value.as_str(), N::of(value)) {
        (Some(text), _) => {
            let integer = number::integer_from_text(text).and_then(number::integer);
            integer.or_else(|| number::float_from_text(text).and_then(number::float))
        }
        (_, Some(N::Integer(integer))) => number::integer(integer),
        (_, Some(N::Float(float))) => number::float(float),
        _ => None,
    }
}

/// Python's `str.capitalize`: `TRUE` and `true` become `True`.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &chars.as_str().to_lowercase()
}
