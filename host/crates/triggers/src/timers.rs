//! Timers: the task that fires triggers of the types `core.st2.*Timer` when they are due.
//!
//! It follows the catalog: a timer begins with the first enabled rule that listens to it and ends with the last, and all
//! rules with the same parameters share it. Its state is a document that advances in the commit of each event, so that
//! no time fires twice, and the next process goes on where this one was. An event that is refused, as too much waits, is
//! tried again.
//!
//! `wheel` has the timers in memory in the order in which they are due, `late` decides what becomes of several times that
//! have passed, `event` makes the events, and `shown` says when timers are due, for people. [`petrel_rules::timers`] has the
//! times.
//!
//! All of it goes by the host's own time, which nobody can set and which never goes back.

mod event;
mod late;
mod shown;
mod wheel;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use petrel_engine_core::Error;
use petrel_executions::{self as executions, Stage};
use petrel_model::{Ref, TimerState, Trigger};
use petrel_persistence::Change;
use petrel_rules::timers::{Timer, UTC};
use tokio::sync::mpsc;

use crate::alarm::sleep_until;
use crate::left_behind::left_behind;
use crate::options::Misfire;
use crate::service::Triggers;
pub use shown::Shown;
use wheel::{AGAIN, Due, Wheel};

/// How many timers fire at once.
const AT_ONCE: usize = 64;
/// The longest sleep until a timer is due: a machine that was suspended meanwhile does not count that as sleep.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// How late a timer must be for a line in the log.
const LATE: Duration = Duration::from_secs(1);

impl Triggers {
    /// Fires timers when they are due, until the host stops.
    pub async fn run_timers(self) {
        let stop = self.core().stop_starting().clone();
        stop.run_until_cancelled(Timekeeper::new(self).run()).await;
    }

    /// Stores the event of a timer that is due, with its consequences and the state of the timer after it.
    async fn fire(&self, due: &Due) -> Result<(), Error> {
        let (reference, content) = (&due.state.reference, self.content());
        if content.timer(reference).is_none() {
            return Err(Error::Busy("no rule listens to it any more".into()));
        }
        let kind = due.state.trigger.kind.clone();
        let event = event::of(due.at, self.core().now());
        self.accept(reference.clone(), kind, event, vec![Change::put(due.state.clone())], content).await?;
        let late = self.core().now().since(due.at);
        executions::stage(Stage::TimerWait, late);
        if late >= LATE && self.core().may_log(reference.as_str()).is_some() {
            tracing::info!(timer = %reference, due = %due.at, seconds = late.as_secs(), "a timer fired late");
        }
        Ok(())
    }
}

/// The task that watches timers.
struct Timekeeper {
    triggers: Triggers,
    wheel: Wheel,
    /// The states that an earlier process has left and that are not taken up yet.
    left: BTreeMap<Ref, TimerState>,
    /// The version of the catalog that is followed.
    seen: Option<u64>,
    /// When it is tried again to follow the catalog, after a failure, and the pause after the next one.
    again_at: Option<Instant>,
    pause: Duration,
    sender: mpsc::Sender<Fired>,
    fired: mpsc::Receiver<Fired>,
}

impl Timekeeper {
    fn new(triggers: Triggers) -> Self {
        let (sender, fired) = mpsc::channel(AT_ONCE);
        let (wheel, left) = (Wheel::default(), BTreeMap::new());
        Self { triggers, wheel, left, seen: None, again_at: None, pause: AGAIN.0, sender, fired }
    }

    async fn run(mut self) {
        self.left = left_behind(&self.triggers, "timers").await;
        let triggers = self.triggers.clone();
        let (core, catalog) = (triggers.core(), triggers.catalog());
        loop {
            let version = catalog.version();
            let may_follow = self.again_at.is_none_or(|at| at <= core.monotonic());
            if self.seen != Some(version) && may_follow {
                self.follow_to(version).await;
            }
            self.fire_due();
            let alarm = self.alarm();
            tokio::select! {
                biased;
                () = catalog.changed_since(version) => {}
                Some(fired) = self.fired.recv() => self.take_in(fired),
                () = sleep_until(core, alarm) => {}
            }
        }
    }

    /// Follows the catalog to this version, or tries again later.
    async fn follow_to(&mut self, version: u64) {
        match self.follow().await {
            Ok(()) => (self.seen, self.again_at, self.pause) = (Some(version), None, AGAIN.0),
            Err(error) => {
                let core = self.triggers.core();
                if let Some(left_out) = core.may_log("the timers of the catalog") {
                    tracing::warn!(%error, hint = error.hint(), left_out, "failed to begin or end timers; trying again");
                }
                self.again_at = core.monotonic().checked_add(self.pause);
                self.pause = (self.pause * 2).min(AGAIN.1);
            }
        }
    }

