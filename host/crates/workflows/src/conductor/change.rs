//! What happens to a task. What the conductor makes of it is in [`super::progress`].

use std::sync::Arc;

use serde_json::Value;

use crate::definition::Engine;
use crate::status::Status;

/// What happens to a task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// Its action tells where it stands.
    Action { status: Status, result: Option<&'a Arc<Value>> },
    /// The action of one of its items does.
    Item { item: usize, status: Status, result: Option<&'a Arc<Value>> },
    /// It is a command of the engine, which is carried out.
    Command(Engine),
}

impl Change<'_> {
    /// The status that the action, or the command, has now.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Action { status, .. } | Self::Item { status, .. } => *status,
            Self::Command(Engine::Fail) => Status::Failed,
            Self::Command(Engine::Noop | Engine::Continue) => Status::Succeeded,
        }
    }

    /// What the action gave; nothing for a command.
    pub(super) fn result(&self) -> Option<&Arc<Value>> {
        match self {
            Self::Action { result, .. } | Self::Item { result, .. } => *result,
            Self::Command(_) => None,
        }
    }
}
