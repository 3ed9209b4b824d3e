//! Executions that were given much have room in memory while they run, and those whose runs share more than that have
//! it from their runner ([`petrel_runners::Runner::admit`]). All of it is taken together with a slot or not at all: who
//! finds some of it missing is [set aside](aside), holds nothing, and leaves its slot to others.
//!
//! No user and no root takes all the room (see [`petrel_runners::shares`]).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use petrel_model::{Execution, ExecutionId, Object, size};
use petrel_runners::shares::{Holder, Shares};
use petrel_runners::{Slots, Ticket};

use crate::content::RegisteredAction;
use crate::service::Engine;

mod aside;

use aside::{Line, SetAside};

/// Parameters of no more bytes need no room of their own.
const SMALL: usize = 256 << 10;
/// How often parameters are in memory while they are used: as they are stored, as they are final, and as text.
const COPIES: usize = 3;

/// Room for the parameters of all that runs, in bytes.
pub(crate) struct GivenRoom {
    /// The most that one execution counts for, or none would ever be left for it beside others.
    most: usize,
    state: Mutex<State>,
}

struct State {
    shares: Shares,
    /// What waits for room, by the slots that it needs.
    aside: HashMap<Slots, Lines>,
}

/// What waits for the same slots: in three lines that take turns, so that none waits for what it does not need.
#[derive(Default)]
struct Lines {
    /// With large parameters.
    large: Line,
    /// Of the others, those that need much of what their runner has for them.
    heavy: Line,
    /// Those that need little of it, for whom their runner keeps a part.
    light: Line,
    /// How often somebody was next.
    turn: usize,
}

impl Lines {
    /// Takes all that `one` needs, or sets it aside: also when others of its kind are, which it must not pass.
    fn take(&mut self, one: SetAside, shares: &mut Shares, now: Instant) -> Result<Option<Ticket>, ()> {
        // Which kind it is need not be known while nobody waits.
        if self.is_empty()
            && let Ok(ticket) = one.take(shares, false)
        {
            return Ok(ticket);
        }
        let (line, spares_others) = if one.needed > 0 {
            (&mut self.large, false)
        } else if one.is_light() {
            (&mut self.light, self.heavy.is_spared_by(&one.holder, now))
        } else {
            (&mut self.heavy, false)
        };
        if line.is_empty()
            && let Ok(ticket) = one.take(shares, spares_others)
        {
            return Ok(ticket);
        }
        line.add(one);
        Err(())
    }

    fn is_empty(&self) -> bool {
        self.large.is_empty() && self.heavy.is_empty() && self.light.is_empty()
    }

    fn next(&mut self, shares: &mut Shares, now: Instant) -> Option<(SetAside, Option<Ticket>)> {
        self.turn = self.turn.wrapping_add(1);
        let Self { large, heavy, light, turn } = self;
        (0..3).find_map(|place| match turn.wrapping_add(place) % 3 {
            0 => large.next(shares, now, |_holder| false),
            1 => heavy.next(shares, now, |_holder| false),
            _ => light.next(shares, now, |holder| heavy.is_spared_by(holder, now)),
        })
    }

    fn forget(&mut self, ended: &HashSet<ExecutionId>) -> bool {
        // All of them, so that none is passed over when another has found one.
        let found = [&mut self.large, &mut self.heavy, &mut self.light].map(|line| line.forget(ended));
        found.contains(&true)
    }
}

