//! The validation of values against schemas of packs. Validators are compiled once and kept.
//!
//! [`patterns`] charges for the searches of regular expressions, and [`effort`] for schemas that may take far more work
//! than the value is long. Other keywords, such as `uniqueItems` or a long `enum`, charge no work. So the size of the
//! value decides: large values are not validated by a worker that answers requests
//! ([`petrel_engine_core::evaluation`]). [`words`] writes the messages about values, [`mistake`] those about schemas.

mod effort;
mod mistake;
mod patterns;
mod words;

use std::sync::OnceLock;

use petrel_engine_core::evaluation;
use petrel_expressions::work;
use petrel_model::Object;
use petrel_model::parameters::{Parameters, configuration_schema, standard_schema, validation_schema};
use petrel_model::secrets::has_secret;
use petrel_packs::questions::without_schema;
use serde_json::Value;

use effort::Effort;
use words::{Checked, Values};

/// The bytes of values that are validated on a worker.
const SMALL: usize = 64 * 1024;

/// A schema, compiled when it is first needed.
#[derive(Debug)]
pub struct Validator {
    schema: Value,
    secrets: Secrets,
    compiled: OnceLock<Result<Compiled, String>>,
}

#[derive(Debug)]
struct Compiled {
    validator: jsonschema::Validator,
    effort: Effort,
}

/// The values that messages must not quote.
#[derive(Debug)]
struct Secrets {
    has_any: bool,
    /// Properties that are declared without a secret, where another one has a secret. An undeclared property may be a
    /// secret under a misspelled name.
    open: Vec<String>,
}

impl Secrets {
    /// The secrets of a schema. If it has some, nothing outside `properties` may be quoted.
    fn new(has_any: bool, properties: Option<&Object>) -> Self {
        let properties = properties.filter(|_| has_any).into_iter().flatten();
        let open = properties.filter(|(_, schema)| !has_secret(schema)).map(|(name, _)| name.clone());
        Self { has_any, open: open.collect() }
    }

    /// Whether the value of this name has secrets, or, without a name, any value.
    fn are_at(&self, name: Option<&str>) -> bool {
        self.has_any && name.is_none_or(|name| self.open.iter().all(|open| open != name))
    }
}

impl Validator {
    /// A validator of a set of parameters.
    pub fn of_parameters(parameters: &Parameters) -> Self {
        Self::of_properties(validation_schema(parameters), parameters)
    }

    /// A validator of the configuration of a pack with these schemas.
    pub fn of_configuration(schemas: &Parameters) -> Self {
        Self::of_properties(configuration_schema(schemas), schemas)
    }

    fn of_properties(schema: Value, properties: &Parameters) -> Self {
        let secrets = Secrets::new(properties.values().any(has_secret), Some(properties));
        Self { schema, secrets, compiled: OnceLock::new() }
    }

    /// A validator of a payload. A schema that only says "an object" needs none.
    pub fn of_payload(schema: &Object) -> Option<Self> {
        let says_something = schema.keys().any(|key| key != "type" && key != "description");
        says_something.then(|| Self::of_whole(schema))
    }

    /// A validator of the answer to an inquiry with this schema.
    pub fn of_answer(schema: &Object) -> Self {
        Self::of_whole(schema)
    }

    /// The reason why a question with this schema is not asked: it is not valid, or lets everything through.
    pub fn wrong_question(schema: &Object) -> Option<String> {
        let wrong = Self::of_answer(schema).broken().map(str::to_owned);
        wrong.or_else(|| without_schema(schema, "schema"))
    }

    fn of_whole(schema: &Object) -> Self {
        let secrets = Self::secrets_of(schema);
        Self { schema: standard_schema(schema), secrets, compiled: OnceLock::new() }
    }

    /// The secrets of a whole schema, which may have some outside `properties`.
    fn secrets_of(schema: &Object) -> Secrets {
        let beside = schema.iter().filter(|(key, _)| *key != "properties");
        let beside: Object = beside.map(|(key, value)| (key.clone(), value.clone())).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let properties = properties.filter(|_| !has_secret(&Value::Object(beside)));
        Secrets::new(has_secret(&Value::Object(schema.clone())), properties)
    }

    /// The reason why the schema is not valid, if it is not.
    pub fn broken(&self) -> Option<&str> {
        self.compiled().as_ref().err().map(String::as_str)
    }

