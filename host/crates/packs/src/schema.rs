//! The dialect of JSON Schema for parameters: draft 4 with draft 3's `required: true`, and `secret`, `position` and
//! `immutable`. An unknown attribute of a parameter is an error, since it is most likely misspelt and would switch off
//! a check. Inside a parameter it is only a note ([`strays`]), since StackStorm accepts it.
//! [`references`](crate::references) expands `$ref`.

use std::collections::BTreeMap;

use petrel_model::Object;
use petrel_model::nearest::nearest;
use petrel_model::parameters::Parameters;
use petrel_model::secrets::whole_schema;
use petrel_yaml::{Content, Node};
use serde_json::Value;

use crate::fields::{Fields, Problems};
use crate::limits::{MOST_PROBLEMS, MOST_WORDS};
use crate::problem::short;
use crate::suggestion::suggestion;

/// All attributes of a parameter.
pub const ATTRIBUTES: &[&str] = &[
    "type",
    "description",
    "default",
    "required",
    "enum",
    "secret",
    "immutable",
    "position",
    "title",
    "id",
    "$schema",
    "$ref",
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "additionalItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minProperties",
    "maxProperties",
    "dependencies",
    "definitions",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

/// All types of a parameter.
pub const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

/// Names of types in other languages, Python's first, and the types that are meant by them.
const FOREIGN_TYPES: [(&[&str], &str); 7] = [
    (&["int", "long"], "integer"),
    (&["str", "text", "unicode"], "string"),
    (&["bool"], "boolean"),
    (&["float", "double", "decimal"], "number"),
    (&["list", "tuple", "set", "sequence"], "array"),
    (&["dict", "map", "mapping", "hash"], "object"),
    (&["none", "nil", "nonetype"], "null"),
];

/// Checks the schemas of an action's parameters.
pub(crate) fn check_parameters(node: &Node, problems: &mut Problems) {
    let Some(parameters) = Fields::of(node, "parameters", problems) else { return };
    let mut positions = BTreeMap::new();
    for entry in parameters.entries() {
        // The rule of StackStorm's schema is `\w+`, which in Python has the letters of all alphabets.
        if entry.key.is_empty() || !entry.key.chars().all(|char| char.is_alphanumeric() || char == '_') {
            problems.add_with(entry.position, || {
                format!("`{}` is not a name for a parameter; use letters, digits and _", short(&entry.key))
            });
        }
        let what = format!("parameter {}", short(&entry.key));
        let Some(fields) = check_schema(&entry.node, &what, problems) else { continue };
        fields.refuse_unknown(ATTRIBUTES, &[], problems);
        check_type(fields, true, problems);
        let has_default = fields.entries().iter().any(|field| field.key == "default");
        // A parameter without a type narrows one of the runner, which has the default.
        let is_own = fields.get("type").is_some();
        if fields.flag("immutable", false, problems) && !has_default && is_own {
            let message = format!("{what} is immutable and has no default; add a default");
            problems.add(fields.position("immutable"), message);
        }
        if let Some(position) = fields.get("position") {
            match position.to_json().as_u64() {
                Some(number) => {
                    if let Some(other) = positions.insert(number, entry.key.clone()) {
                        let message = format!(
                            "{what} and parameter {} have the same position {number}; change one",
                            short(&other)
                        );
                        problems.add(position.position, message);
                    }
                }
                None => problems.add(
                    position.position,
                    format!("position of {what} must be 0, 1, 2 and so on; correct it"),
                ),
            }
        }
    }
    // Any first number is allowed, since existing packs count from 0 or from 1.
    let first = positions.keys().next().copied().unwrap_or_default();
    let is_gapless = positions.keys().zip(first..).all(|(position, expected)| *position == expected);
    if !is_gapless {
        let all: Vec<_> = positions.keys().take(MOST_WORDS).map(ToString::to_string).collect();
        let message = format!("positions are {}; number them without gaps, as in 0, 1, 2", all.join(", "));
        problems.add(node.position, message);
    }
}

/// Checks a schema inside another one.
fn check_nested(node: &Node, what: &str, problems: &mut Problems) {
    if let Some(fields) = check_schema(node, what, problems) {
        check_type(fields, false, problems);
    }
}

/// Checks the attributes of a schema, apart from its type, and the schemas inside it.
fn check_schema<'a>(node: &'a Node, what: &'a str, problems: &mut Problems) -> Option<Fields<'a>> {
    let fields = Fields::of(node, what, problems)?;
    for name in ["secret", "immutable", "uniqueItems"] {
        fields.flag(name, false, problems);
    }
    fields.list("enum", problems);
    for name in ["properties", "patternProperties", "definitions"] {
        let Some(nested) = fields.get(name).and_then(|node| Fields::of(node, name, problems)) else {
            continue;
        };
        for entry in nested.entries() {
            check_nested(&entry.node, &format!("{} of {what}", short(&entry.key)), problems);
        }
    }
    for name in ["items", "additionalItems", "additionalProperties", "not"] {
        match fields.get(name) {
            Some(node @ Node { content: Content::Mapping(_), .. }) => {
                check_nested(node, &format!("{name} of {what}"), problems);
            }
            Some(Node { content: Content::List(items), .. }) => {
                for item in items {
                    check_nested(item, &format!("{name} of {what}"), problems);
                }
            }
            _ => {}
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for item in fields.list(name, problems) {
            check_nested(item, &format!("{name} of {what}"), problems);
        }
    }
    Some(fields)
}

/// Checks a type. A parameter must have a single type, to which it is cast; a schema inside it may have several.
fn check_type(fields: Fields<'_>, is_parameter: bool, problems: &mut Problems) {
    let Some(node) = fields.get("type") else { return };
    let names = match (&node.content, is_parameter) {
        (Content::List(_), true) => {
            let known = TYPES.join(", ");
            problems.add(
                node.position,
                format!("type of {} must be a single one; write one of {known}", fields.what),
            );
            return;
        }
        (Content::List(_), false) => fields.texts("type", problems),
        _ => fields.text("type", problems).into_iter().collect(),
    };
    for name in names.iter().filter(|name| !TYPES.contains(&name.as_str())) {
        problems
            .add_with(node.position, || format!("`{}` is not a type; {}", short(name), type_remedy(name)));
    }
}

/// The type that is meant by the name of another language's. StackStorm refuses an action with such a type, too.
fn meant(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let meant = FOREIGN_TYPES.iter().find(|(foreign, _)| foreign.contains(&name.as_str()));
    meant.map(|(_, meant)| *meant)
}

/// A sentence for each unknown type in a schema that StackStorm does not check at registration either: of a payload, of the
/// parameters of a trigger, of a result. `what` is its field.
pub fn odd_types(schema: &Object, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    odd_types_of(&whole_schema(schema), what, &mut found);
    found
}

fn odd_types_of(schema: &Value, place: &str, found: &mut Vec<String>) {
    let names = match schema.get("type") {
        Some(Value::Array(names)) => names.as_slice(),
        Some(name) => std::slice::from_ref(name),
        None => &[],
    };
    let odd = names.iter().filter_map(Value::as_str).filter(|name| !TYPES.contains(name));
    for name in odd {
        if found.len() < MOST_PROBLEMS {
            found.push(format!("`{}` is not a type, in {place}; {}", short(name), type_remedy(name)));
        }
    }
    for (name, inner) in NAMED.iter().filter_map(|kind| schema.get(kind)?.as_object()).flatten() {
        odd_types_of(inner, &format!("{place}.{}", short(name)), found);
    }
    for kind in LISTED {
        match schema.get(kind) {
            Some(Value::Array(all)) => all.iter().for_each(|inner| odd_types_of(inner, place, found)),
            Some(inner) => odd_types_of(inner, place, found),
            None => {}
        }
    }
}

/// The remedy for an unknown type.
fn type_remedy(name: &str) -> String {
    match meant(name) {
        Some(meant) => format!("did you mean {meant}?"),
        None => suggestion(name, TYPES),
    }
}

/// Keywords whose value is a mapping of names to schemas.
pub(crate) const NAMED: [&str; 3] = ["properties", "patternProperties", "definitions"];
/// Keywords whose value is a schema or a list of schemas.
pub(crate) const LISTED: [&str; 7] =
    ["items", "additionalItems", "additionalProperties", "not", "allOf", "anyOf", "oneOf"];

/// Unknown attributes inside these parameters, one sentence each.
pub(crate) fn strays(parameters: &Parameters) -> Vec<String> {
    let mut found = Vec::new();
    for (name, schema) in parameters {
        strays_below(schema, &short(name), &mut found);
    }
    found
}

/// Checks the schemas inside `schema`, which is at `place`.
fn strays_below(schema: &Value, place: &str, found: &mut Vec<String>) {
    let named = NAMED.iter().filter_map(|kind| schema.get(kind)?.as_object()).flatten();
    for (name, inner) in named {
        strays_of(inner, &format!("{place}.{}", short(name)), found);
    }
    for kind in LISTED {
        match schema.get(kind) {
            Some(Value::Array(all)) => all.iter().for_each(|inner| strays_of(inner, place, found)),
            Some(inner) => strays_of(inner, place, found),
            None => {}
        }
    }
}

/// Adds the unknown attributes of `schema`, which is at `place`, and of the schemas inside it.
pub(crate) fn strays_of(schema: &Value, place: &str, found: &mut Vec<String>) {
    let words = schema.as_object().into_iter().flatten().map(|(word, _)| word.as_str());
    for word in words.filter(|word| !ATTRIBUTES.contains(word)) {
        if found.len() < MOST_PROBLEMS {
            let remedy = match nearest(word, ATTRIBUTES.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => "remove it, or move it to where it belongs".to_owned(),
            };
            let word = short(word);
            found.push(format!("{place} has `{word}`, which has no meaning in a schema; {remedy}"));
        }
    }
    strays_below(schema, place, found);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_of_another_language_is_answered_with_the_right_one() {
        for (written, right) in [
            ("int", "did you mean integer?"),
            ("str", "did you mean string?"),
            ("Bool", "did you mean boolean?"),
            ("dict", "did you mean object?"),
            ("list", "did you mean array?"),
            ("strin", "did you mean string?"),
            ("colour", "known are array, boolean,"),
        ] {
            for text in [format!("n: {{type: {written}}}"), format!("n: {{items: {{type: {written}}}}}")] {
                let node = petrel_yaml::parse_node(&text).unwrap();
                let mut problems = Problems::of("a.yaml");
                check_parameters(&node, &mut problems);
                let told = problems.told();
                let [problem] = told.as_slice() else { panic!("{text}: {told:?}") };
                let begin = format!("`{written}` is not a type; {right}");
                assert!(problem.message.starts_with(&begin), "{text}: {problem}");
            }
        }
    }

    #[test]
    fn an_unknown_type_in_a_payload_or_a_result_is_told() {
        for (schema, expected) in [
            (
                json!({"type": "object", "properties": {"n": {"type": "int"}}}),
                &["`int` is not a type, in x.n; did you mean integer?"][..],
            ),
            // As in older packs, the properties alone.
            (
                json!({"n": {"type": "str"}, "m": {"items": {"type": ["null", "strin"]}}}),
                &[
                    "`str` is not a type, in x.n; did you mean string?",
                    "`strin` is not a type, in x.m; did you mean string?",
                ],
            ),
            (json!({"type": "object", "properties": {"type": {"type": "string"}}}), &[]),
            (json!({}), &[]),
        ] {
            assert_eq!(odd_types(schema.as_object().unwrap(), "x"), expected, "{schema}");
        }
    }

    #[test]
    fn a_stray_word_within_a_parameter_is_told_and_nothing_else_is() {
        // As in the packs pagerduty, aws and trello of StackStorm's Exchange.
        let parameters = json!({
            "data": {"type": "object", "properties": {"teams": {"type": "array", "item": {"type": "object"}}}},
            "sqs": {"type": "object", "properties": {"queues": {"type": "array"}, "roles": {"roles": 1}}},
            "lists": {"type": "array", "items": {"properties": {"filter": {"filter": "by type", "type": "array"}}}},
            "fine": {"type": "object", "properties": {"item": {"$ref": "#/properties/data"}}, "default": {"x": 1}},
            "either": {"anyOf": [{"type": "null"}, {"tpe": "string"}]},
        });
        let expected = [
            "data.teams has `item`, which has no meaning in a schema; did you mean items?",
            "sqs.roles has `roles`, which has no meaning in a schema; remove it, or move it to where it belongs",
            "lists.filter has `filter`, which has no meaning in a schema; remove it, or move it to where it belongs",
            "either has `tpe`, which has no meaning in a schema; did you mean type?",
        ];
        assert_eq!(strays(parameters.as_object().unwrap()), expected);
    }
}
