//! What a schema finds wrong with a value, in words: the place of what is wrong within the value, and the reason, also
//! where the schema allows several forms. Parameters, configurations, payloads and inputs of workflows are all told so.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::types::JsonType;
use petrel_model::quoted::{beginning, quoted as quoted_name};

/// How many forms are told apart where a value has none of them.
const MOST_FORMS: usize = 3;

/// Characters of a value that are quoted.
const LONGEST_VALUE: usize = 200;

/// Characters of what the library says about a value.
const LONGEST_REASON: usize = 1_000;

/// Whether values may be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// As they are.
    Shown,
    /// Some are secret.
    Hidden,
}

/// `nested.port: "x" is not an integer`; in StackStorm's words where it has some.
pub(super) fn of(error: &ValidationError<'_>, values: Values) -> String {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            of_forms(error, context, values)
        }
        ValidationErrorKind::PropertyNames { error: of_name } => {
            at(error.instance_path(), &format!("one of its names will not do: {}", reason(of_name, values)))
        }
        _ => at(error.instance_path(), &reason(error, values)),
    }
}

/// What is wrong with a value that has none of several forms: of the only one that it could be meant to have, what keeps
/// it from that.
fn of_forms(error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>], values: Values) -> String {
    let place = error.instance_path().as_str();
    let is_other_type = |found: &ValidationError<'_>| {
        found.instance_path().as_str() == place && matches!(found.kind(), ValidationErrorKind::Type { .. })
    };
    let mut meant =
        forms.iter().filter(|form| !form.iter().any(is_other_type)).filter_map(|form| form.first());
    match (meant.next(), meant.next()) {
        (Some(only), None) => of(only, values),
        (None, _) => {
            let types: Vec<_> = forms.iter().flatten().filter_map(type_name).collect();
            at(error.instance_path(), &format!("{} is {}", quoted(error, values), neither(&types)))
        }
        (Some(first), Some(second)) => {
            let reasons: Vec<_> = [first, second]
                .into_iter()
                .chain(meant)
                .take(MOST_FORMS)
                .map(|found| of(found, values))
                .collect();
            let text = format!("it has none of the forms that it may have ({})", reasons.join("; or "));
            at(error.instance_path(), &text)
        }
    }
}

/// Why, without the place.
fn reason(error: &ValidationError<'_>, values: Values) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("'{}' is a required property", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::AdditionalProperties { .. } => told(&error.to_string()),
        ValidationErrorKind::Type { .. } => {
            let types: Vec<_> = type_name(error).into_iter().collect();
            format!("{} is {}", quoted(error, values), neither(&types))
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{} has more than one of the forms of which it may have one", quoted(error, values))
        }
        _ if values == Values::Hidden => told(&error.masked().to_string()),
        // Of a long value only the beginning is told, and then why.
        _ if error.instance().to_string().len() > LONGEST_VALUE => {
            told(&error.masked_with(quoted(error, values)).to_string())
        }
        _ => told(&error.to_string()),
    }
}

/// As much of the library's words as is told: they repeat whole values, and all names that are too many.
fn told(words: &str) -> String {
    beginning(words, LONGEST_REASON).into_owned()
}

/// The types that a value should have had one of.
fn type_name(error: &ValidationError<'_>) -> Option<Vec<JsonType>> {
    match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => Some(vec![*kind]),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(kinds) } => Some(kinds.iter().collect()),
        _ => None,
    }
}

/// `not an integer`, `neither an array nor a string`. That something may be left out says nothing about what is there.
fn neither(types: &[Vec<JsonType>]) -> String {
    let mut names: Vec<_> =
        types.iter().flatten().filter(|kind| **kind != JsonType::Null).map(|kind| named(*kind)).collect();
    names.dedup();
    match names.as_slice() {
        [] => "not null".to_owned(),
        [only] => format!("not {only}"),
        [all @ .., last] => format!("neither {} nor {last}", all.join(" nor ")),
    }
}

