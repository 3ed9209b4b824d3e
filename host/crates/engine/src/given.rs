//! The memory of running executions with large parameters, and the resources that runs share through their runner
//! ([`petrel_runners::Runner::admit`]). An execution takes all of this together with a slot, or nothing: if anything
//! is missing it is [set aside](aside), holds nothing, and leaves its slot to others. So does an execution whose
//! needs its runner does not know yet, until its action is [prepared](unprepared).
//!
//! No user and no root workflow takes all of it (see [`petrel_runners::shares`]).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use petrel_model::{Execution, ExecutionId, Object, Ref, size};
use petrel_runners::shares::{Holder, Shares};
use petrel_runners::{Slots, Ticket};

use crate::content::RegisteredAction;
use crate::service::Engine;

mod aside;
mod unprepared;

use aside::{Line, Needs, SetAside, Turn};
use unprepared::{Start, Unprepared};

/// Parameters up to this many bytes need no accounting.
const SMALL: usize = 256 << 10;
/// The number of copies of parameters in memory during a run: as stored, final, and as text.
const COPIES: usize = 3;
/// The number of preparations for one group of waiting executions, whose file may change meanwhile.
const PREPARATIONS: usize = 3;

/// The memory for the parameters of running executions, in bytes.
pub(crate) struct GivenRoom {
    /// The most bytes that one execution counts for. Beyond it a large one would never find enough room beside
    /// others.
    most: usize,
    state: Mutex<State>,
}

struct State {
    shares: Shares,
    /// Executions that wait for memory, by the kind of slot they need.
    aside: HashMap<Slots, Lines>,
    /// Executions that wait until their needs are known, with the kind of slot they need.
    unprepared: Unprepared<(Slots, SetAside)>,
}

/// Executions that wait for the same kind of slot, in three lines that take turns, so that none waits for resources
/// which it does not need.
#[derive(Default)]
struct Lines {
    /// Executions with large parameters.
    large: Line,
    /// Executions with small parameters that need many of their runner's resources.
    heavy: Line,
    /// Executions that need few of these resources, of which their runner reserves a part.
    light: Line,
    /// Counts the turns.
    turn: usize,
}

impl Lines {
    /// Takes all that `one` needs, or sets it aside. It is also set aside if others of its line are, which it must
    /// not overtake.
    fn take(&mut self, one: SetAside, shares: &mut Shares, now: Instant) -> Result<Option<Ticket>, ()> {
        // As long as nobody waits, its line need not be determined.
        if self.is_empty()
            && let Ok(ticket) = one.take(shares, false)
        {
            return Ok(ticket);
        }
        let needs = one.needs();
        let spares_others = needs == Needs::Little && self.heavy.is_spared_by(&one.holder, now);
        let line = self.line(needs);
        if line.is_empty()
            && let Ok(ticket) = one.take(shares, spares_others)
        {
            return Ok(ticket);
        }
        line.add(one);
        Err(())
    }

    /// Sets an execution aside until there is room.
    fn add(&mut self, one: SetAside) {
        self.line(one.needs()).add(one);
    }

    fn line(&mut self, needs: Needs) -> &mut Line {
        match needs {
            Needs::Room => &mut self.large,
            Needs::Much => &mut self.heavy,
            Needs::Little => &mut self.light,
        }
    }

    fn is_empty(&self) -> bool {
        self.large.is_empty() && self.heavy.is_empty() && self.light.is_empty()
    }

    fn next(&mut self, shares: &mut Shares, now: Instant) -> Option<(SetAside, Turn)> {
        self.turn = self.turn.wrapping_add(1);
        let Self { large, heavy, light, turn } = self;
        (0..3).find_map(|place| match turn.wrapping_add(place) % 3 {
            0 => large.next(shares, now, |_holder| false),
            1 => heavy.next(shares, now, |_holder| false),
            _ => light.next(shares, now, |holder| heavy.is_spared_by(holder, now)),
        })
    }

    fn forget(&mut self, ended: &HashSet<ExecutionId>) -> bool {
        // All lines are searched: the ended executions may be in any of them.
        let found = [&mut self.large, &mut self.heavy, &mut self.light].map(|line| line.forget(ended));
        found.contains(&true)
    }
}

/// The clock by which lines measure for how long an execution was overtaken.
#[expect(clippy::disallowed_methods, reason = "nothing that is stored or answered depends on it")]
fn now() -> Instant {
    Instant::now()
}

