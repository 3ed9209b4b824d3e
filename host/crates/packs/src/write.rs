//! Writes YAML: the metadata of an action that a component describes.
//!
//! Block style, keys in order, quotes only where a text would be read as something else.

use petrel_model::quoted::{is_steering, shown_json};
use petrel_model::{Action, Object};
use serde_json::Value;

/// The text of `actions/<name>.yaml` for `action`. Parsing it returns an equal action.
pub fn write_action_metadata(action: &Action) -> String {
    let mut fields = Object::new();
    let mut put = |name: &str, value: Value| fields.insert(name.into(), value);
    put("name", action.reference.name().into());
    if !action.description.is_empty() {
        put("description", action.description.as_str().into());
    }
    put("runner_type", action.runner_type.as_str().into());
    if !action.entry_point.is_empty() {
        put("entry_point", action.entry_point.as_str().into());
    }
    put("enabled", action.enabled.into());
    if action.idempotent {
        put("idempotent", true.into());
    }
    if action.expressions.reevaluate {
        put("expressions", serde_json::json!({"reevaluate": true}));
    }
    for (name, value) in [
        ("parameters", &action.parameters),
        ("output_schema", &action.output_schema),
        ("notify", &action.notify),
    ] {
        if !value.is_empty() {
            put(name, Value::Object(value.clone()));
        }
    }
    if !action.tags.is_empty() {
        let tag = |tag: &petrel_model::action::Tag| {
            let fields = [
                ("name".to_owned(), tag.name.as_str().into()),
                ("value".to_owned(), tag.value.as_str().into()),
            ];
            Value::Object(fields.into_iter().collect())
        };
        put("tags", action.tags.iter().map(tag).collect());
    }
    let mut out = String::from("---\n");
    write_object(&mut out, &fields, 0);
    out
}

/// Writes any value as YAML.
pub fn write_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => write_object(&mut out, object, 0),
        Value::Array(items) if !items.is_empty() => write_value(&mut out, value, 0),
        scalar => out.push_str(&format!("{}\n", scalar_text(scalar))),
    }
    // A list begins on a new line, as after a key.
    out.trim_start_matches('\n').to_owned()
}

fn write_object(out: &mut String, object: &Object, indent: usize) {
    for (index, (key, value)) in object.iter().enumerate() {
        // The first key follows the `-` of a list item on the same line.
        if index > 0 || out.ends_with('\n') {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&text(key));
        out.push(':');
        write_value(out, value, indent);
    }
}

/// Writes a value after `key:` or `-`, with its line end.
fn write_value(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            out.push('\n');
            write_object(out, object, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&" ".repeat(indent + 2));
                out.push('-');
                match item {
                    Value::Object(object) if !object.is_empty() => {
                        out.push(' ');
                        write_object(out, object, indent + 4);
                    }
                    item => write_value(out, item, indent + 2),
                }
            }
        }
        scalar => {
            out.push(' ');
            out.push_str(&scalar_text(scalar));
            out.push('\n');
        }
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Number(number) if number.is_f64() => float(number.to_string()),
        Value::Array(_) => "[]".into(),
        Value::Object(_) => "{}".into(),
        other => other.to_string(),
    }
}

/// YAML 1.1 requires a dot in the mantissa and a sign in the exponent.
fn float(text: String) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{dot}e{sign}{exponent}")
}

/// Writes a text plain if it reads back as the same text, and otherwise in double quotes, in JSON's syntax.
fn text(string: &str) -> String {
    let is_safe = |char: char| !is_steering(char) && !"#:{}[],&*!|>'\"%@`\\\u{feff}".contains(char);
    let starts_well = string.starts_with(|char: char| char.is_alphanumeric() || "_/.(<".contains(char));
    // As a key, `<<` would merge its value.
    let is_plain = starts_well && string != "<<" && !string.ends_with(' ') && string.chars().all(is_safe);
    let same = || petrel_yaml::parse_node(string).is_ok_and(|node| node.to_json().as_str() == Some(string));
    if is_plain && same() {
        return string.to_owned();
    }
    shown_json(&Value::from(string).to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::definition::read_action;

    #[test]
    fn text_is_quoted_where_yaml_would_read_something_else() {
        for (string, written) in [
            ("plain text", "plain text"),
            ("yes", "\"yes\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("<<", "\"<<\""),
            ("a\u{202e}b\u{9b}", r#""a\u202eb\u009b""#),
        ] {
            assert_eq!(text(string), written);
        }
    }

    #[test]
    fn metadata_reads_as_people_write_it() {
        let action: Action = serde_json::from_value(json!({
            "ref": "demo.greet", "runner_type": "wasm-component", "entry_point": "wasm/demo.wasm",
            "description": "Greets: politely", "idempotent": true,
            "parameters": {"who": {"type": "string", "default": "yes", "enum": ["yes", "no", "1e3"]}, "n": {"default": 1e300}},
            "output_schema": {"type": "object", "properties": {}},
            "tags": [{"name": "a", "value": ""}],
        }))
        .unwrap();
        let text = write_action_metadata(&action);
        let expected = r#"---
name: greet
description: "Greets: politely"
runner_type: wasm-component
entry_point: wasm/demo.wasm
enabled: true
idempotent: true
parameters:
  who:
    type: string
    default: "yes"
    enum:
      - "yes"
      - "no"
      - 1e3
  n:
    default: 1.0e+300
output_schema:
  type: object
  properties: {}
tags:
  - name: a
    value: ""
"#;
        assert_eq!(text, expected);
        assert_eq!(read_action("a.yaml", &text, "demo").unwrap(), action);
    }

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has these", |float| float.is_finite()).prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[ -~\n\t]{0,12}".prop_map(Value::from),
            "[-+0-9:._exb~yno]{1,6}".prop_map(Value::from),
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[ -~]{0,8}", inner), 0..4)
                    .prop_map(|entries| entries.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(value in value()) {
            let mut action: Action = serde_json::from_value(json!({"ref": "demo.greet", "runner_type": "noop"})).unwrap();
            action.parameters.insert("any".into(), json!({"default": value}));
            let text = write_action_metadata(&action);
            let read = read_action("a.yaml", &text, "demo");
            prop_assert_eq!(read.as_ref(), Ok(&action), "{}", text);
        }
    }
}
