//! Metadata of an action, from `actions/*.yaml`.

use petrel_model::action::Evaluation;
use petrel_model::{Action, Notify, Object};

use super::{read, reference};
use crate::fields::{Fields, Problems};
use crate::problem::Problem;
use crate::schema;

/// All fields of an action's metadata. `idempotent`, `cold` and `expressions` are additions of Petrel.
const FIELDS: &[&str] = &[
    "name",
    "pack",
    "description",
    "enabled",
    "runner_type",
    "entry_point",
    "parameters",
    "output_schema",
    "idempotent",
    "cold",
    "expressions",
    "tags",
    "notify",
];

/// Fields of printed actions that are ignored, as StackStorm does.
const PRINTED: &[&str] = &["id", "uid", "ref", "metadata_file"];

/// Parses the metadata of an action of `pack`.
///
/// # Errors
/// All problems: unknown fields and attributes, wrong types, missing fields.
pub fn read_action(file: &str, text: &str, pack: &str) -> Result<Action, Vec<Problem>> {
    read(file, text, "an action", |fields, problems| {
        fields.refuse_unknown(FIELDS, PRINTED, problems);
        if let Some(parameters) = fields.get("parameters") {
            schema::check_parameters(parameters, problems);
        }
        let reference = reference(fields, pack, problems);
        let runner_type = fields.required_text("runner_type", problems);
        let is_mapping = fields.get("parameters").is_none_or(|node| node.entries().is_some());
        Some(Action {
            description: fields.text("description", problems).unwrap_or_default(),
            enabled: fields.flag("enabled", true, problems),
            entry_point: fields.text("entry_point", problems).unwrap_or_default(),
            // If it is not a mapping, the check of the schema has reported that.
            parameters: if is_mapping { fields.object("parameters", problems) } else { Object::new() },
            output_schema: fields.object("output_schema", problems),
            idempotent: fields.flag("idempotent", false, problems),
            cold: fields.flag("cold", false, problems),
            expressions: evaluation(fields, problems),
            tags: fields.tags(problems),
            notify: notify(fields, problems),
            reference: reference?,
            runner_type: runner_type?,
        })
    })
}

/// Who is told of the end of its executions.
fn notify(fields: Fields<'_>, problems: &mut Problems) -> Object {
    let written = fields.object("notify", problems);
    if let Err(mistake) = Notify::read(&written) {
        problems.add(fields.position("notify"), mistake.to_string());
    }
    written
}

/// The evaluation of expressions in a workflow.
fn evaluation(fields: Fields<'_>, problems: &mut Problems) -> Evaluation {
    let given = fields.get("expressions").and_then(|node| Fields::of(node, "expressions", problems));
    let Some(given) = given else { return Evaluation::default() };
    given.refuse_unknown(&["reevaluate"], &[], problems);
    Evaluation { reevaluate: given.flag("reevaluate", false, problems) }
}