/// By what the lines measure for how long one was passed over.
#[expect(clippy::disallowed_methods, reason = "nothing that is stored or answered depends on it")]
fn now() -> Instant {
    Instant::now()
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

    /// Takes all that an execution needs, or sets it aside: also when others of its kind are, which it must not pass.
    fn take(&self, kind: Slots, one: SetAside) -> Result<Option<Ticket>, ()> {
        let mut state = self.state();
        let State { shares, aside } = &mut *state;
        aside.entry(kind).or_default().take(one, shares, now())
    }

    /// Takes what the next of those needs that were set aside.
    fn next(&self, kind: Slots) -> Option<(SetAside, Option<Ticket>)> {
        let mut state = self.state();
        let State { shares, aside } = &mut *state;
        aside.get_mut(&kind)?.next(shares, now())
    }

    /// Drops what has ended before its turn; says whether others may go on for that.
    fn forget(&self, ended: &[ExecutionId]) -> bool {
        let mut state = self.state();
        if state.aside.values().all(Lines::is_empty) {
            return false;
        }
        let ended: HashSet<ExecutionId> = ended.iter().copied().collect();
        let mut found = false;
        for lines in state.aside.values_mut() {
            found |= lines.forget(&ended);
        }
        found
    }

    /// Gives room back; says whether anything waits for it.
    fn give_back(&self, holder: &Holder, bytes: usize) -> bool {
        let mut state = self.state();
        state.shares.give_back(holder, bytes);
        state.aside.values().any(|lines| !lines.is_empty())
    }
}

/// What one execution has taken, until this is dropped.
pub(crate) struct Place {
    engine: Engine,
    holder: Holder,
    /// In bytes.
    taken: usize,
    /// What its runner has for it.
    ticket: Option<Ticket>,
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.ticket.take());
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

/// Takes what `execution`, which this process has claimed, needs while it runs. Never waits.
pub(crate) fn admit(engine: &Engine, kind: Slots, execution: &Execution) -> Admission {
    let room = &engine.0.given;
    let needed = room.needed(&execution.parameters).unwrap_or(0);
    let registered = if kind == Slots::Component { sharing(engine, execution) } else { None };
    if needed == 0 && registered.is_none() {
        return Admission::Runs(None);
    }
    let holder = Holder::of(execution);
    match room.take(kind, SetAside { id: execution.id, holder: holder.clone(), needed, registered }) {
        Ok(ticket) => Admission::Runs(Some(Place { engine: engine.clone(), holder, taken: needed, ticket })),
        Err(()) => Admission::SetAside,
    }
}

/// What `execution` runs, if its runs share something beside the room for parameters.
fn sharing(engine: &Engine, execution: &Execution) -> Option<Arc<RegisteredAction>> {
    let content = engine.content();
    let registered = content.action(&execution.action).ok()?;
    let shares = registered.runner.as_ref().is_some_and(|runner| runner.has_shares());
    shares.then(|| Arc::clone(registered))
}

/// An execution that was set aside and for which there is room by now. Since then it may have ended.
pub(crate) fn next(engine: &Engine, kind: Slots) -> Option<(ExecutionId, Place)> {
    let (SetAside { id, holder, needed, .. }, ticket) = engine.0.given.next(kind)?;
    Some((id, Place { engine: engine.clone(), holder, taken: needed, ticket }))
}

