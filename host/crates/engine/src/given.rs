//! Executions that were given much have room in memory while they run. Room is taken together with a slot or not at
//! all: who finds none is [set aside](aside), holds nothing, and leaves its slot to others.
//!
//! No user and no root takes all the room (see [`petrel_runners::shares`]).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use petrel_model::{Execution, ExecutionId, Object, size};
use petrel_runners::Slots;
use petrel_runners::shares::{Holder, Shares};

use crate::service::Engine;

mod aside;

use aside::{Line, SetAside};

/// Parameters of no more bytes need no room of their own.
const SMALL: usize = 256 << 10;
/// How often parameters are in memory while they are used: as they are stored, as they are final, and as text.
const COPIES: usize = 3;

/// Room for the parameters of all that runs, in bytes.
#[derive(Debug)]
pub(crate) struct GivenRoom {
    /// The most that one execution counts for, or none would ever be left for it beside others.
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shares: Shares,
    /// What waits for room, by the slots that it needs.
    aside: HashMap<Slots, Line>,
}

impl GivenRoom {
    /// Room for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { shares: Shares::new(limit), aside: HashMap::new() };
        Self { most: limit / 2, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much these parameters take; nothing if they are small.
    fn needed(&self, parameters: &Object) -> Option<usize> {
        let bytes: usize = parameters.values().map(size::of_value).sum();
        (bytes > SMALL).then(|| bytes.saturating_mul(COPIES).min(self.most))
    }

    /// Takes room for an execution, or sets it aside: also when others of its kind are, which it must not pass.
    fn take(&self, kind: Slots, one: SetAside) -> Result<(), ()> {
        let mut state = self.state();
        let State { shares, aside } = &mut *state;
        let line = aside.entry(kind).or_default();
        if line.is_empty() && shares.take(&one.holder, one.needed).is_ok() {
            return Ok(());
        }
        line.add(one);
        Err(())
    }

    /// Takes room for the next of those that were set aside.
    fn next(&self, kind: Slots) -> Option<SetAside> {
        let mut state = self.state();
        let State { shares, aside } = &mut *state;
        let one = aside.get_mut(&kind)?.next(shares)?;
        shares.take(&one.holder, one.needed).ok()?;
        Some(one)
    }

    /// Gives room back; says whether anything waits for it.
    fn give_back(&self, holder: &Holder, bytes: usize) -> bool {
        let mut state = self.state();
        state.shares.give_back(holder, bytes);
        state.aside.values().any(|line| !line.is_empty())
    }
}

/// Room that one execution has, until this is dropped.
pub(crate) struct Place {
    engine: Engine,
    holder: Holder,
    /// In bytes.
    taken: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.engine.0.given.give_back(&self.holder, self.taken) {
            self.engine.0.work.notify_waiters();
        }
    }
}

/// Whether an execution may run.
pub(crate) enum Admission {
    /// It may, with its place if it needs one.
    Runs(Option<Place>),
    /// [`next`] gives it once there is room.
    SetAside,
}

/// Takes room for what `execution`, which this process has claimed, was given. Never waits.
pub(crate) fn admit(engine: &Engine, kind: Slots, execution: &Execution) -> Admission {
    let room = &engine.0.given;
    let Some(needed) = room.needed(&execution.parameters) else { return Admission::Runs(None) };
    let holder = Holder::of(execution);
    match room.take(kind, SetAside { id: execution.id, holder: holder.clone(), needed }) {
        Ok(()) => Admission::Runs(Some(Place { engine: engine.clone(), holder, taken: needed })),
        Err(()) => Admission::SetAside,
    }
}

/// An execution that was set aside and for which there is room by now. Since then it may have ended.
pub(crate) fn next(engine: &Engine, kind: Slots) -> Option<(ExecutionId, Place)> {
    let SetAside { id, holder, needed } = engine.0.given.next(kind)?;
    Some((id, Place { engine: engine.clone(), holder, taken: needed }))
}

#[cfg(test)]
mod tests {
    use petrel_persistence::suite::id;
    use petrel_runners::shares::Root;
    use serde_json::json;

    use super::*;

    const MIB: usize = 1 << 20;

    fn one(n: u64, user: &str, rule: &str, needed: usize) -> SetAside {
        let holder = Holder { user: user.into(), root: Root::Rule(rule.into()) };
        SetAside { id: id(n), holder, needed }
    }

    #[test]
    fn only_what_is_large_needs_room_and_never_more_than_half_of_it() {
        let room = GivenRoom::new(12 * MIB);
        let whole = COPIES * size::of_value(&json!("x".repeat(MIB)));
        for (length, needed) in [(10, None), (SMALL / 2, None), (MIB, Some(whole)), (3 * MIB, Some(6 * MIB))]
        {
            let parameters = json!({"text": "x".repeat(length)}).as_object().cloned().unwrap();
            assert_eq!(room.needed(&parameters), needed, "{length} bytes");
        }
    }

    #[test]
    fn whoever_holds_its_share_waits_and_others_run() {
        let room = GivenRoom::new(12 * MIB);
        let kind = Slots::Component;
        let first = one(1, "ann", "a", 5 * MIB);
        assert!(room.take(kind, one(1, "ann", "a", 5 * MIB)).is_ok());
        assert!(room.take(kind, one(2, "ann", "a", 5 * MIB)).is_err(), "more than the share of one user");
        assert!(room.take(Slots::Process, one(3, "ann", "b", 5 * MIB)).is_err(), "whatever slots it needs");
        // It comes behind the other, whom it then passes.
        assert!(room.take(kind, one(4, "bob", "c", 5 * MIB)).is_err());
        assert_eq!(room.next(kind).map(|one| one.id), Some(id(4)));
        assert_eq!(room.next(kind).map(|one| one.id), None);
        assert!(room.give_back(&first.holder, first.needed), "somebody waits for it");
        assert_eq!(room.next(kind).map(|one| one.id), Some(id(2)));
        assert!(room.give_back(&first.holder, first.needed));
        assert_eq!(room.next(Slots::Process).map(|one| one.id), Some(id(3)));
        let bob = one(4, "bob", "c", 0).holder;
        assert!(!room.give_back(&bob, 5 * MIB), "nobody waits any more");
    }
}
