//! The reasons why a message had no effect on a workflow.

use petrel_engine_core::Error;
use petrel_executions::{Report, Uncommitted};
use petrel_model::ExecutionId;

/// The reason why a message had no effect.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The workflow does not exist. The reports to it are handed back.
    #[error("the workflow {workflow} does not exist")]
    Gone {
        /// The workflow.
        workflow: ExecutionId,
        /// The reports that were not applied.
        reports: Vec<Report>,
    },
    /// An execution has changed since it was read, or nothing may begin inside the workflow any more.
    #[error("the execution has changed meanwhile, or its workflow is about to end")]
    Moved,
    /// The status of the workflow does not allow it.
    #[error("execution {workflow}: {reason}")]
    Status {
        /// The workflow.
        workflow: ExecutionId,
        /// The reason in the conductor's words.
        reason: String,
    },
    /// Another failure.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Refusal {
    /// Whether the same may succeed in a while: there is no room, or something cannot be read for the moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Failed(Error::NoRoom(_) | Error::Busy(_)))
    }
}

impl From<petrel_persistence::Error> for Refusal {
    fn from(error: petrel_persistence::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Uncommitted> for Refusal {
    fn from(reason: Uncommitted) -> Self {
        match reason {
            Uncommitted::Moved => Self::Moved,
            Uncommitted::Failed(error) => Self::Failed(error),
        }
    }
}

/// For callers that decide again after a change. A status that does not allow the message counts as a change.
impl From<Refusal> for Uncommitted {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Moved | Refusal::Status { .. } => Self::Moved,
            refusal => Self::Failed(refusal.into()),
        }
    }
}

/// For the surfaces, which pass it on to people.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Gone { workflow, .. } => Self::NotFound {
                what: "execution",
                name: workflow.to_string(),
                hint: "its workflow is gone".into(),
            },
            Refusal::Moved => Uncommitted::Moved.into(),
            Refusal::Status { workflow, .. } => Self::Conflict {
                message: refusal.to_string(),
                hint: "look at it with `petrel execution get`".into(),
                id: Some(workflow.to_string()),
            },
            Refusal::Failed(error) => error,
        }
    }
}
