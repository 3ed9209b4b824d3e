//! The definition of a trigger type, from `triggers/*.yaml`.

use petrel_model::TriggerType;

use super::{read, reference};
use crate::problem::Problem;

const FIELDS: &[&str] = &["name", "pack", "description", "payload_schema", "parameters_schema", "tags"];

/// Fields of printed trigger types that are ignored, as StackStorm does.
const PRINTED: &[&str] = &["id", "uid", "ref", "metadata_file"];

/// Parses a trigger type of `pack`.
///
/// # Errors
/// All problems.
pub fn read_trigger_type(file: &str, text: &str, pack: &str) -> Result<TriggerType, Vec<Problem>> {
    read(file, text, "a trigger type", |fields, problems| {
        fields.refuse_unknown(FIELDS, PRINTED, problems);
        fields.tags(problems);
        Some(TriggerType {
            description: fields.text("description", problems).unwrap_or_default(),
            parameters_schema: fields.object("parameters_schema", problems),
            payload_schema: fields.object("payload_schema", problems),
            reference: reference(fields, pack, problems)?,
        })
    })
}
