//! The price of schemas that may take far more work than they are long.

use serde_json::{Value, json};

use crate::validation::Validator;

/// A pattern that goes back for ever on a run of `a`.
const ENDLESS: &str = "^(a|a)*(?!c)b$";

fn validator(schema: &Value) -> Validator {
    Validator::of_payload(schema.as_object().unwrap()).unwrap()
}

/// A mapping with so many names on which [`ENDLESS`] goes back for ever.
fn names(count: usize) -> Value {
    (0..count).map(|number| (format!("{}{number}", "a".repeat(60)), json!(1))).collect()
}

#[test]
fn names_that_take_too_long_for_a_pattern_are_refused_and_not_compared() {
    let by_pattern = json!({ENDLESS: {}});
    for schema in [
        json!({"patternProperties": by_pattern}),
        json!({"patternProperties": by_pattern, "additionalProperties": false}),
        json!({"patternProperties": by_pattern, "additionalProperties": {"type": "integer"}}),
        json!({"patternProperties": by_pattern, "properties": {"p": {}}, "additionalProperties": false}),
        json!({"anyOf": [{"patternProperties": by_pattern}, {}]}),
        json!({"additionalProperties": {}, "not": {"not": {"patternProperties": by_pattern}}}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema",
            "patternProperties": by_pattern, "unevaluatedProperties": false}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "propertyNames": {"pattern": ENDLESS}}),
    ] {
        let message = validator(&schema).check(&names(3_000)).unwrap_err();
        assert!(
            message.starts_with("it cannot be checked: it took more work"),
            "{schema}: {}",
            message.chars().take(200).collect::<String>()
        );
    }
}

#[test]
fn names_within_a_parameter_are_charged_as_well() {
    let parameters = json!({"m": {"type": "object", "patternProperties": {ENDLESS: {"type": "string"}}}});
    let validator = Validator::of_parameters(parameters.as_object().unwrap());
    assert_eq!(validator.check(&json!({"m": {"ab": "x", "c": 1}})), Ok(()));
    let message = validator.check(&json!({"m": names(100)})).unwrap_err();
    assert!(message.starts_with("it cannot be checked: it took more work"), "{message}");
}

#[test]
fn a_text_for_which_a_pattern_goes_back_for_ever_is_refused() {
    let schema = json!({"properties": {"l": {"items": {"anyOf": [{"pattern": ENDLESS}, {}]}}}});
    let texts: Vec<_> = (0..100).map(|number| format!("{}{number}", "a".repeat(60))).collect();
    let message = validator(&schema).check(&json!({"l": texts})).unwrap_err();
    assert!(message.starts_with("it cannot be checked: it took more work"), "{message}");
}

#[test]
fn usual_names_are_compared_as_before() {
    let schema = json!({"patternProperties": {"^(?!_)[a-z]+[0-9]*$": {"type": "integer"}, "^_": {}},
        "additionalProperties": false});
    let validator = validator(&schema);
    let many: Value = (0..1_000).map(|number| (format!("n{number}"), json!(number))).collect();
    assert_eq!(validator.check(&many), Ok(()));
    assert_eq!(validator.check(&json!({"_x": "y", "a": 1})), Ok(()));
    assert_eq!(validator.check(&json!({"a": "x"})), Err("a: \"x\" is not an integer".to_owned()));
    assert!(validator.check(&json!({"A": 1})).is_err());
}

#[test]
fn references_that_double_are_charged_and_those_that_descend_are_followed() {
    let twice = |name: String| json!({"allOf": [{"$ref": name}, {"$ref": name}]});
    let doubling = |levels: usize| {
        let level = |level: usize| (format!("d{level}"), twice(format!("#/definitions/d{}", level + 1)));
        let mut definitions: serde_json::Map<_, _> = (0..levels).map(level).collect();
        definitions.insert(format!("d{levels}"), json!({"type": "integer"}));
        json!({"properties": {"n": {"$ref": "#/definitions/d0"}}, "definitions": definitions})
    };
    assert_eq!(validator(&doubling(4)).check(&json!({"n": 1})), Ok(()));
    let message = validator(&doubling(40)).check(&json!({"n": 1})).unwrap_err();
    assert!(message.starts_with("it cannot be checked: it took more work"), "{message}");
    let list = json!({"properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}});
    assert_eq!(validator(&list).check(&json!({"n": 1, "next": {"next": {"n": 2}}})), Ok(()));
    let wrong = json!({"n": 1, "next": {"next": {"n": "x"}}});
    assert_eq!(validator(&list).check(&wrong), Err("next.next.n: \"x\" is not an integer".to_owned()));
}

#[test]
fn a_schema_whose_work_is_unknown_is_not_valid() {
    let declared: Value =
        (0..3_000).map(|number| (format!("{}{number}", "a".repeat(60)), json!({}))).collect();
    for (schema, says) in [
        (json!({"items": {"$ref": "http://example.invalid/x"}}), "leads nowhere within it"),
        (json!({"items": {"$ref": "#/definitions/x"}}), "leads nowhere within it"),
        (
            json!({"items": {"id": "http://example.invalid/", "additionalItems": {"$ref": "#/items"}}}),
            "leave the id out",
        ),
        (
            json!({"patternProperties": {ENDLESS: {}}, "properties": declared, "additionalProperties": false}),
            "its names take too much work",
        ),
    ] {
        let validator = validator(&schema);
        assert!(validator.broken().is_some_and(|broken| broken.contains(says)), "{:?}", validator.broken());
    }
}
