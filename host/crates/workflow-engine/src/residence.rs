//! The residence of idle workflows in memory. A workflow that waits for executions inside it can be rebuilt
//! from its log when one of them reports. So when many wait, the ones that have been idle for longest are
//! dropped.
//!
//! Any workflow can be dropped, whatever it waits for: its log is the truth, and timeouts are kept apart
//! ([`timers`](super::timers)). So all waiting workflows share one bound. A workflow with a long log is
//! expensive to rebuild, so it is dropped later than others, but it is dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use petrel_model::ExecutionId;

use super::live::Live;
use super::mailbox::{Workflow, Workflows};

/// The greatest credit: a workflow is dropped as if it had been used as many moments later as its log has
/// entries, up to this number.
const MOST_CREDIT: u64 = 10_000;
/// About the bytes of a workflow besides its tasks and variables.
const BASE_BYTES: usize = 8 << 10;
/// About the bytes of each execution inside it.
const ACTIVE_BYTES: usize = 128;

/// The accounting of all workflows in memory.
#[derive(Debug, Default)]
pub(super) struct Residence {
    /// Counts moments: it grows with each use of a workflow.
    moments: AtomicU64,
    /// The bytes of all workflows.
    taken: AtomicUsize,
    /// The bytes up to which no workflow needs to be dropped; the maximum while a search is under way.
    next_look: AtomicUsize,
}

/// The accounting of one workflow.
#[derive(Debug, Default)]
pub(super) struct Resident {
    /// The moment of its last use.
    used_at: AtomicU64,
    /// The number of moments that it stays longer, because it is expensive to rebuild.
    credit: AtomicU64,
    /// Its bytes.
    taken: AtomicUsize,
}

impl Resident {
    fn used_at(&self) -> u64 {
        self.used_at.load(Ordering::Relaxed)
    }

    /// The moment by which workflows are ordered for dropping.
    fn turn(&self) -> u64 {
        self.used_at().saturating_add(self.credit.load(Ordering::Relaxed))
    }
}

impl Live {
    /// About the bytes of the workflow.
    fn bytes(&self) -> usize {
        BASE_BYTES + self.given + self.conductor.bytes() + self.active.len() * ACTIVE_BYTES
    }
}

impl Workflows {
    /// Notes a use of a workflow whose `live` is held by the caller.
    pub(super) fn used(&self, workflow: &Workflow, live: Option<&Live>) {
        let (all, one) = (self.residence(), workflow.resident());
        one.used_at.store(all.moments.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        one.credit.store(live.map_or(0, |live| live.sequence.min(MOST_CREDIT)), Ordering::Relaxed);
        let now = live.map_or(0, Live::bytes);
        let before = one.taken.swap(now, Ordering::Relaxed);
        // Added before the old value is subtracted, so that the sum never falls below zero.
        all.taken.fetch_add(now, Ordering::Relaxed);
        all.taken.fetch_sub(before, Ordering::Relaxed);
    }

    /// When workflows take more than `limit` bytes, drops the ones that have been idle for longest, until a
    /// quarter is free. The caller must not hold the `live` of any of them.
    pub(super) fn make_room(&self, limit: usize) {
        let Residence { taken, next_look, .. } = self.residence();
        if taken.load(Ordering::Relaxed) <= limit.max(next_look.load(Ordering::Relaxed))
            || next_look.swap(usize::MAX, Ordering::Relaxed) == usize::MAX
        {
            return;
        }
        let enough = limit / 4 * 3;
        // Not in the head of the loop, where the lock would be held while workflows are forgotten.
        let known = self.look(in_turn);
        for (id, workflow) in &known {
            if taken.load(Ordering::Relaxed) <= enough {
                break;
            }
            self.let_go(*id, workflow);
        }
        // Workflows in use could not be dropped, and must not be tried again and again.
        next_look.store(taken.load(Ordering::Relaxed).saturating_add(limit / 4), Ordering::Relaxed);
    }

    fn let_go(&self, id: ExecutionId, workflow: &Arc<Workflow>) {
        let Some(mut live) = workflow.try_hold() else { return };
        if live.is_some() && workflow.is_empty() {
            self.forget(id, workflow);
            *live = None;
        }
    }
}

/// The workflows in the order in which they are dropped.
fn in_turn(known: &HashMap<ExecutionId, Arc<Workflow>>) -> Vec<(ExecutionId, Arc<Workflow>)> {
    // The last one is in use, and would be rebuilt at once, however large it is.
    let at_work = known.values().map(|workflow| workflow.resident().used_at()).max();
    let mut turns: Vec<_> = known
        .iter()
        .filter(|(_, workflow)| Some(workflow.resident().used_at()) != at_work)
        .map(|(id, workflow)| (workflow.resident().turn(), *id, Arc::clone(workflow)))
        .collect();
    turns.sort_unstable_by_key(|(turn, id, _)| (*turn, *id));
    turns.into_iter().map(|(_, id, workflow)| (id, workflow)).collect()
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::id;

    use super::*;

    fn workflow(used_at: u64, credit: u64) -> Arc<Workflow> {
        let workflow = Workflow::default();
        workflow.resident().used_at.store(used_at, Ordering::Relaxed);
        workflow.resident().credit.store(credit, Ordering::Relaxed);
        Arc::new(workflow)
    }

    #[test]
    fn who_waits_for_longest_goes_first_and_a_long_log_goes_later_but_goes() {
        for (known, turns) in [
            // By when something happened to each, and how long its log is; the last one is at work.
            (&[(3, 0), (1, 0), (2, 0), (9, 0)][..], &[2, 3, 1][..]),
            (&[(1, 5), (2, 0), (3, 0), (9, 0)], &[2, 3, 1]),
            (&[(1, MOST_CREDIT), (2, 0), (9, 1)], &[2, 1]),
            (&[(4, 0)], &[]),
        ] {
            let known: HashMap<ExecutionId, _> = (1..)
                .map(id)
                .zip(known.iter().map(|(used_at, credit)| workflow(*used_at, *credit)))
                .collect();
            let found: Vec<ExecutionId> = in_turn(&known).into_iter().map(|(id, _)| id).collect();
            let expected: Vec<ExecutionId> = turns.iter().map(|number| id(*number)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_counted_is_given_back() {
        let (workflows, workflow) = (Workflows::default(), Workflow::default());
        workflows.residence().taken.store(100, Ordering::Relaxed);
        workflow.resident().taken.store(100, Ordering::Relaxed);
        workflows.used(&workflow, None);
        assert_eq!(workflows.residence().taken.load(Ordering::Relaxed), 0);
        assert_eq!(workflow.resident().taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_cannot_go_is_not_looked_at_for_each_that_comes() {
        let workflows = Workflows::default();
        let taken = &workflows.residence().taken;
        for (now, next_look) in [(90, 0), (110, 135), (130, 135), (140, 165)] {
            taken.store(now, Ordering::Relaxed);
            workflows.make_room(100);
            assert_eq!(workflows.residence().next_look.load(Ordering::Relaxed), next_look, "{now}");
        }
    }
}
