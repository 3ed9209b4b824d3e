//! The parts that are read and that the schema of the payload does not declare, where that is likely a slip.

use petrel_model::nearest::nearest;
use petrel_model::quoted::{listed, quoted};
use serde_json::Value;

use super::Reads;

/// Largest number of parts that are told, and of names in a remedy.
const MOST_TOLD: usize = 5;
const MOST_NAMED: usize = 10;

/// The letters of a name from which on a near one is likely meant.
const SHORTEST: usize = 3;

/// Keywords by which a schema may declare further names.
const ELSEWHERE: [&str; 5] = ["patternProperties", "anyOf", "allOf", "oneOf", "$ref"];

impl Reads {
    /// The parts that `schema` does not declare, each with a remedy: those with a near name, or all if it allows no other
    /// names.
    pub(crate) fn undeclared(&self, schema: &Value) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.undeclared_below("", schema, &mut found);
        found
    }

    /// The parts right below the root that `schema`, which declares some and does not say that there are others, does not
    /// declare, each with a remedy.
    pub(crate) fn undeclared_at_root(&self, schema: &Value) -> Vec<(String, String)> {
        let Some(schema) = schema.as_object() else { return Vec::new() };
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
        let allows_others =
            schema.get("additionalProperties").is_some_and(|others| *others != Value::Bool(false));
        if properties.is_empty()
            || allows_others
            || ELSEWHERE.iter().any(|keyword| schema.contains_key(*keyword))
        {
            return Vec::new();
        }
        let strange = self.fields.keys().filter(|name| !properties.contains_key(*name)).take(MOST_TOLD);
        let there = format!("it has {}", listed(properties.keys().map(String::as_str), MOST_NAMED));
        strange.map(|name| (quoted(name).into_owned(), there.clone())).collect()
    }

    fn undeclared_below(&self, place: &str, schema: &Value, found: &mut Vec<(String, String)>) {
        let Some(schema) = schema.as_object() else { return };
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        if properties.is_empty() || ELSEWHERE.iter().any(|keyword| schema.contains_key(*keyword)) {
            return;
        }
        let names = || properties.keys().map(String::as_str);
        let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, reads) in &self.fields {
            if found.len() == MOST_TOLD {
                return;
            }
            let place = format!("{place}{}{}", if place.is_empty() { "" } else { "." }, quoted(name));
            if let Some(declared) = properties.get(name) {
                reads.undeclared_below(&place, declared, found);
                continue;
            }
            let near = nearest(name, names()).filter(|_| name.chars().count() >= SHORTEST);
            match near {
                Some(near) => found.push((place, format!("did you mean {}?", quoted(near)))),
                None if is_closed => found.push((place, format!("it has {}", listed(names(), MOST_NAMED)))),
                None => {}
            }
        }
    }
}
