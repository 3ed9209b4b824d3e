//! The memory of running executions with large parameters, and the resources that runs share through their
//! runner ([`petrel_runners::Runner::admit`]). An execution takes all of this together with a slot, or
//! nothing: if anything is missing it is [set aside](aside), holds nothing, and leaves its slot to others. So
//! does an execution whose needs its runner does not know yet, until its action is [prepared](unprepared).
//!
//! No user and no root workflow takes all of it (see [`petrel_runners::shares`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use petrel_catalog::Catalog;
use petrel_catalog::content::RegisteredAction;
use petrel_engine_core::Core;
use petrel_model::{Execution, ExecutionId, Object, Ref, size};
use petrel_runners::shares::{Holder, Shares};
use petrel_runners::{Runs, Ticket};

use super::kind::Kind;
use super::wake::Wake;

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
struct GivenRoom {
    /// The most bytes that one execution counts for. Beyond it a large one would never find enough room
    /// beside others.
    most: usize,
    state: Mutex<State>,
}

struct State {
    shares: Shares,
    /// Executions that wait for memory, by the kind of slot they need.
    aside: HashMap<Kind, Lines>,
    /// Executions that wait until their needs are known, with the kind of slot they need.
    unprepared: Unprepared<(Kind, SetAside)>,
}

/// Executions that wait for the same kind of slot, in three lines that take turns, so that none waits for
/// resources which it does not need.
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
    /// Takes all that `one` needs, or sets it aside. It is also set aside if others of its line are, which it
    /// must not overtake.
    fn take(&mut self, one: SetAside, shares: &mut Shares, now: Instant) -> Result<Option<Ticket>, ()> {
        // As long as nobody waits, its line need not be determined.
        if self.is_empty()
            && let Ok(ticket) = one.take(shares, false)
        {
            return Ok(ticket);
        }
        let needs = one.needs();
        // Many small executions must not use up what a large one is waiting for.
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
        // Each turn begins with another line, and looks into the next if nothing of that can run.
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
    fn new(limit: usize) -> Self {
        let state =
            State { shares: Shares::new(limit), aside: HashMap::new(), unprepared: Unprepared::default() };
        Self { most: limit / 2, state: Mutex::new(state) }
    }

    /// The bytes that these parameters count for; `None` if they are small.
    fn needed(&self, parameters: &Object) -> Option<usize> {
        let bytes: usize = parameters.values().map(size::of_value).sum();
        (bytes > SMALL).then(|| bytes.saturating_mul(COPIES).min(self.most))
    }

    /// Takes all that an execution needs, or sets it aside. It is also set aside if others of its line are,
    /// which it must not overtake.
    fn take(&self, kind: Kind, one: SetAside) -> Result<Option<Ticket>, ()> {
        let mut state = self.state.lock();
        // The runner is asked under this lock, so that memory and its resources are taken together.
        let State { shares, aside, .. } = &mut *state;
        aside.entry(kind).or_default().take(one, shares, now())
    }

    /// Sets an execution aside until `start` is prepared. Returns whether nobody prepares that yet.
    fn add_unprepared(&self, kind: Kind, start: &Start, one: SetAside) -> bool {
        self.state.lock().unprepared.add(start, (kind, one))
    }

    /// Sets an execution with known needs aside.
    fn add(&self, kind: Kind, one: SetAside) {
        self.state.lock().aside.entry(kind).or_default().add(one);
    }

    /// Moves the executions that wait for `start` into their lines, because its preparation has ended.
    fn line_up(&self, start: &Start, fails: bool) {
        let mut state = self.state.lock();
        let State { aside, unprepared, .. } = &mut *state;
        for (kind, one) in unprepared.take(start) {
            aside.entry(kind).or_default().add(SetAside { fails, ..one });
        }
    }

    /// The next execution that was set aside, with its resources if it can run now.
    fn next(&self, kind: Kind) -> Option<(SetAside, Turn)> {
        let mut state = self.state.lock();
        let State { shares, aside, .. } = &mut *state;
        aside.get_mut(&kind)?.next(shares, now())
    }

    /// Drops ended executions. Returns whether others may go on because of that.
    fn forget(&self, ended: &[ExecutionId]) -> bool {
        let mut state = self.state.lock();
        // Most ended executions were never set aside, and cost no set of their ids.
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
        let mut state = self.state.lock();
        state.shares.give_back(holder, bytes);
        state.aside.values().any(|lines| !lines.is_empty())
    }
}

/// The admission of executions to their runs: each gets all its resources, or is set aside. Clones share
/// their state.
#[derive(Clone)]
pub(crate) struct Admissions(Arc<Inner>);

struct Inner {
    core: Core,
    catalog: Catalog,
    wake: Wake,
    room: GivenRoom,
}

