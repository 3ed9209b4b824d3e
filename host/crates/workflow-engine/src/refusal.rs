//! Why something that was to happen to a workflow has not.

use petrel_engine_core::Error;
use petrel_executions::{Report, Uncommitted};
use petrel_model::ExecutionId;

/// A message that had no effect on a workflow.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There is no such workflow. What was reported to it is handed back.
    #[error("the workflow {workflow} does not exist")]
    Gone {
        /// Which workflow.
        workflow: ExecutionId,
        /// What nobody has taken in.
        reports: Vec<Report>,
    },
    /// What it was decided on has moved meanwhile, or nothing may begin inside the workflow any more.
    #[error("it has moved meanwhile, or its workflow is about to end")]
    Moved,
    /// The status of the workflow does not allow it.
    #[error("execution {workflow}: {reason}")]
    Status {
        /// Which workflow.
        workflow: ExecutionId,
        /// In the conductor's words.
        reason: String,
    },
    /// Something else stands in the way.
    #[error(transparent)]
    Failed(#[from] Error),
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

/// For those who decide again when something has moved: so has a workflow whose status no longer allows it.
impl From<Refusal> for Uncommitted {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Moved | Refusal::Status { .. } => Self::Moved,
            refusal => Self::Failed(refusal.into()),
        }
    }
}

/// For those who have asked.
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
