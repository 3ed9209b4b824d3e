//! Requests for a status of the workflow: run, pause, resume, cancel.

use super::state::Place;
use super::{Conductor, World};
use crate::machine;
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
    /// Tasks to run again have never run.
    #[error("these tasks of the workflow were not run, so they cannot be run again: {0}; name others")]
    NotRun(String),
    /// A task to run again cannot be prepared.
    #[error("the task {task} cannot be run again: {reason}")]
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

impl Conductor {
    /// Requests a status of the workflow.
    pub(super) fn request(&mut self, requested: Status, world: &World) -> Result<(), Refused> {
        let from = self.status;
        let allows = |is_active| machine::workflow_after_request(from, requested, is_active, false).is_some();
        // Passing the request on may change whether any task is active. So it is only refused here if it would be
        // refused in both cases.
        if requested != from && !allows(true) && !allows(false) {
            return Err(Refused::Status { from, to: requested });
        }
        self.propagate_to_item_tasks(requested, world);
        let is_active = self.is_active();
        let is_over = !is_active && !self.staging.can_start() && !self.table.has(Status::is_resting);
        if let Some(status) = machine::workflow_after_request(from, requested, is_active, is_over) {
            self.status = status;
        }
        // Repeating a pause or cancel that is in progress changes nothing, and is no error.
        let still = |wanted: Status, waiting: Status| {
            requested == wanted && from == waiting && self.status == waiting
        };
        let is_on_its_way =
            still(Status::Paused, Status::Pausing) || still(Status::Canceled, Status::Canceling);
        if is_on_its_way || requested == from || self.status != from {
            return Ok(());
        }
        Err(Refused::Status { from, to: requested })
    }

    /// Passes a request to tasks with items, which start no more items once the workflow is to pause or end.
    pub(super) fn propagate_to_item_tasks(&mut self, requested: Status, world: &World) {
        let asks_for_rest =
            matches!(requested, Status::Pausing | Status::Paused | Status::Canceling | Status::Canceled);
        if !asks_for_rest {
            return;
        }
        let changes: Vec<(Place, Status)> = self
            .staging
            .iter()
            .filter_map(|staged| {
                let items = staged.items.as_ref().filter(|items| items.is_incomplete())?;
                let current = self.table.latest_entry(staged.place)?.status;
                let after = machine::task_after_request(current, requested, items.active() > 0)?;
                Some((staged.place, after))
            })
            .collect();
        for (place, status) in changes {
            if let Some(number) = self.table.latest(place) {
                self.table_mut().set_status(number, status, world.moment.micros);
            }
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
