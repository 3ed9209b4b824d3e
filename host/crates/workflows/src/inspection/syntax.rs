//! Checks a definition against its JSON schema, which editors can use as well. [`super::shapes`] words the findings.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use petrel_model::quoted::quoted;
use serde_json::Value;

use super::finding::{Finding, Kind, Severity};
use super::shapes;
use crate::definition::shape;

/// The JSON schema of a definition.
const SCHEMA: &str = include_str!("schema.json");

/// The pattern for task names, as written in the schema and as written in findings.
const NAME_PATTERN: (&str, &str) = (r"^[\p{L}\p{M}\p{N}_]+$", r"^\w+$");

static VALIDATOR: LazyLock<Option<Validator>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(SCHEMA).ok()?;
    jsonschema::options().with_draft(Draft::Draft4).build(&schema).ok()
});

pub(super) fn inspect(definition: &Value) -> Vec<Finding> {
    let mut findings: Vec<Finding> = VALIDATOR
        .iter()
        .flat_map(|validator| validator.iter_errors(definition))
        .map(|error| Finding {
            kind: Kind::Syntax,
            schema_path: path(error.schema_path().as_str()),
            spec_path: path(error.instance_path().as_str()),
            message: shapes::message(&error),
            language: None,
            expression: None,
            severity: Severity::Error,
            unknown: None,
            hint: shapes::meant(&error),
        })
        .collect();
    findings.extend(misnamed(definition));
    findings
}

/// Longest name of a task, in bytes.
const LONGEST_NAME: usize = 1_000;

/// Reports tasks whose names are too long to be repeated in findings.
pub(super) fn overlong(definition: &Value) -> Vec<Finding> {
    let names = shape::tasks(definition).into_iter().flat_map(|tasks| tasks.keys());
    let overlong = names.filter(|name| name.len() > LONGEST_NAME);
    let finding = |name: &String| {
        let begin: String = name.chars().take(40).collect();
        Finding {
            kind: Kind::Syntax,
            schema_path: Some("properties.tasks.patternProperties".to_owned()),
            spec_path: Some("tasks".to_owned()),
            message: format!(
                "the name of the task that begins with \"{begin}\" has {} bytes, and {LONGEST_NAME} is the limit; shorten it",
                name.len()
            ),
            language: None,
            expression: None,
            severity: Severity::Error,
            unknown: None,
            hint: None,
        }
    };
    overlong.map(finding).collect()
}

/// Reports tasks whose names contain other characters than allowed.
fn misnamed(definition: &Value) -> impl Iterator<Item = Finding> {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let names = shape::tasks(definition).into_iter().flat_map(|tasks| tasks.keys());
    names.filter(move |name| !is_name(name)).map(|name| Finding {
        kind: Kind::Syntax,
        schema_path: Some("properties.tasks.patternProperties".to_owned()),
        spec_path: Some("tasks".to_owned()),
        message: format!(
            "the name of the task \"{}\" may hold letters, digits and `_` only; rename it",
            quoted(name)
        ),
        language: None,
        expression: None,
        severity: Severity::Error,
        unknown: None,
        hint: None,
    })
}

/// Converts a JSON pointer to the place of a finding. `None` for the root.
fn path(pointer: &str) -> Option<String> {
    let mut path = String::new();
    for part in petrel_model::pointer::steps(pointer) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push('[');
            path.push_str(&part);
            path.push(']');
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(if part == NAME_PATTERN.0 { NAME_PATTERN.1 } else { &part });
    }
    (!path.is_empty()).then_some(path)
}
