//! Parts of a pack. StackStorm registers each kind of resource by itself, so one may register the actions of a pack
//! and leave its rules as they are.

use std::collections::BTreeMap;
use std::path::Path;

use petrel_engine_core::Error;
use petrel_model::Pack;
use petrel_packs::PackContents;

use crate::content::Content;

/// The parts of a pack to register; the others stay as they are. `pack.yaml` and the schema of the configuration are
/// always read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own, and any of them go together")]
pub struct Parts {
    /// Actions.
    pub actions: bool,
    /// Trigger types.
    pub triggers: bool,
    /// Rules.
    pub rules: bool,
    /// Policies.
    pub policies: bool,
    /// Sensors. Their trigger types belong to the trigger types.
    pub sensors: bool,
}

impl Parts {
    /// All parts.
    pub const ALL: Self = Self { actions: true, triggers: true, rules: true, policies: true, sensors: true };

    /// The parts of `contents` to register, where `known` is the registered pack.
    pub(super) fn of(self, mut contents: PackContents, known: Option<&Pack>) -> PackContents {
        if !self.actions {
            contents.actions.clear();
            contents.refused.clear();
            contents.pack.refused = known.map(|known| known.refused.clone()).unwrap_or_default();
        }
        if !self.triggers {
            contents.trigger_types.clear();
        }
        if !self.policies {
            contents.policies.clear();
        }
        if !self.sensors {
            contents.sensors.clear();
        }
        if self.rules {
            let rules = contents.rules.iter().map(|rule| (rule.name.clone(), rule.enabled));
            contents.pack.rules = Some(rules.collect());
        } else {
            contents.rules.clear();
            contents.refused_rules.clear();
            contents.pack.refused_rules = known.map(|known| known.refused_rules.clone()).unwrap_or_default();
            // If the pack was not registered before, none of its files was.
            contents.pack.rules = known.map_or_else(|| Some(BTreeMap::new()), |known| known.rules.clone());
        }
        contents
    }
}

/// Refuses to register a part of a pack whose other parts come from another directory, because their files would
/// be looked up in this one.
pub(super) fn refuse_mixture(content: &Content, pack: &Pack) -> Result<(), Error> {
    let known = content.pack(&pack.reference).ok().map(|known| known.path.clone());
    let Some(other) = known.filter(|known| Path::new(known) != Path::new(&pack.path)) else {
        return Ok(());
    };
    let message = format!(
        "a part of the pack `{}` cannot come from {} while the others are registered from {other}",
        pack.reference, pack.path
    );
    Err(Error::invalid(message, "register all of it: leave `types` out"))
}
