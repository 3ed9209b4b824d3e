//! Secrecy marks in schemas, for one value and its parts.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::parameters::Schema;

/// Keywords with alternative schemas, which describe a value together with the schema around them.
const ALTERNATIVES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Whether `schema` marks any part as secret.
pub fn has_secret(schema: &Value) -> bool {
    let named =
        |name: &str| schema.get(name).and_then(Value::as_object).into_iter().flat_map(|parts| parts.values());
    let listed = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    let single = ["items", "additionalItems", "additionalProperties"];
    Schema::of(schema).is_secret()
        || named("properties").chain(named("patternProperties")).any(has_secret)
        || single.iter().filter_map(|name| schema.get(name)).any(has_secret)
        || listed("items").chain(listed("prefixItems")).any(has_secret)
        || ALTERNATIVES.into_iter().flat_map(listed).any(has_secret)
}

/// `schema` with a mark on what it does not declare in an object beside a secret: that may be the secret, under a
/// misspelled name or the one it had before. Alternatives stay as they are, since one may declare what another does not.
pub fn with_undeclared(schema: &Value) -> Cow<'_, Value> {
    if !has_secret(schema) {
        return Cow::Borrowed(schema);
    }
    let mut marked = schema.clone();
    mark_undeclared(&mut marked);
    Cow::Owned(marked)
}

fn mark_undeclared(schema: &mut Value) {
    if !has_secret(schema) {
        return;
    }
    let Value::Object(parts) = schema else { return };
    for (name, part) in parts.iter_mut() {
        match (name.as_str(), part) {
            ("properties" | "patternProperties", Value::Object(named)) => {
                named.values_mut().for_each(mark_undeclared);
            }
            ("items" | "prefixItems", Value::Array(listed)) => listed.iter_mut().for_each(mark_undeclared),
            ("items" | "additionalItems" | "additionalProperties", part) => mark_undeclared(part),
            _ => {}
        }
    }
    let declares_others = parts.get("additionalProperties").is_some_and(Value::is_object);
    if parts.contains_key("properties") && !declares_others {
        parts.insert("additionalProperties".to_owned(), json!({"secret": true}));
    }
}

/// Whether the marks of `old` are in `new`, in the same place or around it.
pub(super) fn keeps_marks(old: &Value, new: Option<&Value>) -> bool {
    if new.is_some_and(|new| Schema::of(new).is_secret()) {
        return true;
    }
    if Schema::of(old).is_secret() {
        return false;
    }
    match old {
        Value::Object(parts) => {
            parts.iter().all(|(name, part)| keeps_marks(part, new.and_then(|new| new.get(name))))
        }
        Value::Array(parts) => parts
            .iter()
            .enumerate()
            .all(|(place, part)| keeps_marks(part, new.and_then(|new| new.get(place)))),
        _ => true,
    }
}

/// The schemas that describe one value: its own, and the alternatives inside it. A value is secret if any of them
/// marks it.
#[derive(Debug, Clone, Default)]
pub struct Marks<'s>(Vec<&'s Value>);

impl<'s> Marks<'s> {
    /// The marks of a value with this schema.
    pub fn of(schema: &'s Value) -> Self {
        let mut marks = Self::default();
        marks.add(schema);
        marks
    }

    fn add(&mut self, schema: &'s Value) {
        self.0.push(schema);
        for name in ALTERNATIVES {
            for alternative in schema.get(name).and_then(Value::as_array).into_iter().flatten() {
                self.add(alternative);
            }
        }
    }

    /// Whether the value is secret.
    pub fn is_secret(&self) -> bool {
        self.0.iter().any(|schema| Schema::of(schema).is_secret())
    }

    /// Whether it or anything in it is secret.
    pub fn has_secret(&self) -> bool {
        self.0.iter().any(|schema| has_secret(schema))
    }

    /// The marks of the field `name` of the value.
    #[must_use]
    pub fn of_field(&self, name: &str) -> Self {
        let mut marks = Self::default();
        for &schema in &self.0 {
            if let Some(named) = schema.get("properties").and_then(|fields| fields.get(name)) {
                marks.add(named);
                continue;
            }
            // Pattern properties and additional properties may apply to the field. Patterns are not compared, so all
            // count.
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            let patterns = patterns.into_iter().flat_map(|patterns| patterns.values());
            patterns.chain(schema.get("additionalProperties")).for_each(|schema| marks.add(schema));
        }
        marks
    }

    /// The marks of the item at index `place` of the value.
    #[must_use]
    pub fn of_item(&self, place: usize) -> Self {
        let mut marks = Self::default();
        for &schema in &self.0 {
            // Draft 4 lists schemas by place in `items`, and later drafts in `prefixItems`.
            let places =
                ["prefixItems", "items"].iter().find_map(|name| schema.get(name).and_then(Value::as_array));
            let rest = ["items", "additionalItems"]
                .iter()
                .find_map(|name| schema.get(name).filter(|schema| schema.is_object()));
            if let Some(found) = places.and_then(|places| places.get(place)).or(rest) {
                marks.add(found);
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_schemas_describe_it() {
        let secret = json!({"type": "string", "secret": true});
        for schema in [
            secret.clone(),
            json!({"properties": {"a": secret}}),
            json!({"patternProperties": {"^a$": secret}}),
            json!({"additionalProperties": secret}),
            json!({"items": secret}),
            json!({"items": [{}, secret]}),
            json!({"prefixItems": [secret]}),
            json!({"anyOf": [{"type": "array"}, {"properties": {"a": {"items": secret}}}]}),
            json!({"properties": {"a": {"allOf": [{"oneOf": [secret]}]}}}),
        ] {
            assert!(has_secret(&schema) && Marks::of(&schema).has_secret(), "{schema}");
        }
        for schema in [json!({}), json!(true), json!({"properties": {"secret": {"type": "boolean"}}})] {
            assert!(!has_secret(&schema) && !Marks::of(&schema).has_secret(), "{schema}");
        }
    }

    #[test]
    fn what_an_object_does_not_declare_beside_a_secret_is_marked_at_every_depth() {
        let (secret, open) = (json!({"secret": true}), json!({"properties": {"a": {}}}));
        for (schema, expected) in [
            (open.clone(), open.clone()),
            (
                json!({"properties": {"pw": secret, "open": open}, "additionalProperties": false}),
                json!({"properties": {"pw": secret, "open": open}, "additionalProperties": secret}),
            ),
            (
                json!({"items": {"properties": {"pw": secret}}}),
                json!({"items": {"properties": {"pw": secret}, "additionalProperties": secret}}),
            ),
            (
                json!({"properties": {"pw": secret}, "additionalProperties": {"type": "string"}}),
                json!({"properties": {"pw": secret}, "additionalProperties": {"type": "string"}}),
            ),
            (
                json!({"anyOf": [{"properties": {"pw": secret}}]}),
                json!({"anyOf": [{"properties": {"pw": secret}}]}),
            ),
        ] {
            assert_eq!(*with_undeclared(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn a_part_has_the_marks_of_its_place() {
        let schema = json!({
            "properties": {"open": {}, "pin": {"secret": true}},
            "additionalProperties": {"secret": true},
            "anyOf": [{"prefixItems": [{}, {"secret": true}], "items": {"type": "string"}}],
        });
        let marks = Marks::of(&schema);
        let fields = ["open", "pin", "other"].map(|name| marks.of_field(name).is_secret());
        assert_eq!(fields, [false, true, true]);
        assert_eq!([0, 1, 2].map(|place| marks.of_item(place).is_secret()), [false, true, false]);
    }
}
