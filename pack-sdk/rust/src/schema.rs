//! Derives schemas of action metadata from Rust types. The dialect is StackStorm's: draft 4 of JSON Schema, with
//! `required: true` on each property.
//!
//! | Rust | metadata |
//! |---|---|
//! | a field without default, not `Option` | `required: true` |
//! | `#[serde(default)]` | `default`, not required |
//! | `Option<T>` | as `T`, not required; inside a parameter `T` or null |
//! | a doc comment | `description` |
//! | an enum without fields | `type: string` and `enum` |
//! | `#[schemars(extend("secret" = true))]`, likewise `position` and `immutable` | unchanged |
//! | `#[schemars(range(min = 1))]`, `length`, `regex` | `minimum`, `minLength`, `pattern` and so on |
//! | nested structs, `Vec`, maps | expanded in place |
//!
//! A type that contains itself cannot be represented, and is shown as "anything". An input that is not a struct with
//! named fields has no parameters. Formats of numbers (`uint32`) are left out, since draft 4 has none.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// The parameters of an action with input type `T`: schemas by name, in the order of the fields.
pub fn parameters_of<T: JsonSchema>() -> Object {
    let schema = SchemaSettings::draft07().with(settings).into_generator().into_root_schema_for::<T>();
    let Some(Value::Object(properties)) = dialect(schema.to_value()).remove("properties") else {
        return Object::new();
    };
    // A parameter that is not required may always be null; inside a parameter the schema must allow null.
    let property = |(name, schema)| match schema {
        Value::Object(schema) => (name, Value::Object(in_reading_order(not_null(schema)))),
        schema => (name, schema),
    };
    properties.into_iter().map(property).collect()
}

/// The schema of an action's result of type `T`.
pub fn output_of<T: JsonSchema>() -> Object {
    let settings = SchemaSettings::draft07().with(settings).for_serialize();
    let mut schema = dialect(settings.into_generator().into_root_schema_for::<T>().to_value());
    // The doc comment of the type is meant for readers of the code.
    schema.remove("description");
    schema
}

fn settings(settings: &mut SchemaSettings) {
    settings.inline_subschemas = true;
    settings.meta_schema = None;
}

fn dialect(schema: Value) -> Object {
    // A schema may also be `true`, which accepts anything.
    let Value::Object(schema) = schema else { return Object::new() };
    if schema.contains_key("$ref") {
        return schema.into_iter().filter(|(key, _)| key == "description").collect();
    }
    let required = names(schema.get("required"));
    let mut out = Object::new();
    for (key, value) in schema {
        match key.as_str() {
            "required" | "$schema" | "title" | "definitions" | "examples" | "readOnly" | "writeOnly" => {}
            "default" if value.is_null() => {}
            // Elements of any kind. Draft 4 knows no schema that is a boolean.
            "items" if value.is_boolean() => {}
            "format" if value.as_str().is_some_and(is_number_format) => {}
            "const" => {
                out.insert("enum".into(), Value::Array(vec![value]));
            }
            "properties" => {
                out.insert(key, Value::Object(properties(value, &required)));
            }
            "items" | "additionalProperties" | "not" if value.is_object() => {
                out.insert(key, Value::Object(dialect(value)));
            }
            "items" | "allOf" if value.is_array() => {
                out.insert(key, elements(value).map(|value| Value::Object(dialect(value))).collect());
            }
            "anyOf" | "oneOf" => alternatives(&mut out, key, elements(value).map(dialect).collect()),
            "exclusiveMinimum" | "exclusiveMaximum" => {
                // In draft 4, the bound is separate from the flag that makes it exclusive.
                out.insert(if key == "exclusiveMinimum" { "minimum" } else { "maximum" }.into(), value);
                out.insert(key, true.into());
            }
            _ => {
                out.insert(key, value);
            }
        }
    }
    in_reading_order(one_type_each(out))
}

fn properties(value: Value, required: &[String]) -> Object {
    let Value::Object(properties) = value else { return Object::new() };
    let property = |(name, schema): (String, Value)| {
        let mut schema = dialect(schema);
        if required.contains(&name) {
            schema.insert("required".into(), true.into());
        }
        (name, Value::Object(in_reading_order(schema)))
    };
    properties.into_iter().map(property).collect()
}

/// Joins alternatives. An enum with a doc comment for each variant has one constant in each, which makes an `enum`.
fn alternatives(out: &mut Object, key: String, choices: Vec<Object>) {
    let words: Option<Vec<&Vec<Value>>> = choices.iter().map(only_words).collect();
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        out.insert("type".into(), "string".into());
        out.insert("enum".into(), words.into_iter().flatten().cloned().collect());
    } else if choices.len() == 1 {
        for (key, value) in choices.into_iter().flatten() {
            out.entry(key).or_insert(value);
        }
    } else {
        out.insert(key, choices.into_iter().map(Value::Object).collect());
    }
}

