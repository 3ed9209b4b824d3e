//! Configurations of packs, completed with the defaults of their schema. Schemas are in the dialect of
//! [`parameters`](crate::parameters), with nested objects and lists. [`secrets`](crate::secrets) handles secret values.

use serde_json::Value;

use crate::Object;
use crate::parameters::{Parameters, Schema};

/// `given`, with the defaults of `schemas` added at every depth.
pub fn with_defaults(given: &Object, schemas: &Parameters) -> Object {
    let mut whole = given.clone();
    for (name, schema) in schemas {
        match whole.get_mut(name) {
            Some(value) => fill(value, schema),
            None => {
                if let Some(default) = Schema::of(schema).default() {
                    whole.insert(name.clone(), default.clone());
                } else if let Some(nested) = schema.get("properties").and_then(Value::as_object) {
                    let inner = with_defaults(&Object::new(), nested);
                    if !inner.is_empty() {
                        whole.insert(name.clone(), Value::Object(inner));
                    }
                }
            }
        }
    }
    whole
}

fn fill(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(nested) = schema.get("properties").and_then(Value::as_object) {
                *object = with_defaults(object, nested);
            }
        }
        Value::Array(items) => {
            if let Some(item_schema) = schema.get("items").filter(|schema| schema.is_object()) {
                items.iter_mut().for_each(|item| fill(item, item_schema));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("not an object: {value}") };
        object
    }

    fn schemas() -> Parameters {
        object(json!({
            "url": {"type": "string", "default": "http://a"},
            "key": {"type": "string", "secret": true},
            "auth": {"type": "object", "properties": {
                "user": {"type": "string", "default": "me"},
                "password": {"type": "string", "secret": true},
            }},
            "hosts": {"type": "array", "items": {"type": "object", "properties": {
                "port": {"type": "integer", "default": 22},
                "token": {"secret": true},
            }}},
            "accounts": {"type": "object", "patternProperties": {"^\\w+$": {"type": "string", "secret": true}}},
        }))
    }

    #[test]
    fn defaults_are_filled_in_at_every_depth() {
        let filled = |given| Value::Object(with_defaults(&object(given), &schemas()));
        assert_eq!(filled(json!({})), json!({"url": "http://a", "auth": {"user": "me"}}));
        assert_eq!(
            filled(json!({"url": null, "auth": {"user": "you"}, "hosts": [{}, {"port": 1}], "more": 1})),
            json!({"url": null, "auth": {"user": "you"}, "hosts": [{"port": 22}, {"port": 1}], "more": 1}),
        );
    }
}
