//! Staged tasks: those that a transition has led to and that have not started, and those with items that have not all
//! started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::context::Context;
use super::state::{Attempts, Origin, Place};
use crate::machine::OtherItems;
use crate::status::Status;

/// A staged task.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    pub(super) place: Place,
    pub(super) context: Context,
    pub(super) origins: Vec<Origin>,
    /// Whether all branches that it waits for have arrived.
    pub(super) is_ready: bool,
    /// Whether it runs although the workflow has failed.
    pub(super) runs_on_failure: bool,
    /// Whether it has ended, and is only kept for a rerun.
    pub(super) is_completed: bool,
    /// Its repetitions, if it has a retry.
    pub(super) attempts: Option<Attempts>,
    pub(super) items: Option<ItemStates>,
    /// Its next run, if a transition led to it while its items are in progress. Orquesta would forget the running
    /// items.
    again: Option<Box<Self>>,
}

impl Staged {
    pub(super) fn new(place: Place, context: Context, origins: Vec<Origin>, is_ready: bool) -> Self {
        Self {
            place,
            context,
            origins,
            is_ready,
            runs_on_failure: false,
            is_completed: false,
            attempts: None,
            items: None,
            again: None,
        }
    }

    /// Whether it has started, and some items are left.
    fn is_under_way(&self) -> bool {
        self.items.is_some() && !self.is_completed
    }

    /// Whether it can start.
    pub(super) fn can_start(&self) -> bool {
        self.is_ready && !self.is_completed
    }
}

/// The items of a task: the list, and the status and result of each.
#[derive(Debug, Clone)]
pub(super) struct ItemStates {
    pub(super) list: Arc<Value>,
    pub(super) statuses: Vec<Status>,
    pub(super) results: Vec<Option<Arc<Value>>>,
    /// Whether all items would run at once if the limit on started items did not exist. Then they all run, whatever
    /// becomes of the others, and the limit only delays them.
    has_window: bool,
    /// The number of items in each status, in the order of [`Status::ALL`]: each report asks about all other items, and
    /// must not scan them.
    counts: [usize; Status::ALL.len()],
    /// No item before this one remains to be started, so that a search need not begin at the first.
    first_unset: usize,
}

impl ItemStates {
    pub(super) fn new(list: Arc<Value>, has_window: bool) -> Self {
        let length = list.as_array().map_or(0, Vec::len);
        let mut counts = [0; Status::ALL.len()];
        // The first of all statuses is `Unset`.
        if let Some(unset) = counts.first_mut() {
            *unset = length;
        }
        Self {
            list,
            statuses: vec![Status::Unset; length],
            results: vec![None; length],
            has_window,
            counts,
            first_unset: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.statuses.len()
    }

    pub(super) fn set(&mut self, item: usize, status: Status) {
        let Some(slot) = self.statuses.get_mut(item) else { return };
        let old = std::mem::replace(slot, status);
        for (status, change) in [(old, -1), (status, 1)] {
            let place = Status::ALL.iter().position(|one| *one == status);
            if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
                *count = count.saturating_add_signed(change);
            }
        }
        if status == Status::Unset {
            self.first_unset = self.first_unset.min(item);
        }
    }

    /// The first `most` items that have not started.
    pub(super) fn unset(&mut self, most: usize) -> Vec<usize> {
        while self.statuses.get(self.first_unset).is_some_and(|status| *status != Status::Unset) {
            self.first_unset += 1;
        }
        let rest = self.statuses.iter().enumerate().skip(self.first_unset);
        rest.filter(|(_, status)| **status == Status::Unset).map(|(item, _)| item).take(most).collect()
    }

    fn count(&self, is_wanted: impl Fn(Status) -> bool) -> usize {
        let counts = Status::ALL.iter().zip(&self.counts);
        counts.filter(|(status, _)| is_wanted(**status)).map(|(_, count)| *count).sum()
    }

    /// The number of active items.
    pub(super) fn active(&self) -> usize {
        self.count(Status::is_active)
    }

    /// Whether some items have not ended.
    pub(super) fn is_incomplete(&self) -> bool {
        self.count(|status| !status.is_completed()) > 0
    }

    /// The status of the task once all items have ended. `None` while some have not, or without items.
    pub(super) fn end(&self) -> Option<Status> {
        if self.statuses.is_empty() || self.is_incomplete() {
            return None;
        }
        Some(if self.count(|status| status == Status::Canceled) > 0 {
            Status::Canceled
        } else if self.count(Status::is_abended) > 0 {
            Status::Failed
        } else {
            Status::Succeeded
        })
    }

