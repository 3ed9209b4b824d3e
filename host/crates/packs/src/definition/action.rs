//! `actions/*.yaml`.

use petrel_model::Action;
use petrel_model::action::Evaluation;

use super::{read, reference};
use crate::fields::{Fields, Problems};
use crate::problem::Problem;
use crate::schema;

/// Every field of an action's metadata. `idempotent` and `expressions` are Petrel's own.
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
    "expressions",
    "tags",
    "notify",
];

/// Reads the metadata of an action of `pack`.
///
/// # Errors
/// Every problem: unknown fields and attributes, wrong types, what is missing.
pub fn read_action(file: &str, text: &str, pack: &str) -> Result<Action, Vec<Problem>> {
    read(file, text, "an action", |fields, problems| {
        fields.refuse_unknown(FIELDS, &["metadata_file"], problems);
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
            // What is no mapping was reported by the check of the schema.
            parameters: if is_mapping {
                fields.object("parameters", problems)
            } else {
                petrel_model::Object::new()
            },
            output_schema: fields.object("output_schema", problems),
            idempotent: fields.flag("idempotent", false, problems),
            expressions: evaluation(fields, problems),
            tags: fields.tags(problems),
            notify: fields.object("notify", problems),
            reference: reference?,
            runner_type: runner_type?,
        })
    })
}

/// How the expressions of a workflow are evaluated.
fn evaluation(fields: Fields<'_>, problems: &mut Problems) -> Evaluation {
    let given = fields.get("expressions").and_then(|node| Fields::of(node, "expressions", problems));
    let Some(given) = given else { return Evaluation::default() };
    given.refuse_unknown(&["reevaluate"], &[], problems);
    Evaluation { reevaluate: given.flag("reevaluate", false, problems) }
}
