//! A workflow in memory: its conductor, its stored execution, and the executions inside it.
//! [`load`](super::load) rebuilds it from its log.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Status as Stored, Timestamp, size};
use petrel_workflows::{Conducted, Language, Status};

use super::language::language;
use super::world::{Results, Sealed};

/// A workflow in memory.
pub(super) struct Live {
    pub(super) execution: Execution,
    pub(super) conductor: Conducted,
    /// The number of entries in its log.
    pub(super) sequence: u64,
    /// The open executions inside it.
    pub(super) active: HashMap<ExecutionId, Inside>,
    /// The results of its tasks, if its expressions may read them.
    pub(super) results: Option<Arc<Results>>,
    /// The encrypted keys of the datastore that its expressions have read.
    pub(super) sealed: Sealed,
    /// Whether it has met secrets that its variables, its output and what it requests may have copies of.
    pub(super) is_secret: bool,
    /// The time of its beginning.
    pub(super) began: Timestamp,
    /// The way in which it was made to fail from outside, if it was.
    pub(super) stopped: Option<Stopped>,
    /// Whether it rests, or is to, because somebody asked for that, and not because of a question.
    pub(super) rests_on_request: bool,
    /// The bytes of its parameters, besides those that the conductor counts.
    pub(super) given: usize,
}

/// The kinds of executions inside a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// An action with a runner.
    Action,
    /// A workflow, which is told when the one around it pauses or goes on.
    Workflow,
}

impl Inside {
    /// The kind of an execution, by whether it is a workflow.
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

    /// Whether nothing happens to it any more without a request.
    pub(super) fn is_idle(&self) -> bool {
        let status = self.conductor.status();
        self.active.is_empty() && (status.is_completed() || status.is_resting())
    }
}

/// The bytes of a workflow's parameters besides those that its conductor counts: as stored, and for a chain
/// as final.
pub(super) fn given_bytes(execution: &Execution) -> usize {
    let stored: usize = execution.parameters.values().map(size::of_value).sum();
    match language(&execution.runner) {
        Language::Orquesta => stored,
        Language::Chain => stored.saturating_mul(2),
    }
}

/// The collection of results, if an expression of `definition` may read them. A search of the text is enough:
/// a false hit costs only memory.
pub(super) fn results_of(definition: &str, id: ExecutionId) -> Option<Arc<Results>> {
    definition.contains("task(").then(|| Arc::new(Results::new(id)))
}
