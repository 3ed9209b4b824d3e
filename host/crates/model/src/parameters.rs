//! Schemas of the parameters of actions and runners, in StackStorm's dialect of JSON Schema.
//!
//! The dialect is draft 4 with draft 3's `required: true` on the property, and the additional keys `secret`,
//! `position` and `immutable`. A schema is stored unchanged; [`Schema`] interprets it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Object;

/// Schemas by name of the parameter, in the order written.
pub type Parameters = Object;

/// A view of one parameter's schema. A schema that is not an object is treated as an empty one.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a>(Option<&'a Object>);

impl<'a> Schema<'a> {
    /// The view of `schema`.
    pub fn of(schema: &'a Value) -> Self {
        Self(schema.as_object())
    }

    /// The view of the schema of `name` among `parameters`, if it is declared.
    pub fn named(parameters: &'a Parameters, name: &str) -> Option<Self> {
        parameters.get(name).map(Self::of)
    }

    fn get(self, key: &str) -> Option<&'a Value> {
        self.0.and_then(|schema| schema.get(key))
    }

    fn flag(self, key: &str) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The declared type: `string`, `integer`, `number`, `boolean`, `array`, `object` or `null`.
    pub fn kind(self) -> Option<&'a str> {
        self.get("type").and_then(Value::as_str)
    }

    /// The default, if there is one. An explicit `null` counts.
    pub fn default(self) -> Option<&'a Value> {
        self.get("default")
    }

    /// Whether a value must be given.
    pub fn is_required(self) -> bool {
        self.flag("required")
    }

    /// Whether callers must not change the default.
    pub fn is_immutable(self) -> bool {
        self.flag("immutable")
    }

    /// Whether the value is masked wherever it is shown.
    pub fn is_secret(self) -> bool {
        self.flag("secret")
    }

    /// The position among the positional arguments of a shell script.
    pub fn position(self) -> Option<u64> {
        self.get("position").and_then(Value::as_u64)
    }

    /// The author's description.
    pub fn description(self) -> Option<&'a str> {
        self.get("description").and_then(Value::as_str)
    }
}

/// The parameters of an action together with those of its runner. An attribute that the action sets for a runner's
/// parameter (a default, an enumeration, immutability) replaces the runner's.
pub fn merged(runner: &Parameters, action: &Parameters) -> Parameters {
    let mut merged = runner.clone();
    for (name, schema) in action {
        match (merged.get_mut(name).and_then(Value::as_object_mut), schema.as_object()) {
            (Some(base), Some(own)) => {
                base.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            _ => {
                merged.insert(name.clone(), schema.clone());
            }
        }
    }
    merged
}

/// The JSON Schema (draft 4) for a whole set of parameters: draft 3's `required` is moved to where draft 4 expects it,
/// the additional keys are removed, unknown parameters are refused, and null is allowed for parameters that are
/// neither required nor have a default, and inside them for everything that need not be given. (Source: the recursive
/// `modify_schema_allow_default_none` of StackStorm's `util/schema`.)
pub fn validation_schema(parameters: &Parameters) -> Value {
    // Null in the place of a default never gets here: the default replaces it.
    let property = |schema: &Value| {
        let is_optional = !Schema::of(schema).is_required() && !has_default(schema);
        let property = draft4(schema, Nulls::Optional);
        if is_optional { allow_null(property) } else { property }
    };
    let mut whole = of_properties(parameters, property);
    whole.insert("additionalProperties".into(), Value::Bool(false));
    Value::Object(whole)
}

/// The JSON Schema (draft 4) for the configuration of a pack: that of [`validation_schema`], except that other keys are
/// allowed, and null for everything that need not be given. (Source: `validate_config_against_schema` of StackStorm's
/// `util/pack.py`.)
pub fn configuration_schema(schemas: &Parameters) -> Value {
    Value::Object(of_properties(schemas, |schema| property(schema, Nulls::Optional)))
}

/// The JSON Schema (draft 4, unless it says otherwise) for a whole schema in the dialect, as that of the answer to an inquiry
/// or of a payload: null is allowed for everything that need not be given. (Source: `validate_response` of StackStorm's
/// `services/inquiry.py`, and `validate_trigger_payload` of its `validators/api/reactor.py`.)
pub fn standard_schema(schema: &Object) -> Value {
    let mut whole = Object::new();
    whole.insert("$schema".into(), "http://json-schema.org/draft-04/schema#".into());
    if let Value::Object(converted) = draft4(&Value::Object(schema.clone()), Nulls::Optional) {
        whole.extend(converted);
    }
    Value::Object(whole)
}

/// Whether a value must be given: a required one with a default need not.
pub fn is_needed(schema: &Value) -> bool {
    Schema::of(schema).is_required() && !has_default(schema)
}

fn has_default(schema: &Value) -> bool {
    !Schema::of(schema).default().is_none_or(Value::is_null)
}

/// The schema of an object with these properties, each converted by `property`.
fn of_properties(schemas: &Parameters, property: impl Fn(&Value) -> Value) -> Object {
    let properties: Object = schemas.iter().map(|(name, schema)| (name.clone(), property(schema))).collect();
    let mut whole = Object::new();
    whole.insert("$schema".into(), "http://json-schema.org/draft-04/schema#".into());
    whole.insert("type".into(), "object".into());
    whole.insert("properties".into(), Value::Object(properties));
    let required = needed(schemas);
    if !required.is_empty() {
        whole.insert("required".into(), Value::Array(required));
    }
    whole
}

/// The names that must be given.
fn needed(schemas: &Object) -> Vec<Value> {
    schemas
        .iter()
        .filter(|(_, schema)| is_needed(schema))
        .map(|(name, _)| Value::from(name.as_str()))
        .collect()
}

/// The values in the place of which null is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// Those that need not be given.
    Optional,
    /// Those that say so. Among alternatives null may be what tells one from another.
    AsWritten,
}

