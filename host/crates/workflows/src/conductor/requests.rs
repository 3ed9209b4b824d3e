//! Requests for a status of the workflow: run, pause, resume, cancel.

use super::refused::Refused;
use super::state::Place;
use super::{Conductor, World};
use crate::machine;
use crate::status::Status;

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
        if asks_for_rest(requested) {
            self.rest_again(world);
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
        if !asks_for_rest(requested) {
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

fn asks_for_rest(requested: Status) -> bool {
    matches!(requested, Status::Pausing | Status::Paused | Status::Canceling | Status::Canceled)
}
