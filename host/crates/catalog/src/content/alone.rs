//! Content without a store: what a host has as soon as it is started, for who looks at a pack and asks no host.

use std::path::PathBuf;
use std::sync::Arc;

use petrel_packs::PackContents;

use super::{Content, RegisteredAction, RegisteredTriggerType, Runners};

impl Content {
    /// What a host with these runners has that registered no more than these packs: for who looks at another without a host.
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