    /// Gives all items in the status `old` the status `new`. Returns whether there were any.
    fn replace(&mut self, old: Status, new: Status) -> bool {
        if self.count(|status| status == old) == 0 {
            return false;
        }
        let all = self.statuses.iter().enumerate();
        let items: Vec<_> = all.filter(|(_, status)| **status == old).map(|(item, _)| item).collect();
        for item in &items {
            self.set(*item, new);
        }
        true
    }

    /// Whether items other than `item` will still be started, even though some may have failed.
    pub(super) fn goes_on(&self, item: usize) -> bool {
        let own = self.statuses.get(item) == Some(&Status::Unset);
        self.has_window && self.count(|status| status == Status::Unset) > usize::from(own)
    }

    /// The state of all items but `item`.
    pub(super) fn others(&self, item: usize) -> OtherItems {
        let own = self.statuses.get(item).copied();
        let has =
            |is_wanted: fn(Status) -> bool| self.count(is_wanted) > usize::from(own.is_some_and(is_wanted));
        if has(Status::is_active) {
            OtherItems::Active
        } else if has(Status::is_resting) {
            OtherItems::Paused
        } else if has(|status| status == Status::Canceled) {
            OtherItems::Canceled
        } else if has(Status::is_abended) {
            OtherItems::Failed
        } else if has(|status| !status.is_completed()) {
            OtherItems::Incomplete
        } else {
            OtherItems::Completed
        }
    }

    /// The results of the items, in their order. Null for an item without a result.
    pub(super) fn accumulated(&self) -> Value {
        let results = self.results.iter();
        Value::Array(results.map(|result| result.as_deref().cloned().unwrap_or_default()).collect())
    }
}

/// All staged tasks, in the order in which they were staged.
#[derive(Debug, Clone, Default)]
pub(super) struct Staging {
    /// By order of staging, so that adding and removing a task costs the same however many are staged.
    order: BTreeMap<u64, Staged>,
    index: BTreeMap<Place, u64>,
    next: u64,
}

impl Staging {
    pub(super) fn get(&self, place: Place) -> Option<&Staged> {
        self.order.get(self.index.get(&place)?)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Staged> {
        self.order.get_mut(self.index.get(&place)?)
    }

    /// The run of a task that has not started.
    pub(super) fn next(&self, place: Place) -> Option<&Staged> {
        let staged = self.get(place)?;
        if staged.is_under_way() { staged.again.as_deref() } else { Some(staged) }
    }

    pub(super) fn next_mut(&mut self, place: Place) -> Option<&mut Staged> {
        let staged = self.get_mut(place)?;
        if staged.is_under_way() { staged.again.as_deref_mut() } else { Some(staged) }
    }

    /// Adds a task that a transition led to. If a run of it is in progress, the new one waits behind that.
    pub(super) fn add_next(&mut self, staged: Staged) {
        match self.get_mut(staged.place) {
            Some(before) if before.is_under_way() => before.again = Some(Box::new(staged)),
            _ => self.add(staged),
        }
    }

    /// Replaces a run that has failed by its repetition. The run that waits behind the first now waits behind the
    /// second.
    pub(super) fn add_retry(&mut self, mut staged: Staged) {
        staged.again = self.get_mut(staged.place).and_then(|before| before.again.take());
        self.add(staged);
    }

    /// Keeps a failed run for a rerun, unless another run waits behind it.
    pub(super) fn complete(&mut self, place: Place) {
        let Some(staged) = self.get_mut(place) else { return };
        staged.is_completed = true;
        if let Some(next) = staged.again.take() {
            self.add(*next);
        }
    }

    /// Adds a task, or replaces the one on the same route.
    pub(super) fn add(&mut self, staged: Staged) {
        if let Some(old) = self.index.insert(staged.place, self.next) {
            self.order.remove(&old);
        }
        self.order.insert(self.next, staged);
        self.next += 1;
    }

    /// Removes a task, unless items of it are active. The run that waits behind it takes its place.
    pub(super) fn remove(&mut self, place: Place) {
        let is_busy = |staged: &Staged| staged.items.as_ref().is_some_and(|items| items.active() > 0);
        if self.get(place).is_some_and(|staged| !is_busy(staged))
            && let Some(number) = self.index.remove(&place)
            && let Some(Staged { again: Some(next), .. }) = self.order.remove(&number)
        {
            self.add(*next);
        }
    }

    /// Gives all items in the status `old` the status `new`. Returns the tasks that have such items.
    pub(super) fn replace(&mut self, old: Status, new: Status) -> BTreeSet<Place> {
        let staged = self.order.values_mut();
        let changed =
            staged.filter_map(|staged| staged.items.as_mut()?.replace(old, new).then_some(staged.place));
        changed.collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Staged> {
        self.order.values()
    }

    /// Whether any task can start.
    pub(super) fn can_start(&self) -> bool {
        self.iter().any(Staged::can_start)
    }
}
