//! The arguments of a shell script: a pure function of the parameters of its action, by StackStorm's rules. `script.rs`
//! and `identity.rs` beside this file start the script.
//!
//! Named arguments come first, in the order in which they were given: `--name=value`, only `--name` for true, and
//! nothing for false, null and the empty text. Positional arguments follow in the order of their positions. Every
//! position has an argument; one without a value is empty. Values are written as Python's `str()` does, as scripts of
//! existing packs expect it. (Source: StackStorm's `shell.py` and `action_runner` parameters, and the conformance cases
//! of `positional`.)

use petrel_model::Object;
use petrel_model::parameters::{Parameters, Schema, positional};
use petrel_python::display::text;
use petrel_python::is_true;
use serde_json::Value;

/// The declarations that decide the arguments.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// The parameters of the action.
    pub action: &'a Parameters,
    /// The parameters of its runner, which are not passed to the script.
    pub runner: &'a Parameters,
    /// Prefix of a named argument.
    pub kwarg_op: &'a str,
}

/// The arguments for these values. Values of the runner's parameters may be among them.
pub fn arguments(values: &Object, signature: Signature<'_>) -> Vec<String> {
    let Signature { action, runner, kwarg_op } = signature;
    let positional = positional(action);
    let is_named =
        |name: &str| !runner.contains_key(name) && !positional.values().any(|other| *other == name);
    let named = values.iter().filter(|(name, _)| is_named(name));
    let named = named.filter_map(|(name, value)| match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Bool(true) => Some(format!("{kwarg_op}{name}")),
        value => Some(format!("{kwarg_op}{name}={}", text(value))),
    });
    let placed = positional.values().map(|name| {
        let kind = Schema::named(action, name).and_then(Schema::kind);
        place(values.get(*name).unwrap_or(&Value::Null), kind)
    });
    named.chain(placed).collect()
}

/// The text of a positional argument with this type.
fn place(value: &Value, kind: Option<&str>) -> String {
    match kind {
        _ if value.is_null() => String::new(),
        Some("null") => String::new(),
        Some("boolean") => if is_true(value) { "1" } else { "0" }.into(),
        // The same items as when Python iterates over it: elements, characters, keys.
        Some("array") => match value {
            Value::Array(items) => joined(items.iter().map(text)),
            Value::String(characters) => joined(characters.chars().map(String::from)),
            Value::Object(object) => joined(object.keys().cloned()),
            other => text(other),
        },
        Some("object") if is_true(value) => value.to_string(),
        // Zero stays zero. StackStorm passes an empty argument.
        _ if is_true(value) || value.is_number() => text(value),
        _ => String::new(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(action: Value, values: Value, kwarg_op: &str) -> Vec<String> {
        let (Value::Object(action), Value::Object(values)) = (action, values) else { panic!("no objects") };
        let runner = json!({"timeout": {"type": "integer"}, "sudo": {"type": "boolean"}});
        let runner = runner.as_object().cloned().unwrap_or_default();
        arguments(&values, Signature { action: &action, runner: &runner, kwarg_op })
    }

    #[test]
    fn positional_arguments_are_written_by_their_type() {
        for (kind, value, expected) in [
            ("string", json!("a b; $c"), "a b; $c"),
            ("string", json!(null), ""),
            ("integer", json!(5), "5"),
            ("integer", json!(0), "0"),
            ("number", json!(0.0), "0.0"),
            ("boolean", json!(true), "1"),
            ("boolean", json!(false), "0"),
            ("boolean", json!(null), ""),
            ("array", json!(["a", 2, "b c"]), "a,2,b c"),
            ("array", json!([]), ""),
            ("object", json!({"a": [1, null], "b": "x y"}), r#"{"a":[1,null],"b":"x y"}"#),
            ("object", json!({}), ""),
            ("null", json!("x"), ""),
        ] {
            let action = json!({"a": {"type": kind, "position": 0}});
            assert_eq!(made(action, json!({"a": value}), "--"), [expected], "{kind} {value}");
        }
    }

    #[test]
    fn named_arguments_come_first_in_the_order_given() {
        let action = json!({
            "last": {"type": "string", "position": 1},
            "flag": {"type": "boolean"},
            "first": {"type": "string", "position": 0},
            "name": {"type": "string"},
        });
        let values = json!({
            "last": "z", "name": "n m", "timeout": 5, "sudo": true, "flag": true,
            "off": false, "none": null, "empty": "", "zero": 0,
        });
        assert_eq!(made(action.clone(), values, "--"), ["--name=n m", "--flag", "--zero=0", "", "z"]);
        assert_eq!(made(action, json!({"name": "n", "flag": true}), "-"), ["-name=n", "-flag", "", ""]);
    }
}
