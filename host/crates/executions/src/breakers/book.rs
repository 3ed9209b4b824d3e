//! The states of circuit breakers in memory, behind one lock that no await holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use petrel_model::breaker::BreakerState;
use petrel_model::{ExecutionId, RuleId, Timestamp, TriggerInstanceId};

/// The states of breakers by rule.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    /// The number of states, to be read without the lock.
    known: AtomicUsize,
    states: Mutex<HashMap<RuleId, Kept>>,
}

/// What is kept of a rule.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) state: BreakerState,
    /// The event that tries, and since when.
    pub(crate) asking: Option<(TriggerInstanceId, Timestamp)>,
    /// The execution whose success has closed it: its commit may come again.
    pub(crate) closed_by: Option<ExecutionId>,
}

impl Kept {
    /// A state of which nothing is on its way.
    pub(crate) fn of(state: BreakerState) -> Self {
        Self { state, asking: None, closed_by: None }
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
}
