//! The files of a pack, each with its reader: text in, a definition or every problem out.

mod action;
mod config;
mod pack;
mod rule;
mod trigger;

pub use action::read_action;
pub use config::{read_config, read_config_schema};
pub(crate) use pack::probable_reference;
pub use pack::{Component, PackDefinition, read_pack_definition};
pub use rule::{RuleDefinition, read_rule};
pub use trigger::read_trigger_type;

use petrel_model::reference::InvalidRef;
use petrel_model::{Ref, names};

use crate::fields::{Fields, Problems};
use crate::problem::{Problem, short};

/// Parses `text` and hands its fields to `read`.
fn read<T>(
    file: &str,
    text: &str,
    what: &str,
    read: impl FnOnce(Fields<'_>, &mut Problems) -> Option<T>,
) -> Result<T, Vec<Problem>> {
    let (node, mut problems) = parsed(file, text)?;
    let value = Fields::of(&node, what, &mut problems).and_then(|fields| read(fields, &mut problems));
    problems.into_result(value)
}

/// The YAML of a file, and where to put what is found wrong with it.
fn parsed(file: &str, text: &str) -> Result<(petrel_yaml::Node, Problems), Vec<Problem>> {
    let mut problems = Problems::of(file);
    match petrel_yaml::parse_node(text) {
        Ok(node) => Ok((node, problems)),
        Err(error) => {
            problems.add(error.position, error.message);
            Err(problems.told())
        }
    }
}

/// The reference of what is described: `pack`, if it is written, must be the pack that the file is in, if that is known.
fn reference(fields: Fields<'_>, pack: &str, problems: &mut Problems) -> Option<Ref> {
    if let Some(written) = fields.text("pack", problems)
        && !pack.is_empty()
        && written != pack
    {
        let message = format!(
            "{} says that its pack is {}, and is in the pack {pack}; remove the field pack",
            fields.what,
            short(&written)
        );
        problems.add(fields.position("pack"), message);
    }
    let name = fields.required_text("name", problems)?;
    match names::check_item(fields.what, pack, &name) {
        Ok(()) => Some(Ref::new(pack, &name)),
        Err(invalid) => {
            problems.add(fields.position("name"), format!("{invalid}; {}", invalid.remedy));
            None
        }
    }
}

/// A reference to something else, such as `core.local`.
fn reference_to(fields: Fields<'_>, name: &str, problems: &mut Problems) -> Option<Ref> {
    let text = fields.required_text(name, problems)?;
    match text.parse() {
        Ok(reference) => Some(reference),
        Err(error) => {
            let error: InvalidRef = error;
            problems.add(fields.position(name), error.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests;