impl GivenRoom {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let state =
            State { shares: Shares::new(limit), aside: HashMap::new(), unprepared: Unprepared::default() };
        Self { most: limit / 2, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes that these parameters count for; `None` if they are small.
    fn needed(&self, parameters: &Object) -> Option<usize> {
        let bytes: usize = parameters.values().map(size::of_value).sum();
        (bytes > SMALL).then(|| bytes.saturating_mul(COPIES).min(self.most))
    }

    /// Takes all that an execution needs, or sets it aside. It is also set aside if others of its line are, which it
    /// must not overtake.
    fn take(&self, kind: Slots, one: SetAside) -> Result<Option<Ticket>, ()> {
        let mut state = self.state();
        let State { shares, aside, .. } = &mut *state;
        aside.entry(kind).or_default().take(one, shares, now())
    }

    /// Sets an execution aside until `start` is prepared. Returns whether nobody prepares that yet.
    fn add_unprepared(&self, kind: Slots, start: &Start, one: SetAside) -> bool {
        self.state().unprepared.add(start, (kind, one))
    }

    /// Sets an execution with known needs aside.
    fn add(&self, kind: Slots, one: SetAside) {
        self.state().aside.entry(kind).or_default().add(one);
    }

    /// Moves the executions that wait for `start` into their lines, because its preparation has ended.
    fn line_up(&self, start: &Start, fails: bool) {
        let mut state = self.state();
        let State { aside, unprepared, .. } = &mut *state;
        for (kind, one) in unprepared.take(start) {
            aside.entry(kind).or_default().add(SetAside { fails, ..one });
        }
    }

    /// The next execution that was set aside, with its resources if it can run now.
    fn next(&self, kind: Slots) -> Option<(SetAside, Turn)> {
        let mut state = self.state();
        let State { shares, aside, .. } = &mut *state;
        aside.get_mut(&kind)?.next(shares, now())
    }

    /// Drops ended executions. Returns whether others may go on because of that.
    fn forget(&self, ended: &[ExecutionId]) -> bool {
        let mut state = self.state();
        if state.aside.values().all(Lines::is_empty) && state.unprepared.is_empty() {
            return false;
        }
        let ended: HashSet<ExecutionId> = ended.iter().copied().collect();
        state.unprepared.retain(|(_kind, one)| !ended.contains(&one.id));
        let mut found = false;
        for lines in state.aside.values_mut() {
            found |= lines.forget(&ended);
        }
        found
    }

    /// Releases memory. Returns whether anything waits for it.
    fn give_back(&self, holder: &Holder, bytes: usize) -> bool {
        let mut state = self.state();
        state.shares.give_back(holder, bytes);
        state.aside.values().any(|lines| !lines.is_empty())
    }
}

/// The resources of one execution, released on drop.
pub(crate) struct Place {
    engine: Engine,
    holder: Holder,
    /// The memory for its parameters, in bytes.
    taken: usize,
    /// The resources of its runner.
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

/// The decision whether an execution may run.
pub(crate) enum Admission {
    /// It may, with its resources if it needs any.
    Runs(Option<Place>),
    /// It may not yet; [`next`] returns it once there is room.
    SetAside,
}

/// Takes the resources of `execution`, which this process has claimed. Never waits.
pub(crate) fn admit(engine: &Engine, kind: Slots, execution: &Execution) -> Admission {
    let room = &engine.0.given;
    let needed = room.needed(&execution.parameters).unwrap_or(0);
    let registered = if kind == Slots::Component { sharing(engine, &execution.action) } else { None };
    if needed == 0 && registered.is_none() {
        return Admission::Runs(None);
    }
    let holder = Holder::of(execution);
    let one = SetAside { id: execution.id, holder: holder.clone(), needed, registered, fails: false };
    if let Some(start) = one.unprepared() {
        await_preparation(engine, kind, start, one);
        return Admission::SetAside;
    }
    match room.take(kind, one) {
        Ok(ticket) => Admission::Runs(Some(Place { engine: engine.clone(), holder, taken: needed, ticket })),
        Err(()) => Admission::SetAside,
    }
}

/// The registered action, if its runs share resources of their runner.
fn sharing(engine: &Engine, action: &Ref) -> Option<Arc<RegisteredAction>> {
    let content = engine.content();
    let registered = content.action(action).ok()?;
    let shares = registered.runner.as_ref().is_some_and(|runner| runner.has_shares());
    shares.then(|| Arc::clone(registered))
}

/// Sets `one` aside until `start` is prepared, and begins the preparation unless it is under way.
fn await_preparation(engine: &Engine, kind: Slots, start: Start, one: SetAside) {
    let registered = one.registered.clone();
    if engine.0.given.add_unprepared(kind, &start, one) {
        let preparation = Preparation { engine: engine.clone(), start, fails: true };
        let stop = engine.core().stop_starting().clone();
        let work = preparation.make(registered);
        let until_stop = async move { stop.run_until_cancelled(work).await.unwrap_or_default() };
        engine.core().spawn("prepare an action", until_stop);
    }
}

/// A preparation. Its end, of whatever kind, releases the executions that wait for it.
struct Preparation {
    engine: Engine,
    start: Start,
    /// Whether it has failed. True until it has succeeded.
    fails: bool,
}

impl Preparation {
    /// Prepares the action as it is registered in the end. If that fails, its executions run into the error.
    async fn make(mut self, registered: Option<Arc<RegisteredAction>>) {
        let Some(registered) = registered else { return };
        let Some(runner) = &registered.runner else { return };
        let (pack_path, entry_point) = (&registered.pack_path, &registered.action.entry_point);
        for _ in 0..PREPARATIONS {
            if runner.prepare(pack_path, entry_point).await.is_err() {
                return;
            }
            if runner.is_prepared(pack_path, entry_point) {
                self.fails = false;
                return;
            }
        }
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        self.engine.0.given.line_up(&self.start, self.fails);
        self.engine.0.work.notify_waiters();
    }
}

/// An execution that was set aside and can run now. It may have ended since.
pub(crate) fn next(engine: &Engine, kind: Slots) -> Option<(ExecutionId, Place)> {
    let room = &engine.0.given;
    loop {
        let (one, turn) = room.next(kind)?;
        if let Turn::Runs(ticket) = turn {
            let SetAside { id, holder, needed, .. } = one;
            return Some((id, Place { engine: engine.clone(), holder, taken: needed, ticket }));
        }
        // Its pack was registered again, so it runs the action as it is registered now.
        let registered = one.registered.and_then(|known| sharing(engine, &known.action.reference));
        let one = SetAside { registered, ..one };
        match one.unprepared() {
            Some(start) => await_preparation(engine, kind, start, one),
            None => room.add(kind, one),
        }
    }
}

/// Drops those of `ended` that were set aside.
pub(crate) fn forget(engine: &Engine, ended: &[ExecutionId]) {
    if engine.0.given.forget(ended) {
        engine.0.work.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
