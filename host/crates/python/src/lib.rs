//! Python's view of values, which the formats that Petrel reads rely on: how a value is written in text
//! ([`display`]), what a literal means ([`literal`]), what equals or precedes what ([`compare`]), and what a date in
//! free text says ([`mod@date`]); numbers ([`number`]), the ends of lines ([`text`]), regular expressions ([`regex`]) and
//! sorting what may have no order ([`sorting`]).
//!
//! Values are JSON; the languages have their own, and ask here how Python sees them. Whatever goes through a value counts
//! what it does in [`work`], the meter of all evaluations.
//!
//! Pure: no clock, no I/O. Start reading at `display.rs`.

pub mod compare;
pub mod date;
pub mod display;
pub mod literal;
pub mod number;
pub mod regex;
pub mod sorting;
pub mod text;
pub mod work;

use serde_json::Value;

/// The name of the type that Python would show for `value`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether Python counts `value` as true.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}