/// The schema of a property inside an object.
fn property(schema: &Value, nulls: Nulls) -> Value {
    let property = draft4(schema, nulls);
    if nulls == Nulls::AsWritten || is_needed(schema) { property } else { allow_null(property) }
}

fn draft4(schema: &Value, nulls: Nulls) -> Value {
    let Some(schema) = schema.as_object() else { return Value::Object(Object::new()) };
    let required = required(schema);
    let mut out = Object::new();
    for (key, value) in schema {
        match key.as_str() {
            "secret" | "position" | "immutable" | "default" => {}
            // The message names it with its problem.
            "description" if !value.is_string() => {}
            // It follows.
            "required" if value.is_boolean() || value.is_array() => {}
            "properties" => {
                let properties = value.as_object().into_iter().flatten().map(|(name, schema)| {
                    let is_listed = required.iter().any(|listed| listed == name);
                    let converted = if is_listed { draft4(schema, nulls) } else { property(schema, nulls) };
                    (name.clone(), converted)
                });
                out.insert(key.clone(), properties.collect());
            }
            "patternProperties" | "definitions" => {
                let nested = value.as_object().into_iter().flatten();
                let properties = nested.map(|(name, schema)| (name.clone(), draft4(schema, nulls)));
                out.insert(key.clone(), properties.collect());
            }
            "items" | "additionalItems" | "additionalProperties" if value.is_object() => {
                out.insert(key.clone(), draft4(value, nulls));
            }
            "not" if value.is_object() => {
                out.insert(key.clone(), draft4(value, Nulls::AsWritten));
            }
            "items" | "anyOf" | "allOf" | "oneOf" if value.is_array() => {
                let nulls = if key == "items" { nulls } else { Nulls::AsWritten };
                let parts = value.as_array().into_iter().flatten().map(|part| draft4(part, nulls));
                out.insert(key.clone(), parts.collect());
            }
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    if !required.is_empty() {
        out.insert("required".into(), Value::Array(required));
    }
    Value::Object(out)
}

/// The names that must be given in an object: those that its schema lists, as in draft 4, and those that say so
/// themselves, as in draft 3.
fn required(schema: &Object) -> Vec<Value> {
    let mut names = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let of_draft_3 = schema.get("properties").and_then(Value::as_object).map(needed).unwrap_or_default();
    let others: Vec<_> = of_draft_3.into_iter().filter(|name| !names.contains(name)).collect();
    names.extend(others);
    names
}

fn allow_null(schema: Value) -> Value {
    let mut null = Object::new();
    null.insert("type".into(), "null".into());
    let mut either = Object::new();
    either.insert("anyOf".into(), Value::Array(vec![schema, Value::Object(null)]));
    Value::Object(either)
}

/// The parameters with a position, by position. If two have the same one, the later one counts.
pub fn positional(parameters: &Parameters) -> BTreeMap<u64, &str> {
    parameters
        .iter()
        .filter_map(|(name, schema)| Some((Schema::of(schema).position()?, name.as_str())))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("not an object: {value}") };
        object
    }

    #[test]
    fn an_action_narrows_its_runner() {
        let runner =
            object(json!({"timeout": {"type": "integer", "default": 60}, "cmd": {"type": "string"}}));
        let action =
            object(json!({"timeout": {"default": 5, "immutable": true}, "host": {"type": "string"}}));
        assert_eq!(
            Value::Object(merged(&runner, &action)),
            json!({
                "timeout": {"type": "integer", "default": 5, "immutable": true},
                "cmd": {"type": "string"},
                "host": {"type": "string"},
            })
        );
    }

    #[test]
    fn the_dialect_becomes_draft_4() {
        let parameters = object(json!({
            "cmd": {"type": "string", "required": true, "position": 0, "description": "What to run."},
            "tags": {"type": "array", "items": {"type": "string", "required": true}},
            "retries": {"type": "integer", "default": 1},
            "family": {"type": "string", "default": "any", "required": true},
        }));
        assert_eq!(
            validation_schema(&parameters),
            json!({
                "$schema": "http://json-schema.org/draft-04/schema#",
                "type": "object",
                "properties": {
                    "cmd": {"type": "string", "description": "What to run."},
                    "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
                    "retries": {"type": "integer"},
                    "family": {"type": "string"},
                },
                "required": ["cmd"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn what_need_not_be_given_may_be_null_at_every_depth() {
        let (text, nothing) = (json!({"type": "string"}), json!({"type": "null"}));
        let schemas = object(json!({
            "url": {"type": "string", "required": true},
            "region": {"type": "string", "default": "eu"},
            "auth": {"type": "object", "required": true, "additionalProperties": false, "properties": {
                "user": {"type": "string", "required": true}, "password": {"type": "string", "secret": true},
                "zone": {"type": "string", "default": "z", "required": true},
            }},
            "hosts": {"type": "array", "required": true, "items": {"properties": {"name": {"type": "string"}}}},
            "either": {"required": true, "oneOf": [{"properties": {"a": {"type": "string"}}}, {"type": "null"}]},
        }));
        let (auth, name) = (
            json!({
                "type": "object", "additionalProperties": false, "required": ["user"],
                "properties": {"user": text, "password": {"anyOf": [text, nothing]}, "zone": {"anyOf": [text, nothing]}},
            }),
            json!({"properties": {"name": {"anyOf": [text, nothing]}}}),
        );
        let mut expected = json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "object",
            "properties": {
                "url": text, "region": {"anyOf": [text, nothing]}, "auth": auth,
                "hosts": {"type": "array", "items": name},
                "either": {"oneOf": [{"properties": {"a": text}}, nothing]},
            },
            "required": ["url", "auth", "hosts", "either"],
        });
        assert_eq!(configuration_schema(&schemas), expected);
        // A parameter with a default is never null, as the default replaces that.
        expected["properties"]["region"] = text;
        expected["additionalProperties"] = json!(false);
        assert_eq!(validation_schema(&schemas), expected);
    }
    #[test]
    fn a_whole_schema_of_either_draft_becomes_draft_4() {
        let (text, nothing) = (json!({"type": "string"}), json!({"type": "null"}));
        let either = json!({"anyOf": [text, nothing]});
        let flagged = json!({"type": "string", "required": true, "secret": true, "position": 1});
        for (written, mut standard) in [
            (
                json!({"properties": {"a": flagged, "b": text}}),
                json!({"properties": {"a": text, "b": either}, "required": ["a"]}),
            ),
            // What is listed has to be there, and is not null.
            (
                json!({"required": ["a"], "properties": {"a": text, "b": flagged}}),
                json!({"required": ["a", "b"], "properties": {"a": text, "b": text}}),
            ),
            (json!({"required": [], "properties": {}}), json!({"properties": {}})),
            (json!({"type": "object", "required": true}), json!({"type": "object"})),
            (
                json!({"definitions": {"d": {"properties": {"a": flagged}}}, "items": [{"properties": {"a": flagged}}]}),
                json!({
                    "definitions": {"d": {"properties": {"a": text}, "required": ["a"]}},
                    "items": [{"properties": {"a": text}, "required": ["a"]}],
                }),
            ),
            // Nobody can say what is meant, so the mistake stays where it is told.
            (json!({"required": "a"}), json!({"required": "a"})),
        ] {
            standard["$schema"] = json!("http://json-schema.org/draft-04/schema#");
            assert_eq!(standard_schema(&object(written.clone())), standard, "{written}");
        }
        let newer = json!({"$schema": "https://json-schema.org/draft/2020-12/schema"});
        assert_eq!(standard_schema(&object(newer.clone())), newer);
    }
}
