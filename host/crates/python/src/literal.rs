//! Python literals, as `ast.literal_eval` reads them: parameters may be given in Python's own display form
//! (`['a', None]`, `{'k': True}`, `1,2`).
//!
//! Tuples and sets become lists, and keys that are not strings become text, because the result is JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::number;

/// A text that is not a Python literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither JSON nor a literal (at character {position}); quote the strings in it")]
pub struct NotALiteral {
    text: String,
    position: usize,
}

/// Parses one literal.
///
/// # Errors
/// [`NotALiteral`] for anything else, such as a bare word.
pub fn parse(text: &str) -> Result<Value, NotALiteral> {
    let mut reader = Reader { rest: text, depth: 0, sets: 0 };
    reader.skip_space();
    let value = reader.tuple_or_value().filter(|_| {
        reader.skip_space();
        reader.rest.is_empty()
    });
    value.ok_or_else(|| NotALiteral {
        text: text.chars().take(60).collect(),
        position: text.chars().count() - reader.rest.chars().count(),
    })
}

/// The depth of nested lists: the same limit as for JSON in `serde_json`.
const DEPTH: usize = 128;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
    /// The number of sets that were read.
    sets: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `1, 2` without brackets is a tuple.
    fn tuple_or_value(&mut self) -> Option<Value> {
        let first = self.value()?;
        if !self.take(",") {
            return Some(first);
        }
        let mut items = vec![first];
        self.skip_space();
        while !self.rest.is_empty() {
            items.push(self.value()?);
            if !self.take(",") {
                break;
            }
            self.skip_space();
        }
        Some(Value::Array(items))
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        let value = if self.depth > DEPTH { None } else { self.nested_value() };
        self.depth -= 1;
        value
    }

    fn nested_value(&mut self) -> Option<Value> {
        self.skip_space();
        match self.rest.chars().next()? {
            '[' => self.items('[', ']').map(|(items, _)| Value::Array(items)),
            '(' => self.items('(', ')').and_then(|(mut items, is_tuple)| match items.len() {
                1 if !is_tuple => items.pop(),
                _ => Some(Value::Array(items)),
            }),
            '{' => self.mapping_or_set(),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            _ => self.word_or_string(),
        }
    }

    /// The items between brackets, and whether there was a comma: `(1)` is a number, `(1,)` a tuple.
    fn items(&mut self, open: char, close: char) -> Option<(Vec<Value>, bool)> {
        self.rest = self.rest.strip_prefix(open)?;
        let (mut items, mut has_comma) = (Vec::new(), false);
        loop {
            self.skip_space();
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest;
                return Some((items, has_comma));
            }
            if !items.is_empty() && !has_comma {
                return None;
            }
            items.push(self.value()?);
            let comma = self.take(",");
            self.skip_space();
            if !comma && !self.rest.starts_with(close) {
                return None;
            }
            has_comma |= comma;
        }
    }

    fn mapping_or_set(&mut self) -> Option<Value> {
        self.rest = self.rest.strip_prefix('{')?;
        let (mut object, mut set, mut known) = (Map::new(), Vec::new(), BTreeSet::new());
        loop {
            if self.take("}") {
                self.sets += usize::from(!set.is_empty());
                return Some(if set.is_empty() { Value::Object(object) } else { Value::Array(set) });
            }
            let sets = self.sets;
            let key = self.value()?;
            if self.take(":") {
                let value = self.value()?;
                object.insert(key_text(&key)?, value);
            } else if self.sets > sets {
                // Python has no sets in sets, and their members would be written once for each level.
                return None;
            } else if known.insert(key.to_string()) {
                set.push(key);
            }
            let comma = self.take(",");
            self.skip_space();
            let is_mixed = !object.is_empty() && !set.is_empty();
            if is_mixed || (!comma && !self.rest.starts_with('}')) {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let negative = match self.rest.chars().next()? {
            sign @ ('+' | '-') => {
                self.rest = self.rest.strip_prefix(sign)?.trim_start();
                sign == '-'
            }
            _ => false,
        };
        let is_part = |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '_';
        let mut end = self.rest.find(|char| !is_part(char)).unwrap_or(self.rest.len());
        // The sign of an exponent belongs to the number.
        if self.rest.get(..end)?.ends_with(['e', 'E']) && !self.rest.starts_with("0x") {
            let tail = self.rest.get(end..)?;
            if tail.starts_with(['+', '-']) {
                let digits = tail.get(1..)?;
                end += 1 + digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
            }
        }
        let (text, rest) = self.rest.split_at_checked(end)?;
        let value = unsigned(text, negative)?;
        self.rest = rest;
        Some(value)
    }

    fn word_or_string(&mut self) -> Option<Value> {
        for (word, value) in
            [("True", Value::Bool(true)), ("False", Value::Bool(false)), ("None", Value::Null)]
        {
            if let Some(rest) = self.rest.strip_prefix(word)
                && !rest.starts_with(|char: char| char.is_alphanumeric() || char == '_')
            {
                self.rest = rest;
                return Some(value);
            }
        }
        let mut text = self.string()?;
        self.skip_space();
        // Adjacent strings are joined into one.
        while self.rest.starts_with(['\'', '"']) {
            text.push_str(&self.string()?);
            self.skip_space();
        }
        Some(Value::String(text))
    }

    fn string(&mut self) -> Option<String> {
        let prefix = self.rest.find(['\'', '"'])?;
        let (letters, rest) = self.rest.split_at_checked(prefix)?;
        let is_raw = match letters {
            "" | "u" | "U" => false,
            "r" | "R" => true,
            _ => return None,
        };
        let quote = rest.chars().next()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let delimiter = if rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.rest = rest.strip_prefix(&delimiter)?;
        let mut text = String::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(&delimiter) {
                self.rest = rest;
                return Some(text);
            }
            let char = self.next()?;
            match char {
                '\n' if delimiter.len() == 1 => return None,
                '\\' if is_raw => text.extend(['\\', self.next()?]),
                '\\' => self.escape(&mut text)?,
                _ => text.push(char),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next()?;
        self.rest = chars.as_str();
        Some(char)
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let char = match self.next()? {
            '\n' => return Some(()),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            '0' => '\0',
            known @ ('\\' | '\'' | '"') => known,
            // Python keeps the backslash of an escape that it does not know.
            other => {
                text.push('\\');
                other
            }
        };
        text.push(char);
        Some(())
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }
}

fn unsigned(text: &str, negative: bool) -> Option<Value> {
    let signed = |value: i128| number::integer(if negative { -value } else { value });
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return i128::from_str_radix(&digits.replace('_', ""), radix).ok().and_then(signed);
        }
    }
    if let Some(value) = number::integer_from_text(&lower) {
        // A leading zero meant base 8 in Python 2. Python 3 refuses it, and allows several zeros alone.
        let is_octal_of_old = lower.len() > 1 && lower.starts_with('0') && value != 0;
        return if is_octal_of_old { None } else { signed(value) };
    }
    if lower.starts_with(|char: char| char.is_ascii_digit() || char == '.') {
        let value = number::float_from_text(&lower)?;
        return number::float(if negative { -value } else { value });
    }
    None
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literals_become_json() {
        for (text, expected) in [
            ("1,2", json!([1, 2])),
            ("(1, 2)", json!([1, 2])),
            ("(1)", json!(1)),
            ("(1,)", json!([1])),
            ("()", json!([])),
            (" ['a', \"b'\", None, True, -1.5, 1e3]", json!(["a", "b'", null, true, -1.5, 1000.0])),
            ("{'a': {1: 'x'}, }", json!({"a": {"1": "x"}})),
            ("{1, 1, 2}", json!([1, 2])),
            ("{}", json!({})),
            ("'a' \"b\"", json!("ab")),
            (r"'\x41\u2603\n\d'", json!("A☃\n\\d")),
            (r"r'\n'", json!("\\n")),
            ("0x1f", json!(31)),
            ("1_000", json!(1000)),
            ("1e-5", json!(1e-5)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn a_large_set_is_not_gone_through_for_each_of_its_items() {
        let numbers: Vec<_> = (0..200_000).map(|number| number.to_string()).collect();
        let parsed = parse(&format!("{{{0}, {0}}}", numbers.join(", "))).unwrap();
        assert_eq!(parsed.as_array().map(Vec::len), Some(200_000));
    }

    #[test]
    fn a_set_in_a_set_is_refused_at_once() {
        let numbers = "1, ".repeat(1_000_000);
        let nested = format!("{}({numbers}){}", "{".repeat(100), "}".repeat(100));
        assert!(parse(&nested).is_err());
        assert!(parse("{1, (2, [{3}])}").is_err());
        assert_eq!(parse("{1: {2: {3}}, 4: {3}}"), Ok(json!({"1": {"2": [3]}, "4": [3]})));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "Yes",
            "a,b",
            "[1",
            "[1 2]",
            "{'a': 1, 2}",
            "1 + 1",
            "010",
            "'a",
            "f('x')",
            "99999999999999999999",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(10_000)).is_err());
    }
}
