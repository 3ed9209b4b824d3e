//! Values as Python writes them in text: `True`, `None`, `1.0`, `1e+16`, `[1, 'a', None]`, `{'k': "it's"}`.

use std::fmt::{self, Write};

use serde_json::Value;

use crate::work::{self, Text};

/// The depth of lists up to which values are written in Python's form. A template can build deeper lists than the
/// stack could walk through.
pub const DEPTH: usize = 200;

/// The work of writing one part of a value, besides its text.
pub const NODE: u64 = 100;

/// `value` as `str()` writes it. A value that nests too deep, or exceeds a limit, is written as JSON.
pub fn text(value: &Value) -> String {
    let mut text = Text::default();
    let written = match value.as_str() {
        Some(plain) => text.write_str(plain),
        None => write_repr(&mut text, value, 0),
    };
    written.map_or_else(|_too_deep| value.to_string(), |()| text.0)
}

fn write_repr(out: &mut impl Write, value: &Value, depth: usize) -> fmt::Result {
    if depth > DEPTH || work::charge(NODE).is_err() {
        return Err(fmt::Error);
    }
    match value {
        Value::Null => out.write_str("None"),
        Value::Bool(true) => out.write_str("True"),
        Value::Bool(false) => out.write_str("False"),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(number) => out.write_str(&float(number)),
            None => write!(out, "{number}"),
        },
        Value::String(text) => write_quoted(out, text),
        Value::Array(items) => {
            out.write_char('[')?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_repr(out, item, depth + 1)?;
            }
            out.write_char(']')
        }
        Value::Object(fields) => {
            out.write_char('{')?;
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_quoted(out, name)?;
                out.write_str(": ")?;
                write_repr(out, field, depth + 1)?;
            }
            out.write_char('}')
        }
    }
}

/// A float as Python's `repr` writes it: the shortest digits that read back as the same number, with an exponent
/// below 1e-4 and from 1e16 on.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A string as Python's `repr` writes it: in single quotes, unless it contains single quotes and no double ones.
pub fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for char in text.chars() {
        match char {
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            _ if char == quote => write!(out, "\\{char}")?,
            _ if is_printable(char) => out.write_char(char)?,
            _ => match u32::from(char) {
                code @ ..=0xff => write!(out, "\\x{code:02x}")?,
                code @ ..=0xffff => write!(out, "\\u{code:04x}")?,
                code => write!(out, "\\U{code:08x}")?,
            },
        }
    }
    out.write_char(quote)
}

/// Whether Python shows `char` as it is: not a control, separator (other than the space), format or private-use
/// character.
pub fn is_printable(char: char) -> bool {
    if char == ' ' {
        return true;
    }
    let is_format = matches!(char,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}');
    let is_private = matches!(char, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    !(char.is_control() || char.is_whitespace() || is_format || is_private)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_in_python() {
        for (value, expected) in [
            (json!([1, "a", null, true, 2.5]), "[1, 'a', None, True, 2.5]"),
            (json!({"k": "it's", "l": "\"'"}), r#"{'k': "it's", 'l': '"\''}"#),
            (json!(["a\nb\u{1}\u{a0}\u{200b}é☃"]), r"['a\nb\x01\xa0\u200bé☃']"),
            (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
            (
                json!([1e16, 1e-5, 100.0, 123_456_789.123_456_79, -0.0]),
                "[1e+16, 1e-05, 100.0, 123456789.12345679, -0.0]",
            ),
            (json!("plain 'text'"), "plain 'text'"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }
}
