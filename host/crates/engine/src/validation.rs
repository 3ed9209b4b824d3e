//! Checks values against schemas that packs declare. Validators are compiled once and kept.

use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use petrel_model::Object;
use petrel_model::parameters::{Parameters, Schema, validation_schema};
use serde_json::Value;

/// A schema, compiled when it is first needed.
#[derive(Debug)]
pub(crate) struct Validator {
    schema: Value,
    /// Whether messages must not quote values.
    is_secret: bool,
    compiled: OnceLock<Result<jsonschema::Validator, String>>,
}

impl Validator {
    /// For a whole set of parameters.
    pub(crate) fn of_parameters(parameters: &Parameters) -> Self {
        let is_secret = parameters.values().any(|schema| Schema::of(schema).is_secret());
        Self { schema: validation_schema(parameters), is_secret, compiled: OnceLock::new() }
    }

    /// For a payload. A schema that only says "an object" is not worth a validator.
    pub(crate) fn of_payload(schema: &Object) -> Option<Self> {
        let says_something = schema.keys().any(|key| key != "type" && key != "description");
        says_something.then(|| Self {
            schema: Value::Object(schema.clone()),
            is_secret: false,
            compiled: OnceLock::new(),
        })
    }

    /// What is wrong with `value`: the first thing found, in StackStorm's words where it has some.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let compile = || jsonschema::validator_for(&self.schema).map_err(|error| error.to_string());
        let validator = self
            .compiled
            .get_or_init(compile)
            .as_ref()
            .map_err(|error| format!("its schema is not valid: {error}"))?;
        validator.validate(value).map_err(|error| {
            let path = error.instance_path().to_string();
            let text = match error.kind() {
                ValidationErrorKind::Required { property } => {
                    format!("'{}' is a required property", property.as_str().unwrap_or_default())
                }
                ValidationErrorKind::AdditionalProperties { .. } => error.to_string(),
                _ if self.is_secret => error.masked().to_string(),
                _ => error.to_string(),
            };
            if path.is_empty() { text } else { format!("{}: {text}", path.trim_start_matches('/')) }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_words_that_people_know() {
        let parameters =
            json!({"cmd": {"type": "string", "required": true}, "n": {"type": "integer", "default": 1}});
        let validator = Validator::of_parameters(parameters.as_object().unwrap());
        assert_eq!(validator.check(&json!({"cmd": "a", "n": 2})), Ok(()));
        for (value, message) in [
            (json!({}), "'cmd' is a required property"),
            (
                json!({"cmd": "a", "bogus": 1}),
                "Additional properties are not allowed ('bogus' was unexpected)",
            ),
            (json!({"cmd": 1}), "cmd: 1 is not of type \"string\""),
        ] {
            assert_eq!(validator.check(&value), Err(message.to_owned()));
        }
    }
}
