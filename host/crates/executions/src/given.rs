//! Executions that were given much have room in memory while they run, and those whose runs share more than that have
//! it from their runner ([`petrel_runners::Runner::admit`]). All of it is taken together with a slot or not at all: who
//! finds some of it missing is [set aside](aside), holds nothing, and leaves its slot to others. So is one of which the
//! runner cannot say yet what it needs, until that is [prepared](unprepared).
//!
//! No user and no root takes all the room (see [`petrel_runners::shares`]).

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

/// Parameters of no more bytes need no room of their own.
const SMALL: usize = 256 << 10;
/// How often parameters are in memory while they are used: as they are stored, as they are final, and as text.
const COPIES: usize = 3;
/// How often something is prepared at most for those that wait, when its file changes meanwhile.
const PREPARATIONS: usize = 3;

/// Room for the parameters of all that runs, in bytes.
struct GivenRoom {
    /// The most that one execution counts for, or none would ever be left for it beside others.
    most: usize,
    state: Mutex<State>,
}

struct State {
    shares: Shares,
    /// What waits for room, by the slots that it needs.
    aside: HashMap<Kind, Lines>,
    /// What waits until it is known how much room it needs, with the slots that it needs.
    unprepared: Unprepared<(Kind, SetAside)>,
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

    /// Sets one aside that is to have its turn as soon as there is room.
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
    fn new(limit: usize) -> Self {
        let state =
            State { shares: Shares::new(limit), aside: HashMap::new(), unprepared: Unprepared::default() };
        Self { most: limit / 2, state: Mutex::new(state) }
    }

    /// How much these parameters take; nothing if they are small.
    fn needed(&self, parameters: &Object) -> Option<usize> {
        let bytes: usize = parameters.values().map(size::of_value).sum();
        (bytes > SMALL).then(|| bytes.saturating_mul(COPIES).min(self.most))
    }

    /// Takes all that an execution needs, or sets it aside: also when others of its kind are, which it must not pass.
    fn take(&self, kind: Kind, one: SetAside) -> Result<Option<Ticket>, ()> {
        let mut state = self.state.lock();
        let State { shares, aside, .. } = &mut *state;
        aside.entry(kind).or_default().take(one, shares, now())
    }

    /// Sets one aside until `start` is prepared. Says whether nobody prepares that yet.
    fn add_unprepared(&self, kind: Kind, start: &Start, one: SetAside) -> bool {
        self.state.lock().unprepared.add(start, (kind, one))
    }

    /// Sets one aside of which it is known how much room it needs.
    fn add(&self, kind: Kind, one: SetAside) {
        self.state.lock().aside.entry(kind).or_default().add(one);
    }

    /// Has those that wait for `start` wait for room instead: its preparation has ended.
    fn line_up(&self, start: &Start, fails: bool) {
        let mut state = self.state.lock();
        let State { aside, unprepared, .. } = &mut *state;
        for (kind, one) in unprepared.take(start) {
            aside.entry(kind).or_default().add(SetAside { fails, ..one });
        }
    }

    /// The next of those that were set aside, with what it needs if it can run now.
    fn next(&self, kind: Kind) -> Option<(SetAside, Turn)> {
        let mut state = self.state.lock();
        let State { shares, aside, .. } = &mut *state;
        aside.get_mut(&kind)?.next(shares, now())
    }

    /// Drops what has ended before its turn; says whether others may go on for that.
    fn forget(&self, ended: &[ExecutionId]) -> bool {
        let mut state = self.state.lock();
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

    /// Gives room back; says whether anything waits for it.
    fn give_back(&self, holder: &Holder, bytes: usize) -> bool {
        let mut state = self.state.lock();
        state.shares.give_back(holder, bytes);
        state.aside.values().any(|lines| !lines.is_empty())
    }
}

/// Admits executions: gives them all that they need while they run, or sets them aside. Clones are the same.
#[derive(Clone)]
pub(crate) struct Admissions(Arc<Inner>);

struct Inner {
    core: Core,
    catalog: Catalog,
    wake: Wake,
    room: GivenRoom,
}

/// What one execution has taken, until this is dropped.
pub(crate) struct Place {
    admissions: Admissions,
    holder: Holder,
    /// In bytes.
    taken: usize,
    /// What its runner has for it.
    ticket: Option<Ticket>,
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.ticket.take());
        if self.admissions.0.room.give_back(&self.holder, self.taken) {
            self.admissions.0.wake.all();
        }
    }
}

