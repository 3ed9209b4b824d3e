//! The dialect of JSON Schema in which parameters are declared: draft 4 with draft 3's `required: true`, and
//! `secret`, `position` and `immutable`. An unknown attribute is an error, since it is most likely a slip
//! that would switch off a check.

use std::collections::BTreeMap;

use petrel_yaml::{Content, Node};

use crate::fields::{Fields, Problems};
use crate::limits::MOST_WORDS;
use crate::nearest::suggestion;
use crate::problem::short;

/// Every attribute of a parameter.
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

/// Every type of a parameter.
pub const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

/// Checks the mapping of parameter names to schemas of one action.
pub(crate) fn check_parameters(node: &Node, problems: &mut Problems) {
    let Some(parameters) = Fields::of(node, "parameters", problems) else { return };
    let mut positions = BTreeMap::new();
    for entry in parameters.entries() {
        if entry.key.is_empty() || !entry.key.chars().all(|char| char.is_alphanumeric() || char == '_') {
            problems.add_with(entry.position, || {
                format!("`{}` is not a name for a parameter; use letters, digits and _", short(&entry.key))
            });
        }
        let what = format!("parameter {}", short(&entry.key));
        let Some(fields) = check_schema(&entry.node, &what, problems) else { continue };
        check_type(fields, true, problems);
        let has_default = fields.entries().iter().any(|field| field.key == "default");
        // What has no type of its own narrows a parameter of the runner, which has a default.
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
    // Wherever they begin: packs number from 0 and from 1.
    let first = positions.keys().next().copied().unwrap_or_default();
    let is_gapless = positions.keys().zip(first..).all(|(position, expected)| *position == expected);
    if !is_gapless {
        let all: Vec<_> = positions.keys().take(MOST_WORDS).map(ToString::to_string).collect();
        let message = format!("positions are {}; number them without gaps, as in 0, 1, 2", all.join(", "));
        problems.add(node.position, message);
    }
}

/// Checks a schema within another.
fn check_nested(node: &Node, what: &str, problems: &mut Problems) {
    if let Some(fields) = check_schema(node, what, problems) {
        check_type(fields, false, problems);
    }
}

/// Checks the attributes of one schema, but for its type, and the schemas within it.
fn check_schema<'a>(node: &'a Node, what: &'a str, problems: &mut Problems) -> Option<Fields<'a>> {
    let fields = Fields::of(node, what, problems)?;
    fields.refuse_unknown(ATTRIBUTES, &[], problems);
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

/// A parameter has a single type, by which it is cast; what is within it may have several.
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
        problems.add_with(node.position, || {
            format!("`{}` is not a type; {}", short(name), suggestion(name, TYPES))
        });
    }
}
