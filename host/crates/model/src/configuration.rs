//! The configuration of a pack: what its schema adds to what was given, and what of it is secret. Schemas
//! are in the dialect of [`parameters`](crate::parameters), and go as deep as objects and lists do.

use serde_json::Value;

use crate::Object;
use crate::parameters::{MASK, Parameters, Schema};

/// `given` with the defaults that `schemas` write, at every depth.
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

/// `values` with every secret replaced by [`MASK`]. Without a schema all is taken for secret.
pub fn masked(values: &Object, schemas: Option<&Parameters>) -> Object {
    let mask = |(name, value): (&String, &Value)| {
        let value = match schemas {
            None => Value::from(MASK),
            Some(schemas) => masked_value(value, schemas.get(name)),
        };
        (name.clone(), value)
    };
    values.iter().map(mask).collect()
}

fn masked_value(value: &Value, schema: Option<&Value>) -> Value {
    let Some(schema) = schema else { return value.clone() };
    if Schema::of(schema).is_secret() && !value.is_null() {
        return Value::from(MASK);
    }
    match value {
        Value::Object(object) => {
            let nested = schema.get("properties").and_then(Value::as_object);
            // Of properties that go by a pattern or by nothing the one schema counts for all.
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            let other = patterns
                .and_then(|patterns| patterns.values().next())
                .or_else(|| schema.get("additionalProperties").filter(|schema| schema.is_object()));
            let of = |name: &String| nested.and_then(|nested| nested.get(name)).or(other);
            let items = object.iter().map(|(name, value)| (name.clone(), masked_value(value, of(name))));
            Value::Object(items.collect())
        }
        Value::Array(items) => items.iter().map(|item| masked_value(item, schema.get("items"))).collect(),
        _ => value.clone(),
    }
}

/// `given`, with what is still masked in it taken from `old`: who looks at a configuration and sends it
/// back has changed no secret.
pub fn unmasked(given: &Object, old: &Object) -> Object {
    let restore = |(name, value): (&String, &Value)| (name.clone(), unmasked_value(value, old.get(name)));
    given.iter().map(restore).collect()
}

fn unmasked_value(value: &Value, old: Option<&Value>) -> Value {
    match (value, old) {
        (Value::String(text), Some(old)) if text == MASK => old.clone(),
        (Value::Object(given), Some(Value::Object(old))) => Value::Object(unmasked(given, old)),
        (Value::Array(given), Some(Value::Array(old))) => {
            let restore = |(n, item): (usize, &Value)| unmasked_value(item, old.get(n));
            given.iter().enumerate().map(restore).collect()
        }
        _ => value.clone(),
    }
}

/// Whether something masked is left in `value`: it stands for a secret that is not known.
pub fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(object) => object.values().any(is_masked),
        _ => false,
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

    #[test]
    fn secrets_are_masked_at_every_depth_and_come_back() {
        let given = object(json!({
            "url": "u", "key": "k", "auth": {"user": "a", "password": "p"},
            "hosts": [{"port": 1, "token": "t"}], "accounts": {"x": "y"},
        }));
        let shown = masked(&given, Some(&schemas()));
        assert_eq!(
            Value::Object(shown.clone()),
            json!({
                "url": "u", "key": MASK, "auth": {"user": "a", "password": MASK},
                "hosts": [{"port": 1, "token": MASK}], "accounts": {"x": MASK},
            }),
        );
        assert_eq!(unmasked(&shown, &given), given);
        assert!(is_masked(&Value::Object(shown.clone())) && !is_masked(&Value::Object(given.clone())));
        let changed = object(json!({"key": "new", "auth": {"user": "b", "password": MASK}}));
        assert_eq!(
            Value::Object(unmasked(&changed, &given)),
            json!({"key": "new", "auth": {"user": "b", "password": "p"}})
        );
        assert_eq!(Value::Object(masked(&object(json!({"a": 1})), None)), json!({"a": MASK}));
    }
}