fn named(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn quoted(error: &ValidationError<'_>, values: Values) -> String {
    if values == Values::Hidden {
        return "value".to_owned();
    }
    let text = error.instance().to_string();
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// `text`, behind the place that it is about.
fn at(place: &Location, text: &str) -> String {
    let mut shown = String::new();
    for segment in place.segments() {
        match segment {
            LocationSegment::Index(index) => shown.push_str(&format!("[{index}]")),
            LocationSegment::Property(name) => {
                shown.push_str(if shown.is_empty() { "" } else { "." });
                shown.push_str(&quoted_name(&name));
            }
        }
    }
    if shown.is_empty() { text.to_owned() } else { format!("{shown}: {text}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Validator;

    #[test]
    fn the_place_and_the_reason_are_named_at_every_depth() {
        let host = json!({"type": "object", "properties": {"port": {"type": "integer"}}, "additionalProperties": false});
        let parameters = json!({
            "nested": host,
            "list": {"type": "array", "items": host},
            "port": {"type": "integer"},
            "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "one": {"oneOf": [
                {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
                {"type": "object", "properties": {"user": {"type": "string"}}, "required": ["user"]},
            ]},
            "both": {"oneOf": [{"type": "integer"}, {"type": "number"}], "default": 1.5},
            "deep": {"anyOf": [{"type": "null"}, {"anyOf": [{"type": "boolean"}, host]}]},
            "level": {"type": "string", "enum": ["low", "high"]},
        });
        let validator = Validator::of_parameters(parameters.as_object().unwrap());
        for (value, says) in [
            (json!({"nested": {"port": "x"}}), "nested.port: \"x\" is not an integer"),
            (json!({"nested": "x"}), "nested: \"x\" is not an object"),
            (
                json!({"nested": {"prot": 1}}),
                "nested: Additional properties are not allowed ('prot' was unexpected)",
            ),
            (json!({"list": [{"port": 1}, {"port": "x"}]}), "list[1].port: \"x\" is not an integer"),
            (json!({"port": "x"}), "port: \"x\" is not an integer"),
            (json!({"either": 5}), "either: 5 is neither a string nor an array"),
            (json!({"either": ["a", 5]}), "either[1]: 5 is not a string"),
            (
                json!({"one": {}}),
                "one: it has none of the forms that it may have (one: 'key' is a required property; or one: 'user' is a \
                 required property)",
            ),
            (json!({"both": 1}), "both: 1 has more than one of the forms of which it may have one"),
            (json!({"deep": {"port": []}}), "deep.port: [] is not an integer"),
            (json!({"level": "middle"}), "level: \"middle\" is not one of \"low\" or \"high\""),
            (json!({"nope": 1}), "Additional properties are not allowed ('nope' was unexpected)"),
        ] {
            assert_eq!(validator.check(&value), Err(says.to_owned()), "{value}");
        }
    }

    #[test]
    fn no_form_of_a_secret_is_quoted() {
        let parameters = json!({"login": {"anyOf": [{"type": "array"}, {"type": "object", "properties": {
            "pin": {"type": "integer", "secret": true}}}]}});
        let validator = Validator::of_parameters(parameters.as_object().unwrap());
        for (value, says) in [
            (json!({"login": {"pin": "424242"}}), "login.pin: value is not an integer"),
            (json!({"login": "424242"}), "login: value is neither an array nor an object"),
        ] {
            assert_eq!(validator.check(&value), Err(says.to_owned()));
        }
    }

    #[test]
    fn a_large_value_is_quoted_in_part() {
        let parameters =
            json!({"port": {"type": "integer"}, "level": {"type": "string", "enum": ["low", "mid"]}});
        let validator = Validator::of_parameters(parameters.as_object().unwrap());
        let message = validator.check(&json!({"port": Value::from("x".repeat(10_000))})).unwrap_err();
        assert!(message.len() < 300 && message.ends_with("... is not an integer"), "{message}");
        let message = validator.check(&json!({"level": Value::from("x".repeat(10_000))})).unwrap_err();
        assert!(message.len() < 300 && message.contains("... is not one of"), "{message}");
        let message = validator.check(&json!({"y".repeat(10_000): 1})).unwrap_err();
        assert!(message.len() < 1_100 && message.starts_with("Additional properties"), "{message}");
    }
}