/// Whether an execution may run.
pub(crate) enum Admission {
    /// It may, with its place if it needs one.
    Runs(Option<Place>),
    /// [`Admissions::next`] gives it once there is room.
    SetAside,
}

impl Admissions {
    /// Admissions to `limit` bytes of parameters. When there is room for one that was set aside, the schedulers are woken.
    pub(crate) fn new(core: Core, catalog: Catalog, wake: Wake, limit: usize) -> Self {
        Self(Arc::new(Inner { core, catalog, wake, room: GivenRoom::new(limit) }))
    }

    /// Takes what `execution`, which this process has claimed, needs while it runs. Never waits.
    pub(crate) fn admit(&self, kind: Kind, execution: &Execution) -> Admission {
        let needed = self.0.room.needed(&execution.parameters).unwrap_or(0);
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

    /// What is registered as `action`, if its runs share something beside the room for parameters.
    fn sharing(&self, action: &Ref) -> Option<Arc<RegisteredAction>> {
        let content = self.0.catalog.content();
        let registered = content.action(action).ok()?;
        let runner = registered.runs.as_ref().and_then(Runs::runner);
        runner.is_some_and(|runner| runner.has_shares()).then(|| Arc::clone(registered))
    }

    /// Sets `one` aside until `start` is prepared, and begins with that unless it is under way.
    fn await_preparation(&self, kind: Kind, start: Start, one: SetAside) {
        let registered = one.registered.clone();
        if self.0.room.add_unprepared(kind, &start, one) {
            let preparation = Preparation { admissions: self.clone(), start, fails: true };
            let stop = self.0.core.stop_starting().clone();
            let work = preparation.make(registered);
            let until_stop = async move { stop.run_until_cancelled(work).await.unwrap_or_default() };
            self.0.core.spawn("prepare an action", until_stop);
        }
    }

    /// An execution that was set aside and for which there is room by now. Since then it may have ended.
    pub(crate) fn next(&self, kind: Kind) -> Option<(ExecutionId, Place)> {
        loop {
            let (one, turn) = self.0.room.next(kind)?;
            if let Turn::Runs(ticket) = turn {
                let SetAside { id, holder, needed, .. } = one;
                return Some((id, Place { admissions: self.clone(), holder, taken: needed, ticket }));
            }
            // Its pack was registered again, and it runs what is registered now.
            let registered = one.registered.and_then(|known| self.sharing(&known.action.reference));
            let one = SetAside { registered, ..one };
            match one.unprepared() {
                Some(start) => self.await_preparation(kind, start, one),
                None => self.0.room.add(kind, one),
            }
        }
    }

    /// Drops those of `ended` that were set aside: nobody waits for them any more.
    pub(crate) fn forget(&self, ended: &[ExecutionId]) {
        if self.0.room.forget(ended) {
            self.0.wake.all();
        }
    }
}

/// A preparation. When it has ended, in whatever way, those that wait for it are told.
struct Preparation {
    admissions: Admissions,
    start: Start,
    /// Until it has ended well.
    fails: bool,
}

impl Preparation {
    /// Prepares what `registered` starts from, as it is in the end. If that fails, whoever runs it hears why.
    async fn make(mut self, registered: Option<Arc<RegisteredAction>>) {
        let Some(registered) = registered else { return };
        let Some(runner) = registered.runs.as_ref().and_then(Runs::runner) else { return };
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
        self.admissions.0.room.line_up(&self.start, self.fails);
        self.admissions.0.wake.all();
    }
}

#[cfg(test)]
mod tests;
