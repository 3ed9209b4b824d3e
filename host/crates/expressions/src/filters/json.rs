//! JSON in text, written with the separators and escapes of the original.

use std::fmt::Write;

use minijinja::{Error, Value};
use serde_json::Value as Json;

use super::Given;
use super::arguments::Arguments;
use super::{defined, wrong};
use crate::convert;
use crate::python::display;

pub(super) fn to_complex(value: Value) -> Result<String, Error> {
    Ok(write(&to_json(value)?, &Style { comma: ", ", colon: ": ", indent: None, sort_keys: false }))
}

pub(super) fn to_json_string(value: Value, given: Given) -> Result<String, Error> {
    let args = Arguments::bind("to_json_string", &["indent", "sort_keys", "separators"], given)?;
    let indent = args.present(0).map(|_| args.count(0, 0)).transpose()?.map(|indent| indent.min(64));
    let separators = args.present(2).cloned().map(super::items).transpose()?;
    let separators: Option<Vec<_>> =
        separators.map(|given| given.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect());
    let (comma, colon) = match separators.as_deref() {
        Some([comma, colon]) => (comma.as_str(), colon.as_str()),
        Some(_) => return Err(wrong("to_json_string needs two separators, such as (',', ': ')")),
        None => (",", ": "),
    };
    Ok(write(&to_json(value)?, &Style { comma, colon, indent, sort_keys: args.flag(1) }))
}

pub(super) fn from_json_string(value: Value) -> Result<Value, Error> {
    let text = display::to_text(&defined(value)?)?;
    let json: Json = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("from_json_string was given what is no JSON: {error}")))?;
    Ok(convert::from_json(&json))
}

/// The inside of a JSON string; what is no text, as JSON.
pub(super) fn json_escape(value: Value) -> Result<String, Error> {
    let value = to_json(value)?;
    let Some(text) = value.as_str() else {
        return Ok(write(&value, &Style { comma: ", ", colon: ": ", indent: None, sort_keys: false }));
    };
    let mut out = String::new();
    write_text(&mut out, text);
    Ok(out)
}

fn to_json(value: Value) -> Result<Json, Error> {
    convert::to_json(&defined(value)?).map_err(wrong)
}

/// How JSON is written.
pub(crate) struct Style<'a> {
    pub(crate) comma: &'a str,
    pub(crate) colon: &'a str,
    pub(crate) indent: Option<usize>,
    pub(crate) sort_keys: bool,
}

/// `value` in the original's way.
pub(crate) fn write(value: &Json, style: &Style<'_>) -> String {
    let mut out = String::new();
    write_value(&mut out, value, style, 0);
    out
}

fn write_value(out: &mut String, value: &Json, style: &Style<'_>, depth: usize) {
    match value {
        Json::String(text) => write_quoted(out, text),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&display::float(float)),
            None => out.push_str(&number.to_string()),
        },
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, style, depth + 1, index);
                write_value(out, item, style, depth + 1);
            }
            close(out, style, depth, items.is_empty(), ']');
        }
        Json::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            if style.sort_keys {
                entries.sort_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                separate(out, style, depth + 1, index);
                write_quoted(out, key);
                out.push_str(style.colon);
                write_value(out, item, style, depth + 1);
            }
            close(out, style, depth, object.is_empty(), '}');
        }
        Json::Null | Json::Bool(_) => out.push_str(&value.to_string()),
    }
}

fn separate(out: &mut String, style: &Style<'_>, depth: usize, index: usize) {
    if index > 0 {
        out.push_str(style.comma);
    }
    if let Some(indent) = style.indent {
        out.push('\n');
        out.push_str(&" ".repeat(indent * depth));
    }
}

fn close(out: &mut String, style: &Style<'_>, depth: usize, is_empty: bool, bracket: char) {
    if !is_empty && let Some(indent) = style.indent {
        out.push('\n');
        out.push_str(&" ".repeat(indent * depth));
    }
    out.push(bracket);
}

fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    write_text(out, text);
    out.push('"');
}

/// Escapes all but printable ASCII, as Python's `ensure_ascii`.
fn write_text(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            ' '..='~' => out.push(char),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _written = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}