/// Drops those of `ended` that were set aside: nobody waits for them any more.
pub(crate) fn forget(engine: &Engine, ended: &[ExecutionId]) {
    if engine.0.given.forget(ended) {
        engine.0.work.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use async_trait::async_trait;
    use petrel_runners::shares::{Refused, Root};
    use petrel_runners::{Asked, Call, Outcome, OutputSink, Runner, RunnerType};
    use petrel_store_suite::id;
    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const MIB: usize = 1 << 20;

    fn one(n: u64, user: &str, rule: &str, needed: usize) -> SetAside {
        let holder = Holder { user: user.into(), root: Root::Rule(rule.into()) };
        SetAside { id: id(n), holder, needed, registered: None }
    }

    /// A runner with ten places, all of which a heavy run takes, and one that is kept for light ones.
    struct Places {
        runner_type: RunnerType,
        taken: Arc<Mutex<usize>>,
    }

    struct Taken(Arc<Mutex<usize>>, usize);

    impl Drop for Taken {
        fn drop(&mut self) {
            *self.0.lock().unwrap() -= self.1;
        }
    }

    #[async_trait]
    impl Runner for Places {
        fn runner_type(&self) -> &RunnerType {
            &self.runner_type
        }

        async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
            Outcome::succeeded(json!(null))
        }

        fn admit(&self, asked: &Asked<'_>) -> Result<Option<Ticket>, Refused> {
            let mut taken = self.taken.lock().unwrap();
            let places = if self.is_light(asked.pack_path, asked.entry_point) { 1 } else { 10 };
            let end = if places == 1 && asked.spares_others { 11 } else { 10 };
            if *taken + places > end {
                return Err(Refused::ByTheRoot);
            }
            *taken += places;
            Ok(Some(Box::new(Taken(Arc::clone(&self.taken), places))))
        }

        fn is_light(&self, _pack_path: &Path, entry_point: &str) -> bool {
            entry_point == "light.wasm"
        }
    }

    /// An action of the runner of ten places, whose component is light or heavy.
    fn registered(runner: &Arc<dyn Runner>, weight: &str) -> Arc<RegisteredAction> {
        let action =
            serde_json::from_value(json!({"ref": format!("sizes.{weight}"), "runner_type": "places",
            "entry_point": format!("{weight}.wasm")}));
        let runners = [("places".to_owned(), Arc::clone(runner))].into();
        Arc::new(RegisteredAction::new(action.unwrap(), &runners, "sizes".into()))
    }

    #[test]
    fn light_ones_do_not_wait_behind_heavy_ones_of_the_same_rule_and_spare_those() {
        let runner_type = RunnerType {
            name: "places",
            description: "",
            parameters: Object::new(),
            slots: Slots::Component,
        };
        let runner: Arc<dyn Runner> = Arc::new(Places { runner_type, taken: Arc::default() });
        let room = GivenRoom::new(12 * MIB);
        let kind = Slots::Component;
        let weighs =
            |n, weight| SetAside { registered: Some(registered(&runner, weight)), ..one(n, "ann", "a", 0) };
        let heavy = room.take(kind, weighs(1, "heavy")).unwrap();
        assert!(room.take(kind, weighs(2, "heavy")).is_err());
        // The second heavy one is waited for: a light one has what is kept for it, and takes nothing that is freed.
        assert!(room.next(kind).is_none());
        let light = room.take(kind, weighs(3, "light")).unwrap();
        assert!(room.take(kind, weighs(4, "light")).is_err());
        drop(heavy);
        drop(light);
        let served: Vec<_> = std::iter::from_fn(|| room.next(kind)).collect();
        let ids: Vec<_> = served.iter().map(|(one, _ticket)| one.id).collect();
        assert!(ids.contains(&id(2)) || ids == [id(4)], "{ids:?}");
        drop(served);
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
        assert_eq!(room.next(kind).map(|(one, _ticket)| one.id), Some(id(4)));
        assert_eq!(room.next(kind).map(|(one, _ticket)| one.id), None);
        assert!(room.give_back(&first.holder, first.needed), "somebody waits for it");
        assert_eq!(room.next(kind).map(|(one, _ticket)| one.id), Some(id(2)));
        assert!(room.give_back(&first.holder, first.needed));
        assert_eq!(room.next(Slots::Process).map(|(one, _ticket)| one.id), Some(id(3)));
        let bob = one(4, "bob", "c", 0).holder;
        assert!(!room.give_back(&bob, 5 * MIB), "nobody waits any more");
    }

    #[test]
    fn what_was_canceled_while_it_was_set_aside_is_forgotten_at_once() {
        let room = GivenRoom::new(12 * MIB);
        let kind = Slots::Process;
        assert!(room.take(kind, one(1, "ann", "a", 5 * MIB)).is_ok());
        for n in [2, 3] {
            assert!(room.take(kind, one(n, "ann", "a", 5 * MIB)).is_err());
        }
        assert!(!room.forget(&[id(1)]), "it runs");
        assert!(room.forget(&[id(2), id(9)]));
        assert!(room.forget(&[id(3)]));
        assert!(!room.give_back(&one(1, "ann", "a", 0).holder, 5 * MIB), "nobody waits any more");
        assert!(room.take(kind, one(4, "ann", "a", 5 * MIB)).is_ok());
    }
}
