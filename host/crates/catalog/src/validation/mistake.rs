//! The mistake in a schema in words: its place, as its author knows it, and the reason.

use jsonschema::ValidationError;
use jsonschema::paths::LocationSegment;
use petrel_model::quoted::{beginning, quoted};
use petrel_packs::schema::odd_types;
use serde_json::Value;

/// The length of the reason, in characters.
const LONGEST: usize = 1_000;

/// A message about a `schema` that is not valid, such as `` `bolean` is not a type, in schema.ok; did you mean boolean? ``
/// or `properties.n.minLength: "x" is not of type "integer"`.
pub(super) fn of(error: &ValidationError<'_>, schema: &Value) -> String {
    // The library names all that a type may be written as, but no type.
    let odd = schema.as_object().and_then(|schema| odd_types(schema, "schema").into_iter().next());
    odd.unwrap_or_else(|| {
        let reason = beginning(&error.to_string(), LONGEST).into_owned();
        let place = place(error, schema);
        if place.is_empty() { reason } else { format!("{place}: {reason}") }
    })
}

/// The place of an error in a schema, without the alternatives that allow null, which its author has not written.
fn place(error: &ValidationError<'_>, schema: &Value) -> String {
    let (mut place, mut at, mut is_added) = (String::new(), Some(schema), false);
    for segment in error.instance_path().segments() {
        match segment {
            LocationSegment::Property(name) => {
                is_added = &*name == "anyOf" && at.is_some_and(only_allows_null);
                if !is_added {
                    place.push_str(if place.is_empty() { "" } else { "." });
                    place.push_str(&quoted(&name));
                }
                at = at.and_then(|at| at.get(&*name));
            }
            LocationSegment::Index(index) => {
                if !std::mem::take(&mut is_added) {
                    place.push_str(&format!("[{index}]"));
                }
                at = at.and_then(|at| at.get(index));
            }
        }
    }
    place
}

/// Whether a schema says nothing but that its first form or null is allowed.
fn only_allows_null(schema: &Value) -> bool {
    let is_null = |form: &Value| form.get("type").is_some_and(|kind| kind == "null");
    let forms = schema.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("anyOf"));
    matches!(forms.and_then(Value::as_array).map(Vec::as_slice), Some([_, last]) if is_null(last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Validator;

    #[test]
    fn the_place_and_the_remedy_are_named() {
        for (schema, says) in [
            (json!({"properties": {"ok": {"type": "boolean", "required": true}}}), ""),
            (
                json!({"properties": {"ok": {"type": "bolean"}}}),
                "`bolean` is not a type, in schema.ok; did you mean boolean?",
            ),
            (json!({"type": "colour"}), "`colour` is not a type, in schema; known are array, boolean"),
            (json!({"properties": {"n": {"minLength": "x"}}}), "properties.n.minLength: \"x\" is not"),
            (
                json!({"properties": {"n": {"items": {"properties": {"a": {"required": true, "pattern": 5}}}}}}),
                // The library knows which of the forms of `items` is meant no better.
                "properties.n.items: ",
            ),
        ] {
            let validator = Validator::of_answer(schema.as_object().unwrap());
            let broken = validator.broken().unwrap_or_default();
            assert!(broken.starts_with(says) && broken.is_empty() == says.is_empty(), "{schema}: {broken}");
        }
    }
}
