//! Which parts of a pack are registered. StackStorm registers each kind of resource by itself, so that one may ask for the
//! actions of a pack and leave its rules as they are.

use std::collections::BTreeMap;

use petrel_model::Pack;
use petrel_packs::PackContents;

/// The parts of a pack that are registered; the others stay as they are registered already, or are not. What `pack.yaml`
/// and the schema of the configuration say is always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Its actions.
    pub actions: bool,
    /// Its trigger types.
    pub triggers: bool,
    /// Its rules.
    pub rules: bool,
}

impl Parts {
    /// All there are.
    pub const ALL: Self = Self { actions: true, triggers: true, rules: true };

    /// Of `contents` what is to be registered, where the pack is `known` as this.
    pub(super) fn of(self, mut contents: PackContents, known: Option<&Pack>) -> PackContents {
        if !self.actions {
            contents.actions.clear();
            contents.refused.clear();
            contents.pack.refused = known.map(|known| known.refused.clone()).unwrap_or_default();
        }
        if !self.triggers {
            contents.trigger_types.clear();
        }
        if self.rules {
            let rules = contents.rules.iter().map(|rule| (rule.name.clone(), rule.enabled));
            contents.pack.rules = Some(rules.collect());
        } else {
            contents.rules.clear();
            contents.refused_rules.clear();
            contents.pack.refused_rules = known.map(|known| known.refused_rules.clone()).unwrap_or_default();
            // None of its files was registered yet, where the pack is not known.
            contents.pack.rules = known.map_or_else(|| Some(BTreeMap::new()), |known| known.rules.clone());
        }
        contents
    }
}