    fn compiled(&self) -> &Result<Compiled, String> {
        self.compiled.get_or_init(|| {
            let effort = Effort::of(&self.schema)?;
            let validator =
                patterns::validator(&self.schema).map_err(|error| mistake::of(&error, &self.schema))?;
            Ok(Compiled { validator, effort })
        })
    }

    /// The first mistake in `value`, in StackStorm's words where it has some.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.check_with(value, |_| false)
    }

    /// As [`check`](Self::check). The message about the value of a name, or about the whole, quotes no value if the
    /// schema has secrets there, or if `hides_values` of that name, which is asked only after a mistake.
    pub fn check_with(
        &self,
        value: &Value,
        hides_values: impl Fn(Option<&str>) -> bool,
    ) -> Result<(), String> {
        // Nothing ends the library once it walks through a value, so a worker does not begin with a large
        // one.
        if is_larger(value, &mut SMALL.clone()) && !evaluation::may_take_long() {
            return Err("it is too large to be checked beside other work; send less".to_owned());
        }
        let Compiled { validator, effort } =
            self.compiled().as_ref().map_err(|error| format!("its schema is not valid: {error}"))?;
        let told = |error: &jsonschema::ValidationError<'_>| {
            let name = words::first_name(error.instance_path());
            let name = name.as_deref();
            let hides = self.secrets.are_at(name) || hides_values(name);
            let checked = Checked { value, schema: &self.schema };
            words::of(error, if hides { Values::Hidden } else { Values::Shown }, checked)
        };
        let unchecked = |limit: work::Limit| format!("it cannot be checked: {limit}");
        work::evaluation(|| {
            effort.charge(&self.schema, value).map_err(unchecked)?;
            let checked = validator.validate(value).map_err(|error| told(&error));
            // A pattern that was refused counts, although another form of the value may fit.
            work::check().map_err(unchecked)?;
            checked
        })
    }
}

/// Whether `values` are too large to be walked through by a worker.
pub fn are_large(values: &Object) -> bool {
    let mut left = SMALL;
    values.values().any(|value| is_larger(value, &mut left))
}

