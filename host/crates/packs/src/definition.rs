//! Parsers for the files of a pack: from text to a definition or all problems.

mod action;
mod capabilities;
mod case;
mod config;
mod pack;
mod policy;
mod rule;
mod sensor;
mod trigger;

pub use action::read_action;
pub use capabilities::written_capabilities;
pub use case::{Case, Exchange, Expectation, ExpectedError, ExpectedEvent, read_cases};
pub use config::{read_config, read_config_schema};
pub(crate) use pack::probable_reference;
pub use pack::{Component, PackDefinition, read_pack_definition};
pub use policy::{PolicyDefinition, read_policy};
pub use rule::{RuleDefinition, read_rule};
pub use sensor::{SensorDefinition, read_sensor};
pub use trigger::{read_made_trigger_type, read_trigger_type};

use petrel_model::reference::InvalidRef;
use petrel_model::{Ref, names};

use crate::fields::{Fields, Problems};
use crate::problem::{Problem, short};

/// Parses `text` and passes its fields to `read`.
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

/// Parses the YAML of a file. Returns the root, and a collection for problems.
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

/// The reference of the object in a file. If the file names its pack, that must be the pack that it belongs to.
fn reference(fields: Fields<'_>, pack: &str, problems: &mut Problems) -> Option<Ref> {
    if let Some(written) = fields.text("pack", problems)
        && !pack.is_empty()
        && written != pack
    {
        let message = format!(
            "{} says that its pack is {}, but it is in the pack {pack}; remove the field pack",
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

/// A reference to another object, such as `core.local`.
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
