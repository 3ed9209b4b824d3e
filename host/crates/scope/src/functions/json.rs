//! JSON as text, with the separators and escapes of Python, and the cost of parsing it.

use std::fmt::Write;

use petrel_python::display;
use petrel_python::work::{self, Limit};
use serde_json::Value as Json;

/// The style of JSON text.
pub struct Style<'a> {
    /// The separator between items.
    pub comma: &'a str,
    /// The separator after the name of a field.
    pub colon: &'a str,
    /// The indent of each level in blanks; `None` for everything on one line.
    pub indent: Option<usize>,
    /// Whether fields are sorted by name.
    pub sort_keys: bool,
}

/// Charges for parsing `text`, whose values may take many times its length in memory.
pub fn charge_parsing(text: &str) -> Result<(), Limit> {
    // Each value but the first follows one of these signs, so their number bounds that of the values.
    let values = text.bytes().filter(|byte| b",:[{".contains(byte)).count();
    work::charge((text.len() as u64).saturating_mul(10))?;
    work::make(text.len())?;
    work::make_list(values.saturating_mul(2))
}

/// Writes `value` as Python's `json.dumps` does.
///
/// # Errors
/// The limit that the charge exceeds.
pub fn write(value: &Json, style: &Style<'_>) -> Result<String, Limit> {
    let mut out = String::new();
    write_value(&mut out, value, style, 0)?;
    Ok(out)
}

fn write_value(out: &mut String, value: &Json, style: &Style<'_>, depth: usize) -> Result<(), Limit> {
    work::charge(NODE)?;
    match value {
        Json::String(text) => write_quoted(out, text)?,
        // Python writes `1.0` and `1e+16`, where other writers of JSON have `1` or `1e16`.
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&display::float(float)),
            None => out.push_str(&number.to_string()),
        },
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, style, depth + 1, index)?;
                write_value(out, item, style, depth + 1)?;
            }
            close(out, style, depth, items.is_empty(), ']')?;
        }
        Json::Object(object) => {
            work::make_list(object.len())?;
            let mut entries: Vec<_> = object.iter().collect();
            if style.sort_keys {
                entries.sort_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                separate(out, style, depth + 1, index)?;
                write_quoted(out, key)?;
                out.push_str(style.colon);
                write_value(out, item, style, depth + 1)?;
            }
            close(out, style, depth, object.is_empty(), '}')?;
        }
        Json::Null | Json::Bool(_) => out.push_str(&value.to_string()),
    }
    Ok(())
}

/// The work of writing one value, besides its text.
const NODE: u64 = 50;

fn separate(out: &mut String, style: &Style<'_>, depth: usize, index: usize) -> Result<(), Limit> {
    work::make(style.comma.len() + style.colon.len() + 1)?;
    if index > 0 {
        out.push_str(style.comma);
    }
    break_line(out, style, depth)
}

fn break_line(out: &mut String, style: &Style<'_>, depth: usize) -> Result<(), Limit> {
    if let Some(indent) = style.indent {
        work::make(indent * depth + 1)?;
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * depth));
    }
    Ok(())
}

fn close(
    out: &mut String,
    style: &Style<'_>,
    depth: usize,
    is_empty: bool,
    bracket: char,
) -> Result<(), Limit> {
    if !is_empty {
        break_line(out, style, depth)?;
    }
    out.push(bracket);
    Ok(())
}

fn write_quoted(out: &mut String, text: &str) -> Result<(), Limit> {
    out.push('"');
    write_text(out, text)?;
    out.push('"');
    Ok(())
}

/// The inside of a JSON string with the content `text`.
///
/// # Errors
/// The limit that this exceeds.
pub fn escaped(text: &str) -> Result<String, Limit> {
    let mut out = String::new();
    write_text(&mut out, text)?;
    Ok(out)
}

/// Escapes everything but printable ASCII, as Python's `ensure_ascii` does.
fn write_text(out: &mut String, text: &str) -> Result<(), Limit> {
    let escapes = text.bytes().filter(|byte| !(b' '..=b'~').contains(byte) || b"\"\\".contains(byte)).count();
    work::charge((text.len() as u64).saturating_mul(4))?;
    // An escape takes six characters in the place of one byte.
    work::make(text.len().saturating_add(escapes.saturating_mul(5)))?;
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
                // JSON escapes a character beyond 16 bits as two surrogates.
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _written = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    Ok(())
}
