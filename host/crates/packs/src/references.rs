//! Expands `$ref` in the schemas of parameters and configurations when a pack is read. So later readers of a schema
//! (for defaults, for secrets, for validation) see all of it and need not follow references.

use petrel_model::parameters::Parameters;
use petrel_model::secrets::has_secret;
use serde_json::{Value, json};

use crate::problem::short;

/// Largest number of parts in the expanded schemas.
const MOST_PARTS: usize = 20_000;

/// Largest depth of references.
const DEEPEST: usize = 32;

/// Largest number of notes about references.
const MOST_NOTES: usize = 10;

/// `parameters` with references replaced by what they refer to, and notes about references that cannot be followed,
/// whose values are then not checked. As in StackStorm, `#/properties/x` is the parameter x.
pub(crate) fn written_out(parameters: Parameters) -> (Parameters, Vec<String>) {
    if !parameters.values().any(refers) {
        return (parameters, Vec::new());
    }
    let whole = json!({"properties": parameters});
    let mut writing = Writing { whole: &whole, left: MOST_PARTS, open: Vec::new(), notes: Vec::new() };
    let written = parameters.iter().map(|(name, schema)| (name.clone(), writing.schema(schema, 0))).collect();
    (written, writing.notes)
}

/// Whether `value` contains a reference.
fn refers(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get("$ref").is_some_and(Value::is_string) || fields.values().any(refers)
        }
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

struct Writing<'a> {
    whole: &'a Value,
    /// Number of parts that may still be added.
    left: usize,
    /// The references that are being expanded, to detect cycles.
    open: Vec<&'a str>,
    notes: Vec<String>,
}

impl<'a> Writing<'a> {
    fn schema(&mut self, value: &'a Value, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    return self.follow(reference, depth);
                }
                let part = |(name, part): (&String, &'a Value)| {
                    // Data that happens to contain `$ref` is not a schema.
                    let is_data = matches!(name.as_str(), "default" | "enum");
                    let part = if is_data { part.clone() } else { self.schema(part, depth + 1) };
                    (name.clone(), part)
                };
                fields.iter().map(part).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.schema(item, depth + 1)).collect(),
            other => other.clone(),
        }
    }

    fn follow(&mut self, reference: &'a str, depth: usize) -> Value {
        let (whole, shown) = (self.whole, short(reference));
        let Some(found) = reference.strip_prefix('#').and_then(|pointer| whole.pointer(pointer)) else {
            self.note(format!(
                "`$ref: {shown}` leads nowhere, so any value is accepted there; write #/properties/NAME, or the schema itself"
            ));
            return json!({});
        };
        if self.left == 0 || depth > DEEPEST {
            let why = "is not followed, since its references make the schema too large; write fewer of them";
            self.note(format!("`$ref: {shown}` {why}"));
            return unknown(found);
        }
        if self.open.contains(&reference) {
            let why = "refers to itself and is followed once; deeper values are not checked";
            self.note(format!("`$ref: {shown}` {why}"));
            return unknown(found);
        }
        self.open.push(reference);
        let written = self.schema(found, depth + 1);
        self.open.pop();
        written
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// The replacement for a schema that is not expanded: accepts anything, and marks it as secret if any part of the
/// schema was.
fn unknown(schema: &Value) -> Value {
    if has_secret(schema) { json!({"secret": true}) } else { json!({}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_out(parameters: &Value) -> (Value, Vec<String>) {
        let (written, notes) = written_out(parameters.as_object().unwrap().clone());
        (Value::Object(written), notes)
    }

    #[test]
    fn a_reference_becomes_what_it_refers_to() {
        // As in the packs napalm, sql and vsphere of StackStorm's Exchange.
        let group = json!({"type": "object", "properties": {"password": {"type": "string", "secret": true}}});
        let parameters = json!({
            "credentials": {"type": "object", "patternProperties": {"^\\w+": {"$ref": "#/properties/group"}}},
            "group": group,
            "data": {"default": {"$ref": "#/properties/group"}},
        });
        let expected = json!({
            "credentials": {"type": "object", "patternProperties": {"^\\w+": group}},
            "group": group,
            "data": {"default": {"$ref": "#/properties/group"}},
        });
        assert_eq!(write_out(&parameters), (expected, Vec::new()));
        let plain = json!({"a": {"type": "string"}});
        assert_eq!(write_out(&plain), (plain, Vec::new()));
    }

    #[test]
    fn a_reference_that_cannot_be_followed_takes_anything_and_is_told() {
        for (reference, says) in [
            ("#/properties/nope", "leads nowhere"),
            ("http://example.com/schema.json", "leads nowhere"),
            ("file:///etc/passwd", "leads nowhere"),
        ] {
            let (written, notes) = write_out(&json!({"a": {"items": {"$ref": reference}}}));
            assert_eq!(written, json!({"a": {"items": {}}}));
            assert!(notes.len() == 1 && notes[0].contains(says) && notes[0].contains(reference), "{notes:?}");
        }
    }

    #[test]
    fn a_reference_to_itself_ends_and_hides_no_secret() {
        let tree = json!({"tree": {"properties": {
            "key": {"secret": true}, "left": {"$ref": "#/properties/tree"},
        }}});
        let (written, notes) = write_out(&tree);
        assert_eq!(written["tree"]["properties"]["left"]["properties"]["left"], json!({"secret": true}));
        assert!(notes[0].contains("refers to itself"), "{notes:?}");
        let (written, _) = write_out(&json!({"a": {"$ref": "#/properties/a"}}));
        assert_eq!(written, json!({"a": {}}));
    }

    #[test]
    fn references_that_multiply_have_an_end() {
        let mut parameters = serde_json::Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/properties/p{}", level + 1)});
            parameters.insert(format!("p{level}"), json!({"properties": {"a": next, "b": next}}));
        }
        parameters.insert("p40".into(), json!({"type": "string"}));
        let (written, notes) = write_out(&Value::Object(parameters));
        assert!(written.to_string().len() < 10 << 20);
        assert!(notes.iter().any(|note| note.contains("too large")), "{notes:?}");
    }
}