/// Gives each schema a single type, as the dialect requires: `Option<T>` becomes `T` or null.
fn one_type_each(mut schema: Object) -> Object {
    let Some(Value::Array(kinds)) = schema.get("type").cloned() else { return schema };
    schema.remove("type");
    let (mut about, mut constraints) = (Object::new(), Object::new());
    for (key, value) in schema {
        let is_about = ["description", "default", "secret", "position", "immutable"].contains(&key.as_str());
        if is_about { &mut about } else { &mut constraints }.insert(key, value);
    }
    let choice = |kind: Value| {
        let mut choice = Object::new();
        let is_null = kind == "null";
        choice.insert("type".into(), kind);
        if !is_null {
            choice.extend(constraints.clone());
        }
        choice
    };
    alternatives(&mut about, "anyOf".to_owned(), kinds.into_iter().map(choice).collect());
    about
}

/// Removes null from `schema`: `Option<T>` becomes `T`.
fn not_null(mut schema: Object) -> Object {
    let Some(Value::Array(choices)) = schema.remove("anyOf") else { return schema };
    let choices = choices.into_iter().filter_map(object).filter(|choice| !is_null(choice));
    alternatives(&mut schema, "anyOf".to_owned(), choices.collect());
    schema
}

fn object(value: Value) -> Option<Object> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn only_words(choice: &Object) -> Option<&Vec<Value>> {
    let words = choice.get("enum")?.as_array()?;
    words.iter().all(Value::is_string).then_some(words)
}

fn is_null(schema: &Object) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn is_number_format(format: &str) -> bool {
    ["int", "uint", "float", "double"].iter().any(|prefix| format.starts_with(prefix))
}

fn elements(value: Value) -> impl Iterator<Item = Value> {
    match value {
        Value::Array(elements) => elements,
        _ => Vec::new(),
    }
    .into_iter()
}

fn names(value: Option<&Value>) -> Vec<String> {
    let names = value.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Orders the keywords for reading, the most important ones first.
fn in_reading_order(mut schema: Object) -> Object {
    let mut out = Object::new();
    for key in ["type", "description", "enum", "required", "default"] {
        if let Some(value) = schema.remove(key) {
            out.insert(key.to_owned(), value);
        }
    }
    out.extend(schema);
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        /// As blood.
        Red,
        /// As the sea.
        Blue,
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Point {
        x: i32,
        y: Option<f64>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Input {
        /// Whom to paint.
        name: String,
        #[serde(default = "three")]
        times: u8,
        color: Option<Color>,
        points: Vec<Point>,
        tags: BTreeMap<String, String>,
        anything: Value,
        list: Vec<Value>,
        #[schemars(extend("secret" = true), length(min = 8))]
        password: Option<String>,
        at: Option<Point>,
    }

    fn three() -> u8 {
        3
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Tree {
        children: Vec<Self>,
    }

    #[test]
    fn parameters_are_in_the_dialect() {
        let point = json!({"x": {"type": "integer", "required": true}, "y": {"anyOf": [{"type": "number"}, {"type": "null"}]}});
        assert_eq!(
            Value::Object(parameters_of::<Input>()),
            json!({
                "name": {"type": "string", "description": "Whom to paint.", "required": true},
                "times": {"type": "integer", "default": 3, "minimum": 0, "maximum": 255},
                "color": {"type": "string", "enum": ["red", "blue"]},
                "points": {"type": "array", "required": true, "items": {"type": "object", "properties": point}},
                "tags": {"type": "object", "required": true, "additionalProperties": {"type": "string"}},
                "anything": {"required": true},
                "list": {"type": "array", "required": true},
                "password": {"type": "string", "minLength": 8, "secret": true},
                "at": {"type": "object", "properties": point},
            })
        );
    }

    #[test]
    fn results_keep_their_type() {
        let schema = json!({"type": "object", "properties": {
            "x": {"type": "integer", "required": true},
            // serde writes the key of a field that is `None`.
            "y": {"anyOf": [{"type": "number"}, {"type": "null"}], "required": true},
        }});
        assert_eq!(Value::Object(output_of::<Point>()), schema);
        assert_eq!(Value::Object(output_of::<String>()), json!({"type": "string"}));
    }

    #[test]
    fn what_contains_itself_is_anything() {
        let parameters = Value::Object(parameters_of::<Tree>());
        assert!(!parameters.to_string().contains("$ref"), "{parameters}");
    }
}
