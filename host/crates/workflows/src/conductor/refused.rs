//! Reasons why a request to a workflow is refused, with remedies.

use petrel_model::quoted::quoted;

use crate::status::Status;

/// Reasons why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The workflow cannot move from one status to the other.
    #[error("{}", impossible(*.from, *.to))]
    Status {
        /// The present status.
        from: Status,
        /// The requested status.
        to: Status,
    },
    /// The workflow has not ended, so it cannot be run again.
    #[error("the workflow is {0} and has not ended; it can be run again when it has")]
    NotEnded(Status),
    /// No task of the workflow has failed.
    #[error(
        "there is nothing to run again: the workflow is {0}, and no task of it has failed; name the tasks to run again"
    )]
    NothingToRerun(Status),
    /// Tasks to run again have never run.
    #[error("these tasks of the workflow were not run, so they cannot be run again: {}; name others", quoted(.0))]
    NotRun(String),
    /// A task to run again cannot be prepared.
    #[error("the task {} cannot be run again: {reason}", quoted(.task))]
    NotReady {
        /// The task.
        task: String,
        /// The reason.
        reason: String,
    },
}

/// Explains why a workflow cannot move from `from` to `to`, with a remedy.
fn impossible(from: Status, to: Status) -> String {
    let is_paused = matches!(from, Status::Pausing | Status::Paused);
    let is_running = matches!(from, Status::Running | Status::Resuming);
    match to {
        _ if from.is_completed() => format!("the workflow has ended: it is {from}; it can only be run again"),
        Status::Pausing | Status::Paused if is_paused => {
            format!("the workflow is {from} already; resume it to let it continue")
        }
        Status::Resuming | Status::Running if is_running => {
            format!("the workflow is {from} already; there is nothing to resume")
        }
        _ => {
            format!(
                "a workflow that is {from} cannot be made {to}; request another status, or wait until it changes"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_a_status_is_told_why() {
        for (from, to, told) in [
            (Status::Paused, Status::Pausing, "the workflow is paused already"),
            (Status::Pausing, Status::Pausing, "the workflow is pausing already"),
            (
                Status::Running,
                Status::Resuming,
                "the workflow is running already; there is nothing to resume",
            ),
            (Status::Failed, Status::Resuming, "the workflow has ended: it is failed"),
            (Status::Canceling, Status::Pausing, "a workflow that is canceling cannot be made pausing"),
        ] {
            let refused = Refused::Status { from, to }.to_string();
            assert!(refused.starts_with(told), "{refused}");
        }
    }
}
