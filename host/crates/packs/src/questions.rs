//! Mistakes in the schema of a question to people that leave it valid: any answer would fit.

use petrel_model::Object;
use serde_json::Value;

use crate::problem::short;
use crate::schema::{LISTED, NAMED, TYPES, strays_of};

/// The first property in `schema`, which is `what`, that has something else in the place of a schema: such a property lets
/// everything through.
pub fn without_schema(schema: &Object, what: &str) -> Option<String> {
    for (name, inner) in NAMED.iter().filter_map(|kind| schema.get(*kind)?.as_object()).flatten() {
        let place = format!("{what}.{}", short(name));
        let found = match inner {
            Value::Object(inner) => without_schema(inner, &place),
            // In later versions of JSON Schema, true is a schema that takes anything.
            Value::Null | Value::Bool(true) => None,
            other => {
                let kind = other.as_str().filter(|name| TYPES.contains(name)).unwrap_or("TYPE");
                let (written, name) = (other.to_string(), short(name));
                let written = short(&written);
                Some(format!("{place} is {written}, which is no schema; write {name}: {{type: {kind}}}"))
            }
        };
        if found.is_some() {
            return found;
        }
    }
    let listed = LISTED.iter().filter_map(|kind| schema.get(*kind)).flat_map(|inner| match inner {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    });
    listed.filter_map(Value::as_object).find_map(|inner| without_schema(inner, what))
}

/// A sentence for each word in `schema`, which is `what`, that is nearly one with a meaning.
pub fn misspelt(schema: &Object, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    strays_of(&Value::Object(schema.clone()), what, &mut found);
    found.retain(|told| told.ends_with('?'));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_lets_any_answer_through_is_found() {
        for (schema, fatal, noted) in [
            (
                json!({"type": "object", "properties": {"approved": "boolean"}}),
                Some("schema.approved is \"boolean\", which is no schema; write approved: {type: boolean}"),
                None,
            ),
            (
                json!({"properties": {"a": {"items": {"properties": {"b": 5}}}}}),
                Some("schema.a.b is 5, which is no schema; write b: {type: TYPE}"),
                None,
            ),
            (
                json!({"properties": {"approved": {"typ": "boolean"}}}),
                None,
                Some("schema.approved has `typ`, which has no meaning in a schema; did you mean type?"),
            ),
            (json!({"propertis": {"a": {"type": "boolean"}}}), None, Some("did you mean properties?")),
            (
                json!({"properties": {"a": {"type": "boolean", "x-form": 1}, "b": null, "c": true}}),
                None,
                None,
            ),
            (
                json!({"properties": {"a": false}}),
                Some("schema.a is false, which is no schema; write a: {type: TYPE}"),
                None,
            ),
            (json!({"title": "t", "additionalProperties": false}), None, None),
            (json!({}), None, None),
        ] {
            let schema = schema.as_object().unwrap();
            assert_eq!(without_schema(schema, "schema").as_deref(), fatal, "{schema:?}");
            let found = misspelt(schema, "schema");
            assert_eq!(found.len(), usize::from(noted.is_some()), "{found:?}");
            assert!(found.iter().all(|told| told.ends_with(noted.unwrap_or_default())), "{found:?}");
        }
    }
}
