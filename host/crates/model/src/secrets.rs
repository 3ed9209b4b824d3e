//! Secrets in values with schemas, and masking where values are shown. Schemas are in the dialect of
//! [`parameters`](crate::parameters), with nested objects and lists; [`Marks`] reads them for one value.

mod marks;
mod parts;
mod places;
mod shadows;
mod text;
mod texts;

use serde_json::Value;

pub use marks::{Marks, has_secret, with_undeclared};
pub use parts::{SecretPart, secret_parts};
pub use places::{Places, is_secret_at, marked_places, marks_places, masked_at, places_beside};
pub use shadows::keeps_secrets;
pub use text::masked_payload;
pub use texts::Texts;

use crate::Object;
use crate::parameters::Parameters;

/// The replacement for a secret.
pub const MASK: &str = "********";

/// The complete form of a schema: an author writes a JSON Schema or, as in StackStorm's older packs, only its
/// properties.
pub fn whole_schema(schema: &Object) -> Value {
    let is_whole = schema.get("properties").is_some_and(Value::is_object)
        || schema.get("type").is_some_and(Value::is_string);
    let schema = Value::Object(schema.clone());
    if is_whole { schema } else { Value::Object(Object::from_iter([("properties".to_owned(), schema)])) }
}

/// Masks the secrets in a result, by the author's `output_schema`. That describes the runner's output, see
/// [`output_key`](crate::action::output_key).
pub fn masked_result(result: &Value, output_schema: &Object, output_key: Option<&str>) -> Value {
    let schema = whole_schema(output_schema);
    if !has_secret(&schema) {
        return result.clone();
    }
    let marks = Marks::of(&schema);
    match (result, output_key) {
        (Value::Object(object), Some(key)) if object.contains_key(key) => {
            let part = |(name, value): (&String, &Value)| {
                let shown = if name == key { masked_value(value, &marks) } else { value.clone() };
                (name.clone(), shown)
            };
            Value::Object(object.iter().map(part).collect())
        }
        _ => masked_value(result, &marks),
    }
}

/// `values`, with every secret replaced by [`MASK`]. Without schemas, everything counts as secret; and where a schema has a
/// secret, so does what none declares, at every depth: it may be a secret under a misspelled name, or under the one it had
/// before.
pub fn masked(values: &Object, schemas: Option<&Parameters>) -> Object {
    let mask = |(name, value): (&String, &Value)| {
        let value = match schemas.map(|schemas| (schemas, schemas.get(name))) {
            Some((_, Some(schema))) => masked_value(value, &Marks::of(&with_undeclared(schema))),
            Some((schemas, None)) if !schemas.values().any(has_secret) => value.clone(),
            _ => Value::from(MASK),
        };
        (name.clone(), value)
    };
    values.iter().map(mask).collect()
}

/// A result of which nobody knows any more what is secret: of an object the names remain.
pub fn masked_whole(result: &Value) -> Value {
    match result {
        Value::Object(object) => Value::Object(masked(object, None)),
        Value::Null => Value::Null,
        _ => Value::from(MASK),
    }
}

/// `value`, with every secret replaced by [`MASK`] that `marks` tell.
pub fn masked_value(value: &Value, marks: &Marks<'_>) -> Value {
    if marks.is_secret() && !value.is_null() {
        return Value::from(MASK);
    }
    match value {
        Value::Object(object) => {
            let part =
                |(name, value): (&String, &Value)| (name.clone(), masked_value(value, &marks.of_field(name)));
            Value::Object(object.iter().map(part).collect())
        }
        Value::Array(items) => {
            let part = |(place, item): (usize, &Value)| masked_value(item, &marks.of_item(place));
            items.iter().enumerate().map(part).collect()
        }
        _ => value.clone(),
    }
}

/// The secret texts and numbers in `values`, longest first, for removal from messages. Those shorter than four letters
/// are left out, since they would occur in every message.
pub fn secret_texts(values: &Object, schemas: &Parameters) -> Vec<String> {
    let mut texts = Vec::new();
    for (name, value) in values {
        let marks = schemas.get(name).map(Marks::of).unwrap_or_default();
        collect_texts(value, &marks, false, &mut texts);
    }
    telling(texts)
}

/// The secret texts and numbers at these [places](Places) of `values`, as [`secret_texts`] finds them by schema.
pub fn secret_texts_at(values: &Object, places: &[String]) -> Vec<String> {
    if places.is_empty() {
        return Vec::new();
    }
    let (values, mut texts) = (Value::Object(values.clone()), Vec::new());
    for part in places.iter().filter_map(|place| values.pointer(place)) {
        collect_texts(part, &Marks::default(), true, &mut texts);
    }
    telling(texts)
}

/// The secret texts and numbers in `value` by its schema, as [`secret_texts`] finds them.
pub fn secret_texts_in(value: &Value, schema: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    collect_texts(value, &Marks::of(schema), false, &mut texts);
    telling(texts)
}

/// The texts among `texts` that tell something, longest first.
fn telling(mut texts: Vec<String>) -> Vec<String> {
    texts.retain(|text| text.chars().count() >= 4);
    // A text may be a part of another one. If it were replaced first, the rest of the longer one would be
    // shown.
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts
}

fn collect_texts(value: &Value, marks: &Marks<'_>, is_within: bool, texts: &mut Vec<String>) {
    let is_secret = is_within || marks.is_secret();
    match value {
        Value::String(text) if is_secret => texts.push(text.clone()),
        Value::Number(number) if is_secret => texts.push(number.to_string()),
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| {
                collect_texts(value, &marks.of_field(name), is_secret, texts);
            });
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| {
                collect_texts(item, &marks.of_item(place), is_secret, texts);
            });
        }
        _ => {}
    }
}

