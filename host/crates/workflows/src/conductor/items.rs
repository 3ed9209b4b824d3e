//! The status of a task with items after one of them has reported. [`machine`] has Orquesta's rules; this
//! adds what they do not cover: items that wait for the limit on started items, and a workflow that goes on
//! before all items rest.

use super::Conductor;
use super::state::Place;
use crate::machine::{self, OtherItems};
use crate::status::Status;

impl Conductor {
    /// The status of a task whose status is `current`, after its item `item` reported `reported`.
    pub(super) fn status_after_item(
        &self,
        place: Place,
        current: Status,
        item: usize,
        reported: Status,
    ) -> Option<Status> {
        let items = self.staging.get(place)?.items.as_ref()?;
        let others = items.others(item);
        let current = self.wanted(current);
        let is_open = matches!(current, Status::Running | Status::Pausing);
        // Once an item was canceled, no further item starts, so the items that have not started do not count.
        let goes_on =
            is_open && items.goes_on(item) && reported != Status::Canceled && others != OtherItems::Canceled;
        if others == OtherItems::Active {
            return machine::task_after_item(current, reported, others);
        }
        let is_resumed = self.rules.counts_resumed() && self.status.is_running();
        let current = match current {
            // The workflow goes on before all of its items have come to rest, so the remaining ones start
            // after all.
            Status::Pausing if is_resumed && (goes_on || others == OtherItems::Incomplete) => Status::Running,
            current => current,
        };
        let ends_last = reported.is_completed() && goes_on && current == Status::Pausing;
        let rests_last = reported.is_resting() && goes_on && self.rules.counts_resumed();
        // A task that may be repeated must not leave an item behind that still rests.
        let has_failed_beside = (reported.is_resting() && others == OtherItems::Failed)
            || (reported.is_abended() && others == OtherItems::Paused);
        let waits = is_open && has_failed_beside && self.rules.counts_resumed() && self.has_retry(place);
        if ends_last || rests_last || waits {
            return Some(Status::Paused);
        }
        // Items that are still to start count as active, or the task would end before they have started.
        let others = if goes_on { OtherItems::Active } else { others };
        machine::task_after_item(current, reported, others)
    }

    /// The present status of a task with items. A cancel of its workflow may have come while it rested; a
    /// task that goes on afterwards is being canceled too.
    fn wanted(&self, current: Status) -> Status {
        let is_ending = self.rules.counts_resumed() && self.status == Status::Canceling;
        if is_ending && current == Status::Running { Status::Canceling } else { current }
    }

    fn has_retry(&self, place: Place) -> bool {
        self.definition.task(place.0).is_some_and(|task| task.retry.is_some())
    }
}
