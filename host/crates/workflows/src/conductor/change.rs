//! Changes of a task. The conductor applies them in [`super::progress`].

use std::sync::Arc;

use serde_json::Value;

use crate::definition::Engine;
use crate::status::Status;

/// A change of a task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// A report of its action.
    Action { status: Status, result: Option<&'a Arc<Value>> },
    /// A report of the action of one item.
    Item { item: usize, status: Status, result: Option<&'a Arc<Value>> },
    /// The end of a task all of whose items ended while its workflow was paused.
    Held { status: Status },
    /// The execution of an engine command.
    Command(Engine),
}

impl Change<'_> {
    /// The status that the action, or the command, has now.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Action { status, .. } | Self::Item { status, .. } | Self::Held { status } => *status,
            Self::Command(Engine::Fail) => Status::Failed,
            Self::Command(Engine::Noop | Engine::Continue) => Status::Succeeded,
        }
    }

    /// The result of the action. `None` for items that reported it before, and for a command.
    pub(super) fn result(&self) -> Option<&Arc<Value>> {
        match self {
            Self::Action { result, .. } | Self::Item { result, .. } => *result,
            Self::Held { .. } | Self::Command(_) => None,
        }
    }
}
