//! The states of circuit breakers in memory, behind one lock that no await holds, and the turns of those who change them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use petrel_model::breaker::BreakerState;
use petrel_model::{RuleId, Timestamp, TriggerInstanceId};
use tokio::sync::OwnedMutexGuard;

/// The states of breakers by rule.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    /// The number of states, to be read without the lock.
    known: AtomicUsize,
    states: Mutex<HashMap<RuleId, Kept>>,
    /// Who changes the state of a rule, or waits for that.
    turns: Mutex<HashMap<RuleId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What is kept of a rule.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The state as it is stored.
    pub(crate) state: BreakerState,
    /// The event that tries, and since when.
    pub(crate) asking: Option<(TriggerInstanceId, Timestamp)>,
}

/// The right to change the state of a rule: from the decision until its commit is answered.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Kept {
    /// A state of which nothing is on its way.
    pub(crate) fn of(state: BreakerState) -> Self {
        Self { state, asking: None }
    }

    /// Whether this event tries.
    pub(crate) fn is_asking(&self, event: TriggerInstanceId) -> bool {
        self.asking.is_some_and(|(asking, _)| asking == event)
    }
}

impl Breakers {
    /// Reads or changes the states.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut HashMap<RuleId, Kept>) -> R) -> R {
        let mut states = self.states.lock();
        let changed = change(&mut states);
        self.known.store(states.len(), Ordering::SeqCst);
        changed
    }

    /// Whether nothing is remembered of any rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.load(Ordering::SeqCst) == 0
    }

    /// The turn to change the state of a rule, once nobody else has it.
    pub(crate) async fn turn(&self, rule: RuleId) -> Turn {
        let turn = {
            let mut turns = self.turns.lock();
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(rule).or_default())
        };
        Turn { _held: turn.lock_owned().await }
    }

    /// Whether somebody changes the state of a rule.
    pub(crate) fn is_changing(&self, rule: RuleId) -> bool {
        self.turns.lock().get(&rule).is_some_and(|turn| Arc::strong_count(turn) > 1)
    }

    /// The event does not try any more: its commit is answered, or it requests nothing.
    pub(crate) fn asks_no_more(&self, rule: RuleId, event: TriggerInstanceId) {
        if self.is_empty() {
            return;
        }
        self.with(|states| {
            if let Some(kept) = states.get_mut(&rule).filter(|kept| kept.is_asking(event)) {
                kept.asking = None;
            }
        });
    }
}