/// `given`, with masked values restored from `old`. A client that reads a configuration and sends it back has not
/// changed its secrets.
pub fn unmasked(given: &Object, old: &Object) -> Object {
    let restore = |(name, value): (&String, &Value)| (name.clone(), unmasked_value(value, old.get(name)));
    given.iter().map(restore).collect()
}

fn unmasked_value(value: &Value, old: Option<&Value>) -> Value {
    match (value, old) {
        (Value::String(text), Some(old)) if text == MASK => old.clone(),
        (Value::Object(given), Some(Value::Object(old))) => Value::Object(unmasked(given, old)),
        (Value::Array(given), Some(Value::Array(old))) => {
            // Masked items are all alike, so only their position tells which old one each stands for.
            let restore = |(n, item): (usize, &Value)| unmasked_value(item, old.get(n));
            given.iter().enumerate().map(restore).collect()
        }
        _ => value.clone(),
    }
}

/// Whether a masked value remains in `value`, that is one whose secret is unknown.
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
            "pair": {"type": "array", "items": [{"type": "string"}, {"type": "string", "secret": true}]},
            "either": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"pin": {"secret": true}}}]},
        }))
    }

    #[test]
    fn a_result_is_masked_where_its_schema_says_so() {
        let whole = json!({"type": "object", "properties": {"token": {"type": "string", "secret": true}}});
        let bare = json!({"token": {"type": "string", "secret": true}, "name": {"type": "string"}});
        let given = json!({"token": "t", "name": "n"});
        let masked = json!({"token": MASK, "name": "n"});
        for schema in [whole, bare] {
            let schema = object(schema);
            assert_eq!(masked_result(&given, &schema, None), masked);
            let within = json!({"result": given, "stdout": "", "exit_code": 0});
            assert_eq!(
                masked_result(&within, &schema, Some("result")),
                json!({"result": masked, "stdout": "", "exit_code": 0})
            );
            // The result of a failure has another shape; a field with the name of a secret is masked all the same.
            assert_eq!(
                masked_result(&json!({"token": 1, "error": "e"}), &schema, Some("result"))["token"],
                MASK
            );
        }
        let text = object(json!({"type": "string", "secret": true}));
        assert_eq!(masked_result(&json!("s"), &text, None), MASK);
        assert_eq!(masked_result(&json!({"stdout": "s"}), &text, Some("stdout")), json!({"stdout": MASK}));
        assert_eq!(masked_result(&given, &Object::new(), None), given);
    }

    #[test]
    fn what_is_not_declared_is_masked_beside_a_secret() {
        let given = object(json!({"url": "u", "kye": "k", "none": null}));
        let open = object(json!({"url": {"type": "string"}}));
        for (schemas, expected) in [
            (Some(schemas()), json!({"url": "u", "kye": MASK, "none": MASK})),
            (Some(open), json!({"url": "u", "kye": "k", "none": null})),
            (Some(Object::new()), json!({"url": "u", "kye": "k", "none": null})),
            (None, json!({"url": MASK, "kye": MASK, "none": MASK})),
        ] {
            assert_eq!(Value::Object(masked(&given, schemas.as_ref())), expected, "{schemas:?}");
        }
        let nested = object(json!({"auth": {"pw": "x", "pww": "y", "open": {"a": "b"}}}));
        let schemas =
            object(json!({"auth": {"properties": {"pw": {"secret": true}, "open": {"properties": {}}}}}));
        let expected = json!({"auth": {"pw": MASK, "pww": MASK, "open": {"a": "b"}}});
        assert_eq!(Value::Object(masked(&nested, Some(&schemas))), expected);
    }

    #[test]
    fn a_result_of_which_nothing_is_known_is_masked_whole() {
        for (result, shown) in [
            (json!({"stdout": "s", "result": {"token": "t"}}), json!({"stdout": MASK, "result": MASK})),
            (json!({}), json!({})),
            (json!("s"), json!(MASK)),
            (json!(["s"]), json!(MASK)),
            (json!(null), json!(null)),
        ] {
            assert_eq!(masked_whole(&result), shown, "{result}");
        }
    }

    #[test]
    fn what_no_message_may_quote_is_known() {
        let given = object(json!({
            "url": "http://b", "key": "long secret", "auth": {"user": "somebody", "password": 123_456},
            "hosts": [{"port": 1, "token": {"deep": ["inner"]}}], "accounts": {"x": "abc"},
        }));
        assert_eq!(secret_texts(&given, &schemas()), ["long secret", "123456", "inner"]);
        let places = ["/auth".to_owned(), "/accounts/x".to_owned(), "/gone".to_owned()];
        assert_eq!(secret_texts_at(&given, &places), ["somebody", "123456"]);
        assert_eq!(secret_texts_at(&given, &[String::new()]).len(), 5);
    }

    #[test]
    fn a_secret_is_found_at_every_depth() {
        for schema in schemas().iter().filter(|(name, _)| *name != "url") {
            assert!(has_secret(schema.1), "{schema:?}");
        }
        assert!(!has_secret(&schemas()["url"]));
    }

    #[test]
    fn secrets_are_masked_at_every_depth_and_come_back() {
        let given = object(json!({
            "url": "u", "key": "k", "auth": {"user": "a", "password": "p"},
            "hosts": [{"port": 1, "token": "t"}], "accounts": {"x": "y"},
            "pair": ["a", "b"], "either": {"pin": 1},
        }));
        let shown = masked(&given, Some(&schemas()));
        assert_eq!(
            Value::Object(shown.clone()),
            json!({
                "url": "u", "key": MASK, "auth": {"user": "a", "password": MASK},
                "hosts": [{"port": 1, "token": MASK}], "accounts": {"x": MASK},
                "pair": ["a", MASK], "either": {"pin": MASK},
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