    /// Begins timers that rules listen to by now, and ends those that none listens to any more.
    async fn follow(&mut self) -> Result<(), Error> {
        let (content, now) = (self.triggers.content(), self.triggers.core().now());
        let (mut begun, mut changes) = (Vec::new(), Vec::new());
        for (reference, trigger) in content.timers().filter(|(reference, _)| !self.wheel.has(reference)) {
            let timer = match Timer::new(trigger.kind.as_str(), &trigger.parameters, &UTC) {
                Ok(timer) => timer,
                // It was checked when its rule was made, perhaps by another version.
                Err(error) => {
                    tracing::warn!(timer = %reference, %error, "a timer never fires; correct trigger.parameters of its rules");
                    continue;
                }
            };
            let state = if let Some(left) = self.left.get(reference) {
                let state = self.taken_up(&timer, left);
                // What is passed over stays so, whatever the next start is told.
                changes.extend((state != *left).then(|| Change::put(state.clone())));
                state
            } else {
                let made = TimerState::new(reference.clone(), Trigger::clone(trigger), now);
                changes.push(Change::put(made.clone()));
                made
            };
            begun.push((timer, state));
        }
        let is_gone = |reference: &&Ref| content.timer(reference).is_none();
        let gone: Vec<Ref> = self.wheel.idle().chain(self.left.keys()).filter(is_gone).cloned().collect();
        // A snapshot that is kept for long makes the next change copy the catalog.
        drop(content);
        changes.extend(gone.iter().cloned().map(Change::delete::<TimerState>));
        if !changes.is_empty() {
            self.triggers.core().commit(Vec::new(), changes).await?;
        }
        self.left.clear();
        gone.iter().for_each(|reference| self.wheel.remove(reference));
        begun.into_iter().for_each(|(timer, state)| self.wheel.put(timer, state));
        Ok(())
    }

    /// The state with which a timer of an earlier process goes on.
    fn taken_up(&self, timer: &Timer, left: &TimerState) -> TimerState {
        let now = self.triggers.core().now();
        if self.triggers.misfire() != Misfire::Skip {
            return left.clone();
        }
        if let Some(missed) = timer.next(left.made_at, left.open_from()).filter(|missed| *missed < now) {
            tracing::info!(timer = %left.reference, %missed, "a timer was due while the host was down, and is not fired for that (timers.misfire)");
        }
        left.passed_over(now)
    }

    /// Has all timers fire that are due.
    fn fire_due(&mut self) {
        let (core, misfire) = (self.triggers.core(), self.triggers.misfire());
        let now = core.now();
        while self.wheel.under_way() < AT_ONCE
            && let Some(due) = self.wheel.take_due(now, misfire)
        {
            let mut report = Report::new(&due, self.sender.clone());
            let triggers = self.triggers.clone();
            core.spawn("timer", async move {
                let result = triggers.fire(&due).await;
                report.set(result.map(|()| due.state));
            });
        }
    }

    /// When the next timer fires, or the catalog is followed again.
    fn alarm(&self) -> Option<Instant> {
        let core = self.triggers.core();
        // Otherwise one that has fired makes room, and is heard.
        let has_room = self.wheel.under_way() < AT_ONCE;
        let first = self.wheel.first().filter(|_| has_room);
        let until_first = first.map(|first| first.since(core.now()).min(LONGEST_SLEEP));
        let first = until_first.and_then(|left| core.monotonic().checked_add(left));
        first.into_iter().chain(self.again_at).min()
    }

    /// Takes in what became of a timer that was due.
    fn take_in(&mut self, Fired { reference, result }: Fired) {
        let core = self.triggers.core();
        let is_gone = self.triggers.content().timer(&reference).is_none();
        match result {
            Ok(state) => self.wheel.has_fired(state),
            Err(error) => {
                if !is_gone
                    && !core.is_stopping()
                    && let Some(left_out) = core.may_log(reference.as_str())
                {
                    tracing::warn!(timer = %reference, %error, hint = error.hint(), left_out, "failed to fire a timer; trying again");
                }
                self.wheel.put_off(&reference, core.now());
            }
        }
        if is_gone {
            // It could not be ended while it was under way.
            self.seen = None;
        }
    }
}

/// A timer that was due, and the state that is stored if it has fired.
struct Fired {
    reference: Ref,
    result: Result<TimerState, Error>,
}

/// The report about a timer that is due. It is sent on drop, so that no end of its task leaves it out.
struct Report {
    fired: Option<Fired>,
    sender: mpsc::Sender<Fired>,
}

impl Report {
    fn new(due: &Due, sender: mpsc::Sender<Fired>) -> Self {
        let result = Err(Error::Internal("its task has ended early".into()));
        Self { fired: Some(Fired { reference: due.state.reference.clone(), result }), sender }
    }

    fn set(&mut self, result: Result<TimerState, Error>) {
        if let Some(fired) = &mut self.fired {
            fired.result = result;
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(fired) = self.fired.take() {
            // There is a place for each that is under way, and nobody listens once the host stops.
            drop(self.sender.try_send(fired));
        }
    }
}
