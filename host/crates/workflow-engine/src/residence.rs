//! Which workflows stay in memory while nothing happens to them. A workflow that waits for what is inside it is made
//! anew from its log when that tells something; so when many wait, those to which nothing has happened for longest go.
//!
//! Any workflow can go, whatever it waits for: its log is the truth, and what ends it by the time is kept apart
//! ([`timers`](super::timers)). So all that wait are bounded together. One with a long log is dear to make anew, and
//! goes later than others, but it goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use petrel_model::ExecutionId;

use super::live::Live;
use super::mailbox::{Workflow, Workflows};

/// A workflow goes as if something had happened to it so many moments later as its log has entries, for which it is
/// read again; and these are the most.
const MOST_CREDIT: u64 = 10_000;
/// What a workflow takes beside its tasks and variables, in bytes, about.
const BASE_BYTES: usize = 8 << 10;
/// What each execution inside it takes there, in bytes, about.
const ACTIVE_BYTES: usize = 128;

/// What is counted of all workflows in memory.
#[derive(Debug, Default)]
pub(super) struct Residence {
    /// Grows with whatever happens.
    moments: AtomicU64,
    /// How much they take, in bytes.
    taken: AtomicUsize,
    /// With no more taken than this none is looked for that can go; all there is while one is looked for.
    next_look: AtomicUsize,
}

/// What is counted of one workflow.
#[derive(Debug, Default)]
pub(super) struct Resident {
    /// When something happened to it last.
    used_at: AtomicU64,
    /// For how many moments longer it stays, since it is dear to make anew.
    credit: AtomicU64,
    /// How much it takes, in bytes.
    taken: AtomicUsize,
}

impl Resident {
    fn used_at(&self) -> u64 {
        self.used_at.load(Ordering::Relaxed)
    }

    /// When it is to go.
    fn turn(&self) -> u64 {
        self.used_at().saturating_add(self.credit.load(Ordering::Relaxed))
    }
}

impl Live {
    /// About how much memory it takes, in bytes.
    fn bytes(&self) -> usize {
        BASE_BYTES + self.given + self.conductor.bytes() + self.active.len() * ACTIVE_BYTES
    }
}

impl Workflows {
    /// Something has happened to a workflow, whose `live` is held by the caller.
    pub(super) fn used(&self, workflow: &Workflow, live: Option<&Live>) {
        let (all, one) = (self.residence(), workflow.resident());
        one.used_at.store(all.moments.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        one.credit.store(live.map_or(0, |live| live.sequence.min(MOST_CREDIT)), Ordering::Relaxed);
        let now = live.map_or(0, Live::bytes);
        let before = one.taken.swap(now, Ordering::Relaxed);
        // Added first, so that it is never less than nothing.
        all.taken.fetch_add(now, Ordering::Relaxed);
        all.taken.fetch_sub(before, Ordering::Relaxed);
    }

    /// When workflows take more than `limit` bytes, lets go those to which nothing has happened for longest, until a
    /// quarter is free. Nobody may hold the `live` of any of them across this.
    pub(super) fn make_room(&self, limit: usize) {
        let Residence { taken, next_look, .. } = self.residence();
        if taken.load(Ordering::Relaxed) <= limit.max(next_look.load(Ordering::Relaxed))
            || next_look.swap(usize::MAX, Ordering::Relaxed) == usize::MAX
        {
            return;
        }
        let enough = limit / 4 * 3;
        // Not in the head of the loop: what is known would be held while some of it is forgotten.
        let known = self.look(in_turn);
        for (id, workflow) in &known {
            if taken.load(Ordering::Relaxed) <= enough {
                break;
            }
            self.let_go(*id, workflow);
        }
        // What could not go now, since something happens to it, is not looked at again and again.
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

/// The workflows in the order in which they are to go.
fn in_turn(known: &HashMap<ExecutionId, Arc<Workflow>>) -> Vec<(ExecutionId, Arc<Workflow>)> {
    // The last one is at work: it would be made anew at once, however large.
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
