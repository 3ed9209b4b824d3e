//! Values of the template engine in the text form of Python. [`petrel_python::display`] writes floats and quotes, and
//! writes JSON in the same form.

use std::fmt::{self, Write};

use minijinja::Value;
use minijinja::value::ValueKind;
use petrel_python::display::{DEPTH, NODE, float, write_quoted};

use crate::sequence;
use crate::work::{self, Text};

/// Writes `value` as `str()` does.
pub(crate) fn write(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value.as_str() {
        _ if value.kind() == ValueKind::Bytes => write_repr(out, value, 0),
        Some(text) => out.write_str(text),
        None => write_repr(out, value, 0),
    }
}

/// `value` as a string in the form of `str()`. The error means lists that nest too deep, or a limit that
/// [`work::check`] names.
pub(crate) fn to_text(value: &Value) -> Result<String, fmt::Error> {
    let mut text = Text::default();
    write(&mut text, value).map(|()| text.0)
}

/// `value` in the form of `repr()`.
pub(crate) fn repr(value: &Value) -> Result<String, fmt::Error> {
    let mut text = Text::default();
    write_repr(&mut text, value, 0).map(|()| text.0)
}

fn write_repr(out: &mut impl Write, value: &Value, depth: usize) -> fmt::Result {
    if depth > DEPTH || work::charge(NODE).is_err() {
        return Err(fmt::Error);
    }
    if let Some((prefix, suffix)) = sequence::frame(value) {
        out.write_str(&prefix)?;
        if !suffix.is_empty() {
            write_items(out, value, depth + 1)?;
        }
        return out.write_str(suffix);
    }
    match value.kind() {
        ValueKind::String => write_quoted(out, value.as_str().unwrap_or_default()),
        ValueKind::Undefined => out.write_str("Undefined"),
        ValueKind::Bytes => write_bytes(out, value.as_bytes().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) => out.write_str(&float(number)),
            Err(_) => write!(out, "{value}"),
        },
        ValueKind::Seq if value.is_tuple() => {
            out.write_char('(')?;
            write_items(out, value, depth + 1)?;
            out.write_str(if value.len() == Some(1) { ",)" } else { ")" })
        }
        ValueKind::Seq | ValueKind::Iterable => {
            out.write_char('[')?;
            write_items(out, value, depth + 1)?;
            out.write_char(']')
        }
        ValueKind::Map => {
            out.write_char('{')?;
            write_pairs(out, value, depth + 1)?;
            out.write_char('}')
        }
        _ => write!(out, "{value}"),
    }
}

fn write_items(out: &mut impl Write, value: &Value, depth: usize) -> fmt::Result {
    let Ok(items) = value.try_iter() else { return Ok(()) };
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_repr(out, &item, depth)?;
    }
    Ok(())
}

fn write_pairs(out: &mut impl Write, value: &Value, depth: usize) -> fmt::Result {
    let Ok(keys) = value.try_iter() else { return Ok(()) };
    for (index, key) in keys.enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_repr(out, &key, depth)?;
        out.write_str(": ")?;
        write_repr(out, &value.get_item(&key).unwrap_or_default(), depth)?;
    }
    Ok(())
}

/// Writes bytes as Python's `repr` does.
fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    write!(out, "b{quote}")?;
    for &byte in bytes {
        match byte {
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            _ if char::from(byte) == quote => write!(out, "\\{quote}")?,
            b' '..=b'~' => out.write_char(char::from(byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char(quote)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::convert::from_json;
    use petrel_python::display::text;

    #[test]
    fn values_look_as_in_python_whoever_holds_them() {
        for (value, expected) in [
            (json!([1, "a", null, true, 2.5]), "[1, 'a', None, True, 2.5]"),
            (json!({"k": "it's", "l": "\"'"}), r#"{'k': "it's", 'l': '"\''}"#),
            (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
            (json!([1e16, -0.0, {}]), "[1e+16, -0.0, {}]"),
            (json!("plain 'text'"), "plain 'text'"),
        ] {
            assert_eq!(to_text(&from_json(&value)).as_deref(), Ok(expected));
            assert_eq!(text(&value), expected);
        }
    }
}
