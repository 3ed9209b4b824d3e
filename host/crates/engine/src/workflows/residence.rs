//! Which workflows stay in memory while nothing happens to them. A workflow that waits for what is inside it is made
//! anew from its log when that tells something; so when many wait, those to which nothing has happened for longest go.
//!
//! Only those that are quickly made anew go, and only they are counted: others have limits of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use petrel_model::ExecutionId;

use super::live::Live;
use super::mailbox::{Workflow, Workflows, lock};

/// A workflow with more entries in its log takes a while to be made anew.
const MOST_ENTRIES: u64 = 256;
/// What a workflow takes beside its tasks and variables, in bytes, about.
const BASE_BYTES: usize = 8 << 10;
/// What each execution inside it takes there, in bytes, about.
const ACTIVE_BYTES: usize = 128;

/// What is counted of all workflows in memory.
#[derive(Debug, Default)]
pub(super) struct Residence {
    /// Grows with whatever happens.
    moments: AtomicU64,
    /// How much they take that could go, in bytes.
    taken: AtomicUsize,
    /// With no more taken than this none is looked for that can go; all there is while one is looked for.
    next_look: AtomicUsize,
}

/// What is counted of one workflow.
#[derive(Debug, Default)]
pub(super) struct Resident {
    /// When something happened to it last.
    used_at: AtomicU64,
    /// How much it takes, in bytes, if it could go.
    taken: AtomicUsize,
}

impl Live {
    /// About how much memory it takes, in bytes.
    fn bytes(&self) -> usize {
        BASE_BYTES + self.conductor.bytes() + self.active.len() * ACTIVE_BYTES
    }

    /// Whether it can go while nothing happens to it. One that ends by the time stays, with its timer.
    fn can_go(&self) -> bool {
        self.timer.is_none() && self.sequence <= MOST_ENTRIES
    }
}

impl Workflows {
    /// Something has happened to a workflow, whose `live` is held by the caller.
    pub(super) fn used(&self, workflow: &Workflow, live: Option<&Live>) {
        let (all, one) = (&self.residence, &workflow.resident);
        one.used_at.store(all.moments.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let now = live.filter(|live| live.can_go()).map_or(0, Live::bytes);
        let before = one.taken.swap(now, Ordering::Relaxed);
        // Added first, so that it is never less than nothing.
        all.taken.fetch_add(now, Ordering::Relaxed);
        all.taken.fetch_sub(before, Ordering::Relaxed);
    }

    /// When workflows take more than `limit` bytes, lets go those to which nothing has happened for longest, until a
    /// quarter is free. Nobody may hold the `live` of any of them across this.
    pub(super) fn make_room(&self, limit: usize) {
        let Residence { taken, next_look, .. } = &self.residence;
        if taken.load(Ordering::Relaxed) <= limit.max(next_look.load(Ordering::Relaxed))
            || next_look.swap(usize::MAX, Ordering::Relaxed) == usize::MAX
        {
            return;
        }
        let mut known: Vec<_> = lock(&self.known)
            .iter()
            .map(|(id, workflow)| {
                (workflow.resident.used_at.load(Ordering::Relaxed), *id, Arc::clone(workflow))
            })
            .collect();
        known.sort_unstable_by_key(|(used_at, ..)| *used_at);
        // The last one is at work: it would be made anew at once, however large.
        known.pop();
        let enough = limit / 4 * 3;
        for (_, id, workflow) in &known {
            if taken.load(Ordering::Relaxed) <= enough {
                break;
            }
            self.let_go(*id, workflow);
        }
        // What could not go now, since something happens to it, is not looked at again and again.
        next_look.store(taken.load(Ordering::Relaxed).saturating_add(limit / 4), Ordering::Relaxed);
    }

    fn let_go(&self, id: ExecutionId, workflow: &Arc<Workflow>) {
        let Ok(mut live) = workflow.live.try_lock() else { return };
        if live.as_ref().is_some_and(Live::can_go) && lock(&workflow.queue).is_empty() {
            self.forget(id, workflow);
            *live = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_given_back() {
        let (workflows, workflow) = (Workflows::default(), Workflow::default());
        workflows.residence.taken.store(100, Ordering::Relaxed);
        workflow.resident.taken.store(100, Ordering::Relaxed);
        workflows.used(&workflow, None);
        assert_eq!(workflows.residence.taken.load(Ordering::Relaxed), 0);
        assert_eq!(workflow.resident.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_cannot_go_is_not_looked_at_for_each_that_comes() {
        let workflows = Workflows::default();
        let taken = &workflows.residence.taken;
        for (now, next_look) in [(90, 0), (110, 135), (130, 135), (140, 165)] {
            taken.store(now, Ordering::Relaxed);
            workflows.make_room(100);
            assert_eq!(workflows.residence.next_look.load(Ordering::Relaxed), next_look, "{now}");
        }
    }
}
