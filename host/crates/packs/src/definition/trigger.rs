//! The definition of a trigger type, from `triggers/*.yaml` or from JSON in a request.

use petrel_model::{TriggerType, names};

use super::{read, reference};
use crate::fields::{Fields, Problems};
use crate::problem::Problem;

const FIELDS: &[&str] = &["name", "pack", "description", "payload_schema", "parameters_schema", "tags"];

/// Fields of printed trigger types that are ignored, as StackStorm does.
const PRINTED: &[&str] = &["id", "uid", "ref", "metadata_file"];

/// Fields that the host adds to trigger types that it shows.
const SHOWN: &[&str] = &["made_by", "listeners", "rules", "last_event_at"];

/// Parses a trigger type of `pack`.
///
/// # Errors
/// All problems.
pub fn read_trigger_type(file: &str, text: &str, pack: &str) -> Result<TriggerType, Vec<Problem>> {
    read(file, text, "a trigger type", |fields, problems| {
        fields.refuse_unknown(FIELDS, PRINTED, problems);
        trigger_type(fields, pack, problems)
    })
}

/// Parses a trigger type that is made by hand. It is in `pack` if it does not say its pack.
///
/// # Errors
/// All problems.
pub fn read_made_trigger_type(
    file: &str,
    text: &str,
    pack: Option<&str>,
) -> Result<TriggerType, Vec<Problem>> {
    read(file, text, "a trigger type", |fields, problems| {
        fields.refuse_unknown(FIELDS, &[PRINTED, SHOWN].concat(), problems);
        let Some(pack) = fields.text("pack", problems).or_else(|| pack.map(str::to_owned)) else {
            problems.add(fields.position("pack"), "a trigger type needs a pack; write pack: NAME".to_owned());
            return None;
        };
        if let Err(invalid) = names::check_pack(&pack) {
            problems.add(fields.position("pack"), format!("{invalid}; {}", invalid.remedy));
        }
        trigger_type(fields, &pack, problems)
    })
}

fn trigger_type(fields: Fields<'_>, pack: &str, problems: &mut Problems) -> Option<TriggerType> {
    fields.tags(problems);
    Some(TriggerType {
        description: fields.text("description", problems).unwrap_or_default(),
        parameters_schema: fields.object("parameters_schema", problems),
        payload_schema: fields.object("payload_schema", problems),
        reference: reference(fields, pack, problems)?,
        made_by: None,
    })
}
