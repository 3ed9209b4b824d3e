//! Resting actions of a workflow that goes on. A resting action is itself a workflow: it is told to go on
//! with this one, and reports so later, or never if nothing was left of it but its end.
//! [`requests`](super::requests) decides whether the workflow may go on at all.

use super::change::Change;
use super::event::Report;
use super::state::Place;
use super::{Conductor, World};
use crate::status::Status;

impl Conductor {
    /// Lets resting actions go on, after a request of `requested` to a workflow whose status was `from`.
    pub(super) fn go_on(&mut self, from: Status, requested: Status, world: &World) {
        if self.rules.counts_resumed() && matches!(from, Status::Pausing | Status::Paused) {
            self.replace(Status::Paused, Status::Resuming, world);
        }
        if requested == Status::Running {
            self.take_in_ends(world);
        }
    }

    /// Counts actions that were told to go on, and have not reported since, as resting again, because the
    /// workflow is to pause or end.
    pub(super) fn rest_again(&mut self, world: &World) {
        self.replace(Status::Resuming, Status::Paused, world);
    }

    /// Pauses a workflow that was to go on when an action reports that it rests, and nothing else is active.
    pub(super) fn rest_after(&mut self, reported: Status) {
        let is_resuming = self.rules.counts_resumed() && self.status == Status::Resuming;
        if is_resuming && reported == Status::Paused && !self.is_active() {
            self.status = Status::Paused;
        }
    }

    /// Changes the status `old` to `new`, of items and of tasks without other active items.
    fn replace(&mut self, old: Status, new: Status, world: &World) {
        let places = self.staging.replace(old, new);
        if !self.table.has(|status| status == old) {
            return;
        }
        for (place, number) in self.table.latest_in(old) {
            let has_items = self.definition.task(place.0).is_some_and(|task| task.items.is_some());
            if !has_items || places.contains(&place) {
                self.table_mut().set_status(number, new, world.moment.micros);
            }
        }
    }

    /// Whether a task rests although all its items have ended: they did while the workflow was paused. In
    /// Orquesta such a task never ends, so a request of [`Status::Resuming`] leaves it alone; one of
    /// [`Status::Running`] ends it.
    pub fn holds_ends(&self) -> bool {
        self.table.has(|status| status == Status::Paused) && self.held().next().is_some()
    }

    /// The tasks that rest although all their items have ended, and how they end.
    fn held(&self) -> impl Iterator<Item = (Place, Status)> {
        self.staging.iter().filter_map(|staged| {
            let status = staged.items.as_ref()?.end().filter(|_| !staged.is_completed)?;
            let entry = self.table.latest_entry(staged.place)?;
            (entry.status == Status::Paused).then_some((staged.place, status))
        })
    }

    fn take_in_ends(&mut self, world: &World) {
        if self.holds_ends() {
            let held: Vec<_> = self.held().collect();
            // All of them run before the first ends, or the others would rest and pause the workflow.
            for (place, _) in &held {
                if let Some(number) = self.table.latest(*place) {
                    self.table_mut().set_status(number, Status::Running, world.moment.micros);
                }
            }
            for (place, status) in held {
                self.change_or_fail(place, &Change::Held { status }, world);
            }
        }
    }

    /// Whether the report of an action tells that it goes on after a rest.
    pub(super) fn goes_on_by(&self, place: Place, report: &Report) -> bool {
        let is_paused = self.status == Status::Paused;
        match self.action_status(place, report.item) {
            // The action of a paused task may end before it reports that it continues; the task must run
            // again for that end to count. But the end of an item stays pending while the workflow is paused.
            Some(Status::Paused) => {
                let counts = report.status.is_completed() && report.status != Status::Canceled;
                report.status == Status::Running || (counts && (report.item.is_none() || !is_paused))
            }
            // The answer to a question of an item, whose task rests meanwhile.
            Some(Status::Pending) => {
                let counts = report.status.is_completed() && report.status != Status::Canceled;
                report.item.is_some() && counts && !is_paused
            }
            // It was told to go on, so it did, however short a time that was.
            Some(Status::Resuming) => {
                report.status == Status::Running || report.status.is_completed() || report.status.is_resting()
            }
            _ => false,
        }
    }

    /// Whether the report is of an item whose task ended without it, because others had failed when it came to rest. It
    /// has no effect: as the report of a new run it would begin what follows the task a second time.
    pub(super) fn is_left_behind(&self, place: Place, report: &Report) -> bool {
        let has_ended = || self.table.latest_entry(place).is_some_and(|entry| entry.status.is_completed());
        let rested = || {
            let status = self.action_status(place, report.item);
            matches!(status, Some(Status::Paused | Status::Resuming | Status::Pending))
        };
        self.rules.leaves_items_behind() && report.item.is_some() && has_ended() && rested()
    }

    /// Whether the report tells that an action runs or waits although its task has ended: it shared a run of the task
    /// with another action, whose end was that of both. It has no effect, and begins no new run.
    pub(super) fn starts_late(&self, place: Place, report: &Report) -> bool {
        let has_ended = || self.table.latest_entry(place).is_some_and(|entry| entry.status.is_completed());
        self.rules.spares_next_run() && report.status.is_starting() && has_ended()
    }

    fn action_status(&self, place: Place, item: Option<usize>) -> Option<Status> {
        let items = self.staging.get(place).and_then(|staged| staged.items.as_ref());
        match (item, items) {
            (Some(item), Some(items)) => items.statuses.get(item).copied(),
            _ => self.table.latest_entry(place).map(|entry| entry.status),
        }
    }
}
