//! YAML for both languages. `petrel_yaml` reads it as `PyYAML` does; this file writes it as `PyYAML` does: block
//! style, keys sorted, texts plain where they read back as text, folded behind column 80.

use petrel_python::display;
use petrel_python::work::{self, Limit};
use serde_json::Value;

use super::Error;
use super::json::charge_parsing;

/// The column behind which texts are folded at the next blank.
const WIDTH: usize = 80;

/// The length of a key up to which it stands before a colon on one line; a longer one gets a line of its own.
const SIMPLE_KEY: usize = 128;

/// Reads YAML 1.1; dates stay text.
///
/// # Errors
/// The limit that the charge exceeds, or the place and the reason of a syntax error.
pub fn parse(text: &str) -> Result<Value, Error> {
    work::charge((text.len() as u64).saturating_mul(100))?;
    charge_parsing(text)?;
    work::make_list(text.matches(['-', '\n']).count())?;
    petrel_yaml::parse_loosely(text).map_err(|error| Error::Wrong(error.to_string()))
}

/// Writes `value` as YAML with an indent of 2 to 9 blanks, with or without escapes for characters outside of ASCII.
///
/// # Errors
/// The limit that the charge exceeds.
pub fn dump(value: &Value, indent: usize, allow_unicode: bool) -> Result<String, Limit> {
    // PyYAML takes its default for an indent outside of this range, without an error.
    let step = if (2..10).contains(&indent) { indent } else { 2 };
    let mut writer = Writer { out: String::new(), column: 0, step, allow_unicode };
    match value {
        Value::Array(items) if !items.is_empty() => writer.items(items, 0),
        Value::Object(object) if !object.is_empty() => writer.entries(object, 0),
        scalar => {
            writer.scalar(scalar, step, false);
            writer.put("\n");
        }
    }
    work::check().map(|()| writer.out)
}

struct Writer {
    out: String,
    column: usize,
    step: usize,
    allow_unicode: bool,
}

