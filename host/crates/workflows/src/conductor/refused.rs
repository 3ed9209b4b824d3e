//! Why a request to a workflow is refused, and what its sender can do.

use petrel_model::quoted::quoted;

use crate::status::Status;

/// A request that the status of the workflow does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not go from one status to the other.
    #[error("{}", impossible(*.from, *.to))]
    Status {
        /// Where it stands.
        from: Status,
        /// What was asked for.
        to: Status,
    },
    /// It has not ended, so it cannot be run again.
    #[error("the workflow is {0} and has not ended; it can be run again when it has")]
    NotEnded(Status),
    /// Tasks that are to be run again were never run.
    #[error("these tasks of the workflow were not run, so they cannot be run again: {}; name others", quoted(.0))]
    NotRun(String),
    /// A task that is to be run again cannot be prepared.
    #[error("the task {} cannot be run again: {reason}", quoted(.task))]
    NotReady {
        /// The task.
        task: String,
        /// Why.
        reason: String,
    },
}

/// Why a workflow that is `from` does not become `to`, and what to do.
fn impossible(from: Status, to: Status) -> String {
    let is_paused = matches!(from, Status::Pausing | Status::Paused);
    let is_running = matches!(from, Status::Running | Status::Resuming);
    match to {
        _ if from.is_completed() => format!("the workflow has ended: it is {from}; it can be run again"),
        Status::Pausing | Status::Paused if is_paused => {
            format!("the workflow is {from} already; resuming it lets it go on")
        }
        Status::Resuming | Status::Running if is_running => {
            format!("the workflow is {from} already; there is nothing to resume")
        }
        _ => {
            format!(
                "a workflow that is {from} cannot be made {to}; ask for something else, or wait for it to change"
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
