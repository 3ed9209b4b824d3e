//! The layout of nested values for people: indented JSON, but with texts of several lines, such as tracebacks, as lines. For
//! programs there is `--json`.

use serde_json::Value;

/// The lines of `value`. Control characters in them are not removed yet.
pub(super) fn lines(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    add(value, 0, "", "", &mut lines);
    lines
}

/// Adds the lines of `value`, with `before` in front of the first line and `behind` after the last one.
fn add(value: &Value, depth: usize, before: &str, behind: &str, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            lines.push(format!("{indent}{before}{{"));
            for (place, (name, field)) in fields.iter().enumerate() {
                let name = format!("{}: ", Value::from(name.as_str()));
                add(field, depth + 1, &name, comma(place, fields.len()), lines);
            }
            lines.push(format!("{indent}}}{behind}"));
        }
        Value::Array(items) if !items.is_empty() => {
            lines.push(format!("{indent}{before}["));
            for (place, item) in items.iter().enumerate() {
                add(item, depth + 1, "", comma(place, items.len()), lines);
            }
            lines.push(format!("{indent}]{behind}"));
        }
        Value::String(text) if text.trim_end_matches('\n').contains('\n') => {
            lines.push(format!("{indent}{before}|"));
            // Without `behind`, which would look like a part of the text.
            lines.extend(text.lines().map(|line| format!("{indent}  {line}")));
        }
        other => lines.push(format!("{indent}{before}{other}{behind}")),
    }
}

/// The separator after the item at `place` of so many.
fn comma(place: usize, count: usize) -> &'static str {
    if place + 1 < count { "," } else { "" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_of_several_lines_is_shown_in_lines() {
        let result = json!({
            "exit_code": 1,
            "stderr": "Traceback:\n  File \"a.py\"\nValueError: x\n",
            "deep": [{"log": "a\nb"}],
            "last": "one line\n",
        });
        let expected = [
            "{",
            "  \"exit_code\": 1,",
            "  \"stderr\": |",
            "    Traceback:",
            "      File \"a.py\"",
            "    ValueError: x",
            "  \"deep\": [",
            "    {",
            "      \"log\": |",
            "        a",
            "        b",
            "    }",
            "  ],",
            "  \"last\": \"one line\\n\"",
            "}",
        ];
        assert_eq!(lines(&result), expected);
    }

    #[test]
    fn what_has_no_such_text_is_json() {
        for value in [
            json!({"a": {}, "b": [], "c": [1, "x", null, {"d": "\u{1b}"}], "\"": true}),
            json!("text"),
            json!([[["a"]]]),
        ] {
            assert_eq!(lines(&value).join("\n"), serde_json::to_string_pretty(&value).unwrap());
        }
    }
}
