//! A workflow in memory: its conductor, its execution as it is stored, and what runs inside it. How it is
//! made anew from its log is in [`load`](super::load).

use std::collections::HashMap;
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Status as Stored, Timestamp, size};
use petrel_workflows::{Conducted, Status};

use super::ACTION_CHAIN;
use super::world::Results;

/// A workflow in memory.
pub(super) struct Live {
    pub(super) execution: Execution,
    pub(super) conductor: Conducted,
    /// The number of entries in its log.
    pub(super) sequence: u64,
    /// What is open inside it.
    pub(super) active: HashMap<ExecutionId, Inside>,
    /// The results of its tasks, if its expressions may read them.
    pub(super) results: Option<Arc<Results>>,
    /// The time of its beginning.
    pub(super) began: Timestamp,
    /// The way in which it was made to fail from outside, if it was.
    pub(super) stopped: Option<Stopped>,
    /// The bytes of its parameters, besides those that the conductor counts.
    pub(super) given: usize,
}

/// What an execution inside a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// An action that is run.
    Action,
    /// A workflow in turn, which is told when this one pauses or goes on.
    Workflow,
}

impl Inside {
    /// What an execution is, by whether it is a workflow.
    pub(super) fn of(is_workflow: bool) -> Self {
        if is_workflow { Self::Workflow } else { Self::Action }
    }
}

/// The ways in which a workflow was made to fail from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It has exceeded its timeout.
    Expired,
    /// Another reason.
    Failed,
}

impl Live {
    /// Whether everything inside it is to end. After the failure of a task, other executions may first come
    /// to their own ends.
    pub(super) fn is_closing(&self) -> bool {
        let status = self.conductor.status();
        self.starts_nothing() || (status.is_completed() && !self.conductor.is_active())
    }

    /// Whether nothing may begin inside it any more.
    pub(super) fn starts_nothing(&self) -> bool {
        self.stopped.is_some()
            || self.execution.status == Stored::Canceling
            || self.execution.status.is_final()
            || matches!(self.conductor.status(), Status::Canceling | Status::Canceled)
    }

    /// Whether nothing will happen to it unless somebody asks for it.
    pub(super) fn is_idle(&self) -> bool {
        let status = self.conductor.status();
        self.active.is_empty() && (status.is_completed() || status.is_resting())
    }
}

/// The bytes of a workflow's parameters besides those that its conductor counts: as stored, and for a chain
/// as final.
pub(super) fn given_bytes(execution: &Execution) -> usize {
    let stored: usize = execution.parameters.values().map(size::of_value).sum();
    if execution.runner == ACTION_CHAIN { stored.saturating_mul(2) } else { stored }
}

/// The results are kept if any expression may read them.
pub(super) fn results_of(definition: &str, id: ExecutionId) -> Option<Arc<Results>> {
    definition.contains("task(").then(|| Arc::new(Results::new(id)))
}
