//! Validation errors in words: the place of the mistake within the value, and the reason, also where the schema
//! allows several forms. Parameters, configurations, payloads and inputs of workflows share this wording.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::types::JsonType;
use petrel_model::Object;
use petrel_model::nearest::nearest;
use petrel_model::quoted::{beginning, quoted as quoted_name};
use serde_json::Value;

/// The number of forms whose reasons are given when a value has none of them.
const MOST_FORMS: usize = 3;

/// Largest number of known or missing names in a message.
const MOST_NAMES: usize = 20;

/// Characters of a name, and of its description, in a message.
const LONGEST_NAME: usize = 60;
const LONGEST_DESCRIPTION: usize = 100;

/// The length of a quoted value, in characters.
const LONGEST_VALUE: usize = 200;

/// The length of the library's words, in characters.
const LONGEST_REASON: usize = 1_000;

/// Whether values may be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Values are quoted.
    Shown,
    /// Some values are secret.
    Hidden,
}

/// A value and the schema that it was checked against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checked<'a> {
    /// The whole value.
    pub(super) value: &'a Value,
    /// The whole schema.
    pub(super) schema: &'a Value,
}

/// The name in the value at or below which the error is, unless it is about the whole value.
pub(super) fn first_name(place: &Location) -> Option<String> {
    match place.segments().next()? {
        LocationSegment::Property(name) => Some(name.into_owned()),
        LocationSegment::Index(_) => None,
    }
}

/// A message such as `nested.port: "x" is not an integer`; in StackStorm's words where it has some.
pub(super) fn of(error: &ValidationError<'_>, values: Values, checked: Checked<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            of_forms(error, context, values, checked)
        }
        ValidationErrorKind::PropertyNames { error: of_name } => at(
            error.instance_path(),
            &format!("one of its names will not do: {}", reason(of_name, values, checked)),
        ),
        _ => at(error.instance_path(), &reason(error, values, checked)),
    }
}

/// The message for a value that has none of several forms: if only one can be meant, the reason against that one.
fn of_forms(
    error: &ValidationError<'_>,
    forms: &[Vec<ValidationError<'static>>],
    values: Values,
    checked: Checked<'_>,
) -> String {
    let place = error.instance_path().as_str();
    let is_other_type = |found: &ValidationError<'_>| {
        found.instance_path().as_str() == place && matches!(found.kind(), ValidationErrorKind::Type { .. })
    };
    let mut meant =
        forms.iter().filter(|form| !form.iter().any(is_other_type)).filter_map(|form| form.first());
    match (meant.next(), meant.next()) {
        (Some(only), None) => of(only, values, checked),
        (None, _) => {
            let types: Vec<_> = forms.iter().flatten().filter_map(type_name).collect();
            at(error.instance_path(), &format!("{} is {}", quoted(error, values), neither(&types)))
        }
        (Some(first), Some(second)) => {
            let reasons: Vec<_> = [first, second]
                .into_iter()
                .chain(meant)
                .take(MOST_FORMS)
                .map(|found| of(found, values, checked))
                .collect();
            let text = format!("it has none of the forms that it may have ({})", reasons.join("; or "));
            at(error.instance_path(), &text)
        }
    }
}

/// The reason, without the place.
fn reason(error: &ValidationError<'_>, values: Values, checked: Checked<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("'{name}' is a required property{}", missing(error, checked))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => surplus(error, unexpected, checked),
        // The library's message where no property is allowed at all.
        ValidationErrorKind::FalseSchema
            if error.schema_path().as_str().ends_with("/additionalProperties") =>
        {
            surplus(error, &[], checked)
        }
        ValidationErrorKind::Type { .. } => {
            let types: Vec<_> = type_name(error).into_iter().collect();
            format!("{} is {}", quoted(error, values), neither(&types))
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{} has more than one of the forms of which it may have one", quoted(error, values))
        }
        _ if values == Values::Hidden => told(&error.masked().to_string()),
        // Only the beginning of a long value is quoted, followed by the reason.
        _ if error.instance().to_string().len() > LONGEST_VALUE => {
            told(&error.masked_with(quoted(error, values)).to_string())
        }
        _ => told(&error.to_string()),
    }
}

/// The part of `schema` that has the violated keyword.
fn around<'s>(error: &ValidationError<'_>, schema: &'s Value) -> Option<&'s Object> {
    let (place, _keyword) = error.schema_path().as_str().rsplit_once('/')?;
    schema.pointer(place)?.as_object()
}

/// The message about unexpected properties. The library names only the first one.
fn surplus(error: &ValidationError<'_>, first: &[String], checked: Checked<'_>) -> String {
    let none = Object::new();
    let around = around(error, checked.schema);
    let known = around.map(|around| around.get("properties").and_then(Value::as_object).unwrap_or(&none));
    let takes_others = around.is_none_or(|around| around.contains_key("patternProperties"));
    let given = checked.value.pointer(error.instance_path().as_str()).and_then(Value::as_object);
    let all: Vec<&str> = match (known, given) {
        (Some(known), Some(given)) if !takes_others => {
            given.keys().map(String::as_str).filter(|name| !known.contains_key(*name)).collect()
        }
        _ => first.iter().map(String::as_str).collect(),
    };
    let were = if all.len() == 1 { "was" } else { "were" };
    let names: Vec<_> = all.iter().map(|name| format!("'{name}'")).collect();
    let said = format!("Additional properties are not allowed ({} {were} unexpected)", names.join(", "));
    told(&said) + &known.map_or_else(String::new, |known| instead(&all, known))
}