impl Writer {
    /// Adds `text`, or nothing once a limit was exceeded.
    fn put(&mut self, text: &str) {
        if work::charge(20).and_then(|()| work::make(text.len())).is_err() {
            return;
        }
        self.out.push_str(text);
        self.column = match text.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => self.column + text.chars().count(),
        };
    }

    /// Adds blanks up to a column, on a new line unless the present one is empty or just begins an item.
    fn pad(&mut self, column: usize) {
        let blanks = column.saturating_sub(self.column);
        if work::check().is_ok() {
            self.put(&" ".repeat(blanks));
        }
    }

    fn items(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.pad(indent);
            self.put("-");
            match item {
                Value::Array(inner) if !inner.is_empty() => self.items(inner, indent + self.step),
                Value::Object(inner) if !inner.is_empty() => self.entries(inner, indent + self.step),
                scalar => {
                    self.put(" ");
                    self.scalar(scalar, indent + self.step, false);
                    self.put("\n");
                }
            }
        }
    }

    fn entries(&mut self, object: &serde_json::Map<String, Value>, indent: usize) {
        let mut entries: Vec<_> = object.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, value) in entries {
            self.pad(indent);
            let is_simple =
                key.chars().count() <= SIMPLE_KEY && !key.contains(['\n', '\u{85}', '\u{2028}', '\u{2029}']);
            if is_simple {
                self.text(key, indent + self.step, true);
            } else {
                self.put("? ");
                self.text(key, indent + self.step, false);
                self.put("\n");
                self.pad(indent);
            }
            self.put(":");
            match value {
                Value::Array(inner) if !inner.is_empty() && !is_simple => {
                    self.items(inner, indent + self.step);
                }
                Value::Object(inner) if !inner.is_empty() && !is_simple => {
                    self.entries(inner, indent + self.step);
                }
                // PyYAML puts the items of a list below a key into the column of the key.
                Value::Array(inner) if !inner.is_empty() => {
                    self.put("\n");
                    self.items(inner, indent);
                }
                Value::Object(inner) if !inner.is_empty() => {
                    self.put("\n");
                    self.entries(inner, indent + self.step);
                }
                scalar => {
                    self.put(" ");
                    self.scalar(scalar, indent + self.step, false);
                    self.put("\n");
                }
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, is_key: bool) {
        match value {
            Value::String(text) => self.text(text, indent, is_key),
            Value::Number(number) if number.is_f64() => {
                let text = display::float(number.as_f64().unwrap_or_default());
                // YAML 1.1 requires a dot before an exponent.
                let text = if text.contains('.') { text } else { text.replacen('e', ".0e", 1) };
                self.put(&text);
            }
            Value::Array(_) => self.put("[]"),
            Value::Object(_) => self.put("{}"),
            other => self.put(&other.to_string()),
        }
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        if work::make(text.len().saturating_mul(4)).is_err() {
            return;
        }
        let analysis = Analysis::of(text, self.allow_unicode);
        let is_empty_or_long = text.is_empty() || text.contains('\n');
        if analysis.allows_plain && petrel_yaml::is_text(text) && !(is_key && is_empty_or_long) {
            self.folded(text, indent, is_key);
        } else if analysis.allows_single && !(is_key && text.contains('\n')) {
            self.put("'");
            self.single(text, indent, is_key);
            self.put("'");
        } else {
            self.put("\"");
            self.double(text, indent, is_key);
            self.put("\"");
        }
    }

    fn break_line(&mut self, indent: usize) {
        self.put("\n");
        self.pad(indent);
    }

    /// Writes a plain text, broken at single blanks behind the width.
    fn folded(&mut self, text: &str, indent: usize, is_key: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, char) in chars.iter().enumerate() {
            let next_is_space = chars.get(index + 1) == Some(&' ');
            if *char == ' ' && !is_key && !after_space && self.column > WIDTH && !next_is_space {
                self.break_line(indent);
            } else {
                self.put(char.encode_utf8(&mut [0; 4]));
            }
            after_space = *char == ' ';
        }
    }

    /// Writes the inside of single quotes. A line break is doubled, because a single one would be folded into a
    /// blank.
    fn single(&mut self, text: &str, indent: usize, is_key: bool) {
        let chars: Vec<char> = text.chars().collect();
        let (mut after_space, mut after_break) = (false, false);
        for (index, char) in chars.iter().enumerate() {
            let is_inner = index > 0 && index + 1 < chars.len();
            let next_is_space = chars.get(index + 1) == Some(&' ');
            match char {
                ' ' => {
                    if !is_key && !after_space && self.column > WIDTH && is_inner && !next_is_space {
                        self.break_line(indent);
                    } else {
                        self.put(" ");
                    }
                }
                '\n' => {
                    if !after_break {
                        self.put("\n");
                    }
                    self.put("\n");
                }
                _ => {
                    if after_break {
                        self.pad(indent);
                    }
                    let mut buffer = [0; 4];
                    self.put(if *char == '\'' { "''" } else { char.encode_utf8(&mut buffer) });
                }
            }
            (after_space, after_break) = (*char == ' ', *char == '\n');
        }
        if after_break {
            self.pad(indent);
        }
    }

    /// Writes the inside of double quotes.
    fn double(&mut self, text: &str, indent: usize, is_key: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, &char) in chars.iter().enumerate() {
            let is_inner = index > 0 && index + 1 < chars.len();
            if char == ' ' && !is_key && !after_space && self.column > WIDTH && is_inner {
                self.break_line(indent);
                if chars.get(index + 1) == Some(&' ') {
                    self.put("\\");
                }
            } else if matches!(char, '"' | '\\') || !is_shown(char, self.allow_unicode) {
                self.put(&escape(char));
            } else {
                self.put(char.encode_utf8(&mut [0; 4]));
            }
            after_space = char == ' ';
        }
    }
}

/// Whether a character stands for itself. Characters beyond 16 bits never do, as in `PyYAML`.
fn is_shown(char: char, allow_unicode: bool) -> bool {
    match char {
        ' '..='~' => true,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => allow_unicode,
        _ => false,
    }
}

