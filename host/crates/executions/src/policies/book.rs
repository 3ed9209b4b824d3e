//! The state of policies in memory, behind one lock that no await holds. As long as it knows no execution, it costs those
//! without policies a look at a number.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use petrel_model::policy::PolicyState;
use petrel_model::policy::effect::Otherwise;
use petrel_model::{Execution, ExecutionId, Status, Timestamp};
use petrel_persistence::Change;

use super::lines::{Asked, Asker, Freed, Lines, Standing, Wait};
use super::memory::Memory;

/// The state of policies. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The number of executions in `lines`, to be read without the lock.
    known: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lines: Lines,
    memory: Memory,
}

/// A limit of executions that start in a time, for executions with equal values.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    pub(crate) key: String,
    pub(crate) limit: usize,
    pub(crate) per: Duration,
    pub(crate) otherwise: Otherwise,
}

/// Whether an execution rests: it has begun, and takes no place meanwhile, as in StackStorm. A workflow that is told to go
/// on runs only when something inside it does, and that may be the answer to a question.
pub(crate) fn rests(status: Status) -> bool {
    matches!(status, Status::Paused | Status::Pending | Status::Resuming)
}

impl Book {
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.state.lock();
        let changed = change(&mut state);
        self.0.known.store(state.lines.known(), Ordering::SeqCst);
        changed
    }

    /// Sets what an earlier process remembered.
    pub(crate) fn remember(&self, states: Vec<PolicyState>) {
        self.with(|state| state.memory = Memory::of(states));
    }

    /// Takes note of an execution as it is stored. Returns those that may go on because of that.
    pub(crate) fn told(&self, execution: &Execution) -> Vec<Freed> {
        if self.0.known.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        let (id, status) = (execution.id, execution.status);
        self.with(|state| {
            if status.is_final() { state.lines.forget(id) } else { state.lines.rest(id, rests(status)) }
        })
    }

    /// See [`Lines::claimed`].
    pub(crate) fn claimed(&self, id: ExecutionId) -> Standing {
        self.with(|state| state.lines.claimed(id))
    }

    /// See [`Lines::ask`].
    pub(crate) fn ask(&self, asker: Asker, is_told: bool) -> Asked {
        self.with(|state| state.lines.ask(asker, is_told))
    }

    /// See [`Lines::pass`].
    pub(crate) fn pass(&self, id: ExecutionId) {
        self.with(|state| state.lines.pass(id));
    }

    /// See [`Lines::forget`].
    pub(crate) fn forget(&self, id: ExecutionId) -> Vec<Freed> {
        self.with(|state| state.lines.forget(id))
    }

    /// See [`Lines::count`].
    pub(crate) fn count(&self, asker: Asker, rests: bool) {
        self.with(|state| state.lines.count(asker, rests));
    }

    /// See [`Lines::dissolve`].
    pub(crate) fn dissolve(&self) -> Vec<Freed> {
        self.with(|state| state.lines.dissolve())
    }

    /// See [`Lines::holding`].
    pub(crate) fn holding(&self) -> Vec<ExecutionId> {
        self.with(|state| state.lines.holding())
    }

    /// See [`Lines::wait`].
    pub(crate) fn wait(&self, id: ExecutionId) -> Option<Wait> {
        self.with(|state| state.lines.wait(id))
    }

    /// See [`Memory::other`].
    pub(crate) fn other(&self, key: &str, id: ExecutionId, now: Timestamp) -> Option<ExecutionId> {
        self.with(|state| state.memory.other(key, id, now))
    }

    /// Remembers an execution as the first with its values, unless `before` is another one by now.
    pub(crate) fn note_first(
        &self,
        key: &str,
        id: ExecutionId,
        before: Option<ExecutionId>,
        now: Timestamp,
        window: Duration,
    ) -> Option<Vec<Change>> {
        self.with(|state| {
            let is_same = state.memory.other(key, id, now) == before;
            is_same.then(|| state.memory.note_first(key, id, now, window))
        })
    }

    /// Gives back the start at a time to come that an execution does not take, by all of `paces`. Returns the changes.
    pub(crate) fn give_back_start(&self, paces: &[Pace], at: Timestamp, now: Timestamp) -> Vec<Change> {
        self.with(|state| {
            let given_back = paces
                .iter()
                .map(|pace| state.memory.give_back_start(&pace.key, at, now, pace.limit, pace.per));
            given_back.flatten().collect()
        })
    }

    /// See [`Memory::forget_policies`].
    pub(crate) fn forget_policies(&self, is_gone: impl Fn(&str) -> bool) -> Vec<String> {
        self.with(|state| state.memory.forget_policies(is_gone))
    }

    /// The time at which one more execution may start by all of `paces`, with the changes that take it.
    ///
    /// # Errors
    /// The limit that ends what would have to wait. Nothing is taken then.
    pub(crate) fn take_start<'p>(
        &self,
        paces: &'p [Pace],
        now: Timestamp,
    ) -> Result<(Timestamp, Vec<Change>), &'p Pace> {
        self.with(|state| {
            let (mut at, mut changes) = (now, Vec::new());
            for pace in paces {
                let free = state.memory.free_at(&pace.key, now, pace.limit, pace.per);
                if free > now && pace.otherwise == Otherwise::Cancel {
                    return Err(pace);
                }
                at = at.max(free);
            }
            for pace in paces {
                changes.extend(state.memory.note_start(&pace.key, at, now, pace.limit, pace.per));
            }
            Ok((at, changes))
        })
    }
}
