//! An object for people: one attribute on each line, nested values as indented JSON, and texts of several lines as such
//! (`nested.rs`).

use std::fmt::Display;

use petrel_model::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::nested;
use super::terminal::{coloured, plain, to_the_second};

/// The attributes of an object, in the order of the output. Each has its name in the answer of `--json`, with a dot
/// before each nested key.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<(&'static str, Shown)>);

/// The output for an attribute.
#[derive(Debug)]
enum Shown {
    /// None. The name still counts for the width, so that objects of a kind look alike.
    Nothing,
    /// A text after the name.
    Text(String),
    /// A status, which has a colour at a terminal.
    Status(String),
    /// Lines below the name.
    Nested(Vec<String>),
}

impl Attributes {
    /// Adds a text.
    pub(crate) fn text(self, name: &'static str, value: impl Display) -> Self {
        self.with(name, Shown::Text(value.to_string()))
    }

    /// Adds a text, if there is one.
    pub(crate) fn text_if_any(self, name: &'static str, value: Option<impl Display>) -> Self {
        self.with(name, value.map_or(Shown::Nothing, |value| Shown::Text(value.to_string())))
    }

    /// Adds a status.
    pub(crate) fn status(self, name: &'static str, value: impl Display) -> Self {
        self.with(name, Shown::Status(value.to_string()))
    }

    /// Adds a time, to the second, if there is one.
    pub(crate) fn time(self, name: &'static str, value: impl Into<Option<Timestamp>>) -> Self {
        self.with(name, value.into().map_or(Shown::Nothing, |time| Shown::Text(to_the_second(time))))
    }

    /// Adds any other value as JSON; null and an empty object are left out.
    pub(crate) fn value(self, name: &'static str, value: &impl Serialize) -> Self {
        // The value was read from JSON, so writing it as JSON cannot fail.
        let value = serde_json::to_value(value).unwrap_or_default();
        let shown = match &value {
            Value::Null => Shown::Nothing,
            Value::Object(fields) if fields.is_empty() => Shown::Nothing,
            Value::Object(_) | Value::Array(_) => Shown::Nested(nested::lines(&value)),
            Value::String(text) => Shown::Text(text.clone()),
            other => Shown::Text(other.to_string()),
        };
        self.with(name, shown)
    }

    fn with(mut self, name: &'static str, shown: Shown) -> Self {
        self.0.push((name, shown));
        self
    }

    /// The lines, with the status in its colour if `in_colour`.
    pub(crate) fn lines(&self, in_colour: bool) -> Vec<String> {
        // One more, for the colon after each name.
        let width = self.0.iter().map(|(name, _)| name.len() + 1).max().unwrap_or_default();
        let line = |name: &str, text: &str| format!("{:width$} {text}", format!("{name}:"));
        let mut lines = Vec::new();
        for (name, shown) in &self.0 {
            match shown {
                Shown::Nothing => {}
                Shown::Status(status) if in_colour => lines.push(line(name, &coloured(status))),
                Shown::Text(text) | Shown::Status(text) => {
                    // A text of several lines stands in its column, so that none of them looks like another attribute.
                    let text = plain(text);
                    let mut texts = text.trim_end_matches('\n').split('\n');
                    lines.push(line(name, texts.next().unwrap_or_default()));
                    lines.extend(texts.map(|text| format!("{:width$} {text}", "")));
                }
                Shown::Nested(nested) => {
                    lines.push(format!("{name}:"));
                    lines.extend(nested.iter().map(|text| format!("  {}", plain(text))));
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_looks_like_another_attribute() {
        let shown = Attributes::default().text("description", "mine\nsignature: verified\n").text("ref", "a");
        assert_eq!(
            shown.lines(false),
            ["description: mine", "             signature: verified", "ref:         a"]
        );
    }

    #[test]
    fn an_attribute_is_a_line_and_what_is_nested_stands_below_its_name() {
        let noon: Timestamp = "2026-11-20T12:00:00.123456Z".parse().unwrap();
        let shown = Attributes::default()
            .text("id", "1")
            .status("status", "failed")
            .text_if_any("trace", None::<&str>)
            .time("start_timestamp", noon)
            .time("end_timestamp", None::<Timestamp>)
            .value("elapsed_seconds", &Some(1.5))
            .value("parameters", &json!({}))
            .value("result", &json!({"error": "no\nroom", "codes": [1]}))
            .value("empty", &json!([]));
        let expected = [
            "id:              1",
            "status:          failed",
            "start_timestamp: 2026-11-20T12:00:00Z",
            "elapsed_seconds: 1.5",
            "result:",
            "  {",
            "    \"error\": |",
            "      no",
            "      room",
            "    \"codes\": [",
            "      1",
            "    ]",
            "  }",
            "empty:",
            "  []",
        ];
        assert_eq!(shown.lines(false), expected);
    }

    #[test]
    fn a_status_has_its_colour_and_a_text_tells_the_terminal_nothing() {
        let shown = Attributes::default().status("status", "failed").text("name", "a\u{1b}[31mb");
        assert_eq!(shown.lines(true), ["status: \u{1b}[31mfailed\u{1b}[0m", "name:   a\\u{1b}[31mb"]);
    }
}