/// The resources of one execution, released on drop.
pub(crate) struct Place {
    admissions: Admissions,
    holder: Holder,
    /// The memory for its parameters, in bytes.
    taken: usize,
    /// The resources of its runner.
    ticket: Option<Ticket>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Released before the schedulers are woken, or they would not find these resources yet.
        drop(self.ticket.take());
        if self.admissions.0.room.give_back(&self.holder, self.taken) {
            self.admissions.0.wake.all();
        }
    }
}

/// The decision whether an execution may run.
pub(crate) enum Admission {
    /// The execution may run, with its resources if it needs any.
    Runs(Option<Place>),
    /// The execution waits, and [`Admissions::next`] returns it once there is room.
    SetAside,
}

impl Admissions {
    /// Admissions with `limit` bytes for parameters. The schedulers are woken when there is room for an
    /// execution that was set aside.
    pub(crate) fn new(core: Core, catalog: Catalog, wake: Wake, limit: usize) -> Self {
        Self(Arc::new(Inner { core, catalog, wake, room: GivenRoom::new(limit) }))
    }

    /// Takes the resources of `execution`, which this process has claimed. Never waits.
    pub(crate) fn admit(&self, kind: Kind, execution: &Execution) -> Admission {
        let needed = self.0.room.needed(&execution.parameters).unwrap_or(0);
        // Only components share resources of their runner; the others need no look at the catalog.
        let registered = if kind == Kind::Component { self.sharing(&execution.action) } else { None };
        if needed == 0 && registered.is_none() {
            return Admission::Runs(None);
        }
        let holder = Holder::of(execution);
        let one = SetAside { id: execution.id, holder: holder.clone(), needed, registered, fails: false };
        if let Some(start) = one.unprepared() {
            self.await_preparation(kind, start, one);
            return Admission::SetAside;
        }
        match self.0.room.take(kind, one) {
            Ok(ticket) => {
                Admission::Runs(Some(Place { admissions: self.clone(), holder, taken: needed, ticket }))
            }
            Err(()) => Admission::SetAside,
        }
    }

    /// The registered action, if its runs share resources of their runner.
    fn sharing(&self, action: &Ref) -> Option<Arc<RegisteredAction>> {
        let content = self.0.catalog.content();
        let registered = content.action(action).ok()?;
        let runner = registered.runs.as_ref().and_then(Runs::runner);
        runner.is_some_and(|runner| runner.has_shares()).then(|| Arc::clone(registered))
    }

    /// Sets `one` aside until `start` is prepared, and begins the preparation unless it is under way.
    fn await_preparation(&self, kind: Kind, start: Start, one: SetAside) {
        let registered = one.registered.clone();
        if self.0.room.add_unprepared(kind, &start, one) {
            let preparation = Preparation { admissions: self.clone(), start, fails: true };
            // A preparation ends early when the host stops, since nothing starts any more.
            let stop = self.0.core.stop_starting().clone();
            let work = preparation.make(registered);
            let until_stop = async move { stop.run_until_cancelled(work).await.unwrap_or_default() };
            self.0.core.spawn("prepare an action", until_stop);
        }
    }

    /// An execution that was set aside and can run now. It may have ended since.
    pub(crate) fn next(&self, kind: Kind) -> Option<(ExecutionId, Place)> {
        loop {
            let (one, turn) = self.0.room.next(kind)?;
            if let Turn::Runs(ticket) = turn {
                let SetAside { id, holder, needed, .. } = one;
                return Some((id, Place { admissions: self.clone(), holder, taken: needed, ticket }));
            }
            // Its pack was registered again, so it runs the action as it is registered now.
            let registered = one.registered.and_then(|known| self.sharing(&known.action.reference));
            let one = SetAside { registered, ..one };
            match one.unprepared() {
                Some(start) => self.await_preparation(kind, start, one),
                None => self.0.room.add(kind, one),
            }
        }
    }

    /// Drops those of `ended` that were set aside.
    pub(crate) fn forget(&self, ended: &[ExecutionId]) {
        if self.0.room.forget(ended) {
            self.0.wake.all();
        }
    }
}

/// A preparation. Its end, of whatever kind, releases the executions that wait for it.
struct Preparation {
    admissions: Admissions,
    start: Start,
    /// Whether it has failed. True until it has succeeded.
    fails: bool,
}

impl Preparation {
    /// Prepares the action as it is registered in the end. If that fails, its executions run into the error.
    async fn make(mut self, registered: Option<Arc<RegisteredAction>>) {
        let Some(registered) = registered else { return };
        let Some(runner) = registered.runs.as_ref().and_then(Runs::runner) else { return };
        let (pack_path, entry_point) = (&registered.pack_path, &registered.action.entry_point);
        // A file that changes during its preparation has to be prepared again.
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
        self.admissions.0.room.line_up(&self.start, self.fails);
        self.admissions.0.wake.all();
    }
}

#[cfg(test)]
mod tests;