/// `; did you mean message? it takes: message, times`
fn instead(surplus: &[&str], known: &Object) -> String {
    if known.is_empty() {
        return "; it takes nothing".to_owned();
    }
    let short = surplus.iter().filter(|name| name.len() <= LONGEST_NAME).take(MOST_FORMS);
    let near: Vec<_> = short
        .filter_map(|name| {
            let near = nearest(name, known.keys().map(String::as_str))?;
            Some(if surplus.len() == 1 { near.to_owned() } else { format!("{near} for {name}") })
        })
        .collect();
    let near = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(", ")) };
    let names: Vec<_> = known.keys().take(MOST_NAMES).map(|name| beginning(name, LONGEST_NAME)).collect();
    let more = match known.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; {near}it takes: {}{more}", names.join(", "))
}

/// `; give cmd (string: What to run), host (string)`: all missing properties, if the schema describes them.
fn missing(error: &ValidationError<'_>, checked: Checked<'_>) -> String {
    let Some(around) = around(error, checked.schema) else { return String::new() };
    let properties = around.get("properties").and_then(Value::as_object);
    let given = error.instance().as_object();
    let required = around.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing: Vec<_> = required
        .filter_map(Value::as_str)
        .filter(|name| given.is_none_or(|given| !given.contains_key(*name)))
        .take(MOST_NAMES)
        .map(|name| described(name, properties.and_then(|properties| properties.get(name))))
        .collect();
    match missing.as_slice() {
        [] => String::new(),
        [only] if !only.contains('(') => String::new(),
        all => format!("; give {}", all.join(", ")),
    }
}

/// A name with its type and description, in one line.
fn described(name: &str, schema: Option<&Value>) -> String {
    let said = |key: &str| schema?.get(key)?.as_str()?.trim().lines().next();
    let name = beginning(name, LONGEST_NAME);
    match (said("type"), said("description").map(|text| beginning(text, LONGEST_DESCRIPTION))) {
        (Some(kind), Some(text)) => format!("{name} ({kind}: {text})"),
        (Some(kind), None) => format!("{name} ({kind})"),
        (None, Some(text)) => format!("{name} ({text})"),
        (None, None) => name.into_owned(),
    }
}

/// The beginning of the library's words, which repeat whole values and all unexpected names.
fn told(words: &str) -> String {
    beginning(words, LONGEST_REASON).into_owned()
}

/// The types of which the value should have had one.
fn type_name(error: &ValidationError<'_>) -> Option<Vec<JsonType>> {
    match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => Some(vec![*kind]),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(kinds) } => Some(kinds.iter().collect()),
        _ => None,
    }
}

/// `not an integer`, or `neither an array nor a string`. Null among the types only means that a value may be absent,
/// so it is left out.
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

/// `text`, after the place that it is about.
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
    fn a_slip_is_told_what_was_meant_and_what_is_missing() {
        let parameters = json!({
            "message": {"type": "string", "required": true, "description": "What to say.\nIn full."},
            "times": {"type": "integer", "required": true},
            "loud": {"type": "boolean", "description": "Whether to shout."},
        });
        let validator = Validator::of_parameters(parameters.as_object().unwrap());
        let takes = "it takes: message, times, loud";
        for (value, says) in [
            (
                json!({"message": "a", "times": 1, "laud": true}),
                format!(
                    "Additional properties are not allowed ('laud' was unexpected); did you mean loud? {takes}"
                ),
            ),
            (
                json!({"message": "a", "times": 1, "laud": true, "tims": 1}),
                format!(
                    "Additional properties are not allowed ('laud', 'tims' were unexpected); \
                     did you mean loud for laud, times for tims? {takes}"
                ),
            ),
            (
                json!({"message": "a", "times": 1, "colour": 1}),
                format!("Additional properties are not allowed ('colour' was unexpected); {takes}"),
            ),
            (
                json!({}),
                "'message' is a required property; give message (string: What to say.), times (integer)"
                    .to_owned(),
            ),
            (json!({"message": "a"}), "'times' is a required property; give times (integer)".to_owned()),
        ] {
            assert_eq!(validator.check(&value), Err(says));
        }
        let nothing = Validator::of_parameters(&petrel_model::Object::new());
        let says = "Additional properties are not allowed ('x', 'y' were unexpected); it takes nothing";
        assert_eq!(nothing.check(&json!({"x": 1, "y": 2})), Err(says.to_owned()));
    }

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
                "nested: Additional properties are not allowed ('prot' was unexpected); did you mean port? it takes: port",
            ),
            (json!({"list": [{"port": 1}, {"port": "x"}]}), "list[1].port: \"x\" is not an integer"),
            (json!({"port": "x"}), "port: \"x\" is not an integer"),
            (json!({"either": 5}), "either: 5 is neither a string nor an array"),
            (json!({"either": ["a", 5]}), "either[1]: 5 is not a string"),
            (
                json!({"one": {}}),
                "one: it has none of the forms that it may have (one: 'key' is a required property; give key (string); or \
                 one: 'user' is a required property; give user (string))",
            ),
            (json!({"both": 1}), "both: 1 has more than one of the forms of which it may have one"),
            (json!({"deep": {"port": []}}), "deep.port: [] is not an integer"),
            (json!({"level": "middle"}), "level: \"middle\" is not one of \"low\" or \"high\""),
            (
                json!({"nope": 1}),
                "Additional properties are not allowed ('nope' was unexpected); it takes: nested, list, \
                 port, either, one, both, deep, level",
            ),
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
