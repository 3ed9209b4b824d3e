//! Values as Python sees them, on which the formats that Petrel reads rely: the text of a value ([`display`]),
//! literals ([`literal`]), equality and order ([`compare`]), dates in free text ([`mod@date`]), numbers ([`number`]),
//! lines ([`text`]), regular expressions ([`regex`]) and a sort of values that may have no order ([`sorting`]).
//!
//! The values here are JSON. The languages have values of their own, and ask here for Python's view of them. All code
//! that walks through a value charges the meter of evaluations, [`work`].
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

/// The name of Python's type for `value`.
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

/// Whether `value` is true in Python.
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