fn escape(char: char) -> String {
    match char {
        '\0' => "\\0".into(),
        '\x07' => "\\a".into(),
        '\x08' => "\\b".into(),
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\x0b' => "\\v".into(),
        '\x0c' => "\\f".into(),
        '\r' => "\\r".into(),
        '\x1b' => "\\e".into(),
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\u{85}' => "\\N".into(),
        '\u{a0}' => "\\_".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        _ => match u32::from(char) {
            code @ ..=0xff => format!("\\x{code:02X}"),
            code @ ..=0xffff => format!("\\u{code:04X}"),
            code => format!("\\U{code:08X}"),
        },
    }
}

/// The styles that a text can have.
struct Analysis {
    allows_plain: bool,
    allows_single: bool,
}

impl Analysis {
    fn of(text: &str, allow_unicode: bool) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let is_space =
            |char: Option<&char>| char.is_none_or(|char| matches!(char, '\0' | ' ' | '\t' | '\r' | '\n'));
        let is_indicated = text.starts_with("---") || text.starts_with("...");
        let (mut is_marked, mut is_special) = (is_indicated, false);
        let (mut space_break, mut break_space) = (false, false);
        for (index, char) in chars.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| chars.get(before));
            let before_space = is_space(before) || index == 0;
            let after_space = is_space(chars.get(index + 1));
            is_marked |= match char {
                '#' => before_space,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    index == 0
                }
                '?' | '-' => index == 0 && after_space,
                ':' => after_space,
                _ => false,
            };
            is_special |= *char != '\n' && !is_shown(*char, allow_unicode);
            space_break |= *char == '\n' && before == Some(&' ');
            break_space |= *char == ' ' && before == Some(&'\n');
        }
        let is_edge = |char: Option<&char>| char.is_some_and(|char| matches!(char, ' ' | '\n'));
        let has_edge = is_edge(chars.first()) || is_edge(chars.last());
        let allows_single = !(is_special || space_break || break_space);
        let allows_plain = allows_single && !is_marked && !has_edge && !text.contains('\n');
        Self { allows_plain, allows_single }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_pyyaml_does() {
        for (value, expected) in [
            (json!([1, "a", null, true, 2.5, 1e16]), "- 1\n- a\n- null\n- true\n- 2.5\n- 1.0e+16\n"),
            (json!({"b": {"c": [1, {"d": []}]}, "a": {}}), "a: {}\nb:\n  c:\n  - 1\n  - d: []\n"),
            (json!([[1, [2]], {"a": 1, "b": 2}]), "- - 1\n  - - 2\n- a: 1\n  b: 2\n"),
            (json!("a\nb"), "'a\n\n  b'\n"),
            (json!("a\n"), "'a\n\n  '\n"),
            (json!("a\tb"), "\"a\\tb\"\n"),
            (json!("héllo 🎉"), "\"héllo \\U0001F389\"\n"),
            (
                json!({"x y": 1, "": 2, "yes": 3, "2020-01-02": 4}),
                "'': 2\n'2020-01-02': 4\nx y: 1\n'yes': 3\n",
            ),
            (json!("it's"), "it's\n"),
            (json!("'it''s"), "'''it''''s'\n"),
            (json!({"a\nb": [1, 2]}), "? 'a\n\n  b'\n: - 1\n  - 2\n"),
        ] {
            assert_eq!(dump(&value, 2, true).as_deref(), Ok(expected), "{value}");
            assert_eq!(parse(expected), Ok(value), "{expected}");
        }
        let wide = dump(&json!([{"a": [1], "b": 2}]), 4, true);
        assert_eq!(wide.as_deref(), Ok("-   a:\n    - 1\n    b: 2\n"));
        assert_eq!(dump(&json!("é☃"), 2, false).as_deref(), Ok("\"\\xE9\\u2603\"\n"));
        let long = format!("{} end", "word ".repeat(30).trim_end());
        assert_eq!(parse(&dump(&json!([long.clone()]), 2, true).unwrap()), Ok(json!([long])));
        assert!(matches!(parse("a: ["), Err(Error::Wrong(_))));
    }
}