/// Whether `value` takes more than `left` bytes of memory.
fn is_larger(value: &Value, left: &mut usize) -> bool {
    let text = value.as_str().map_or(0, str::len);
    let Some(rest) = left.checked_sub(text + size_of::<Value>()) else { return true };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().any(|item| is_larger(item, left)),
        Value::Object(fields) => fields.values().any(|field| is_larger(field, left)),
        _ => false,
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
            (json!({}), "'cmd' is a required property; give cmd (string)"),
            (
                json!({"cmd": "a", "bogus": 1}),
                "Additional properties are not allowed ('bogus' was unexpected); it takes: cmd, n",
            ),
            (json!({"cmd": 1}), "cmd: 1 is not a string"),
        ] {
            assert_eq!(validator.check(&value), Err(message.to_owned()));
        }
    }

    #[test]
    fn a_payload_is_checked_in_the_dialect_of_stackstorm() {
        let inner = json!({"type": "object", "properties": {
            "id": {"type": "integer", "required": true}, "pin": {"type": "string", "secret": true},
        }});
        let schema = json!({"type": "object", "required": true, "properties": {
            "id": {"type": "string", "required": true, "position": 0},
            "title": {"type": "string", "default": "none", "immutable": true},
            "one": inner,
            "many": {"type": "array", "items": inner},
        }});
        let schema = schema.as_object().unwrap();
        for (payload, says) in [
            (json!({"id": "a"}), ""),
            (json!({"id": "a", "title": null, "one": {"id": 1}, "more": 1}), ""),
            (json!({}), "'id' is a required property"),
            (json!({"id": null}), "id: null is not a string"),
            (json!({"id": "a", "one": {}}), "one: 'id' is a required property"),
            (json!({"id": "a", "many": [{"id": 1}, {"id": "x"}]}), "many[1].id: value is not an integer"),
        ] {
            let checked = Validator::of_payload(schema).unwrap().check(&payload).err().unwrap_or_default();
            assert!(
                checked.starts_with(says) && checked.is_empty() == says.is_empty(),
                "{payload}: {checked}"
            );
        }
    }

    #[test]
    fn a_large_value_is_not_checked_by_a_worker() {
        let schema = json!({"type": "object", "properties": {"l": {"type": "array", "uniqueItems": true}}});
        let validator = Validator::of_payload(schema.as_object().unwrap()).unwrap();
        for (value, is_quick) in [
            (json!({"l": (0..100).collect::<Vec<_>>()}), true),
            (json!({"l": (0..10_000).collect::<Vec<_>>()}), false),
            (json!({"l": ["x".repeat(100_000)]}), false),
        ] {
            assert_eq!(evaluation::quick(|| validator.check(&value)), is_quick.then_some(Ok(())));
            assert_eq!(validator.check(&value), Ok(()));
        }
    }

    #[test]
    fn a_text_that_is_long_for_its_pattern_is_refused_and_not_searched() {
        let check = |pattern: &str, text: String| {
            let schema = json!({"properties": {"s": {"anyOf": [{"pattern": pattern}, {"type": "string"}]}}});
            let validator = Validator::of_payload(schema.as_object().unwrap()).unwrap();
            validator.check(&json!({"s": text}))
        };
        for (pattern, length) in [("(?=[^z]*z)x", 50_000), (r"(x+)\1y", 50_000), ("(x{500}y?){30}z", 50_000)]
        {
            assert_eq!(check(pattern, "x".repeat(100)), Ok(()), "{pattern}");
            let message = check(pattern, "x".repeat(length)).unwrap_err();
            assert!(message.starts_with("it cannot be checked: it took more work"), "{pattern}: {message}");
        }
        assert_eq!(check("^[a-z]+$", "x".repeat(50_000)), Ok(()));
        let schema = json!({"properties": {"s": {"pattern": "^[a-z]+$"}}});
        let validator = Validator::of_payload(schema.as_object().unwrap()).unwrap();
        assert_eq!(validator.check(&json!({"s": "A"})), Err("s: \"A\" does not match \"^[a-z]+$\"".into()));
        assert!(Validator::of_parameters(&parameters_with("(")).broken().is_some());
        assert!(Validator::of_parameters(&parameters_with("(?=a)b")).broken().is_none());
    }

    fn parameters_with(pattern: &str) -> Parameters {
        Parameters::from_iter([("s".to_owned(), json!({"type": "string", "pattern": pattern}))])
    }

    #[test]
    fn a_message_quotes_no_value_where_a_secret_is_among_them() {
        let nested = json!({"login": {"type": "object", "properties": {"password": {"type": "string", "secret": true}}}});
        let listed =
            json!({"tokens": {"type": "array", "items": {"type": "string", "secret": true, "maxLength": 3}}});
        let payload = json!({"type": "object", "properties": {"pin": {"type": "integer", "secret": true}}});
        for (validator, value) in [
            (Validator::of_parameters(nested.as_object().unwrap()), json!({"login": {"password": 424_242}})),
            (Validator::of_parameters(nested.as_object().unwrap()), json!({"login": "424242"})),
            (Validator::of_parameters(listed.as_object().unwrap()), json!({"tokens": ["424242"]})),
            (Validator::of_payload(payload.as_object().unwrap()).unwrap(), json!({"pin": "424242"})),
        ] {
            let message = validator.check(&value).unwrap_err();
            assert!(!message.contains("424242"), "{message}");
        }
    }

    #[test]
    fn a_value_beside_a_secret_is_quoted_unless_it_may_be_one() {
        let properties = json!({"pin": {"secret": true}, "n": {"type": "integer"}});
        let strict = json!({"properties": properties, "additionalProperties": {"type": "integer"}});
        let beside = json!({"properties": properties, "patternProperties": {"^x": {"secret": true}}});
        let payload = |schema: &Value| Validator::of_payload(schema.as_object().unwrap()).unwrap();
        for (validator, value, says) in [
            (
                Validator::of_parameters(properties.as_object().unwrap()),
                json!({"n": "a"}),
                "n: \"a\" is not an integer",
            ),
            (payload(&strict), json!({"n": "a"}), "n: \"a\" is not an integer"),
            (payload(&strict), json!({"pn": "a"}), "pn: value is not an integer"),
            (payload(&beside), json!({"n": "a"}), "n: value is not an integer"),
        ] {
            assert_eq!(validator.check(&value), Err(says.to_owned()));
        }
        let validator = Validator::of_parameters(properties.as_object().unwrap());
        let hidden = validator.check_with(&json!({"n": "a"}), |name| name == Some("n"));
        assert_eq!(hidden, Err("n: value is not an integer".to_owned()));
    }
}
