//! The catalog without a store, as a host has it right after its first start: for checks of packs without a host.

use std::path::PathBuf;
use std::sync::Arc;

use petrel_packs::PackContents;

use super::{Content, RegisteredAction, RegisteredTriggerType, Runners};

impl Content {
    /// The catalog of a host with these runners on which only these packs are registered.
    pub fn of_packs(runners: Runners, packs: Vec<PackContents>) -> Self {
        let mut content = Self { runners: Arc::new(runners), ..Self::default() };
        for PackContents { pack, actions, trigger_types, .. } in packs {
            for action in actions {
                let action = RegisteredAction::new(action, &content.runners, PathBuf::new());
                content.put_action(action);
            }
            trigger_types
                .into_iter()
                .for_each(|kind| content.put_trigger_type(RegisteredTriggerType::new(kind)));
            content.put_pack(pack);
        }
        content
    }
}
