//! The sensors in memory: the next turn of each, and those that are due, in the order of their times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_catalog::configuration::Configuration;
use petrel_model::capabilities::Rights;
use petrel_model::sensor::SensorError;
use petrel_model::{Ref, Sensor, SensorState, Timestamp};
use petrel_runners::OutputSink;
use petrel_runners::sensors::{SensorKind, SensorRunner, SensorTrigger};
use tokio_util::sync::CancellationToken;

use super::apart::Apart;
use super::lines::{Lines, ShownLine};
use super::{pace, told};

/// Sensors. Each is in line for its next turn, has its turn, or waits for something else.
#[derive(Default)]
pub(super) struct Board {
    live: BTreeMap<Ref, Live>,
    line: BTreeSet<(Timestamp, Ref)>,
    /// The number of turns that count for the limit.
    turns: usize,
    /// The number of turns that have given up their place in that limit, as their events are held.
    held: usize,
}

/// The greatest number of turns that wait for room beside those that count: their events are in memory.
const MOST_HELD: usize = 32;

/// A sensor as the catalog has it, with what it runs by.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) sensor: Arc<Sensor>,
    /// What runs it, if this host has that.
    pub(super) runner: Option<Arc<dyn SensorRunner>>,
    /// The configuration of its pack.
    pub(super) config: Arc<Configuration>,
    /// The triggers that it is to have events for.
    pub(super) triggers: Arc<[SensorTrigger]>,
    /// What its pack may do.
    pub(super) rights: Arc<Rights>,
}

/// A registered sensor.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them go together")]
pub(super) struct Live {
    pub(super) subject: Subject,
    /// The kind, once it is known.
    pub(super) kind: Option<SensorKind>,
    pub(super) state: SensorState,
    /// Its place in line.
    pub(super) due_at: Option<Timestamp>,
    /// Ends its turn, while it has one.
    pub(super) turn: Option<CancellationToken>,
    /// Why its events are held, while they are.
    pub(super) held: Option<String>,
    /// Whether its turn counts for the limit.
    counts: bool,
    /// Whether its turn has given up its place, as its events are held.
    has_yielded: bool,
    /// Whether it was registered again during its turn.
    is_renewed: bool,
    /// Whether it is registered no more.
    is_gone: bool,
    /// The number of those who wait for a turn of their own.
    claims: usize,
    lines: Lines,
    /// The lines of a stream that runs.
    sink: Option<OutputSink>,
    /// What is known of its process, while it has one.
    pub(super) apart: Option<Apart>,
}

/// The turn of a sensor. Nobody else changes its state meanwhile.
pub(super) struct Turn {
    pub(super) sensor: Arc<Sensor>,
    pub(super) runner: Arc<dyn SensorRunner>,
    pub(super) kind: Option<SensorKind>,
    pub(super) state: SensorState,
    pub(super) triggers: Arc<[SensorTrigger]>,
    pub(super) cancel: CancellationToken,
}

/// What came of a turn.
pub(super) struct Ended {
    pub(super) reference: Ref,
    pub(super) kind: Option<SensorKind>,
    pub(super) state: SensorState,
    /// When the sensor has its next turn.
    pub(super) next: Option<Timestamp>,
}

impl Turn {
    /// The end of this turn, with a state.
    pub(super) fn ended(&self, state: SensorState, next: Option<Timestamp>) -> Ended {
        Ended { reference: self.sensor.reference.clone(), kind: self.kind, state, next }
    }
}

impl Live {
    /// Whether it is to run, and can.
    fn may_run(&self) -> bool {
        self.subject.sensor.is_enabled() && self.subject.runner.is_some() && !self.is_gone
    }

    /// Has it go by these triggers. One with a process hears of others. Another stream begins anew: it may wait for something
    /// else and would not ask for them. The others are told at each call.
    fn tell(&mut self, triggers: &Arc<[SensorTrigger]>) {
        let names = |triggers: &[SensorTrigger]| -> Vec<Ref> {
            // The reference says all of a trigger.
            triggers.iter().map(|trigger| trigger.reference.clone()).collect()
        };
        if names(&self.subject.triggers) == names(triggers) {
            return;
        }
        self.subject.triggers = Arc::clone(triggers);
        if let Some(apart) = &self.apart
            && told::refuse_many(triggers).is_ok()
        {
            apart.tell(triggers);
            return;
        }
        if self.kind == Some(SensorKind::Stream)
            && let Some(turn) = &self.turn
        {
            turn.cancel();
            self.is_renewed = true;
        }
    }
}

impl Board {
    pub(super) fn get(&self, reference: &Ref) -> Option<&Live> {
        self.live.get(reference)
    }

    pub(super) fn get_mut(&mut self, reference: &Ref) -> Option<&mut Live> {
        self.live.get_mut(reference)
    }

    /// When the next sensor is due, if there is room for its turn.
    pub(super) fn first(&self, at_once: usize) -> Option<Timestamp> {
        self.line.first().filter(|_| self.turns < at_once).map(|(at, _)| *at)
    }

    /// Adds a sensor that is registered.
    pub(super) fn put(&mut self, subject: Subject, state: SensorState, now: Timestamp) {
        let reference = subject.sensor.reference.clone();
        let due = pace::at_start(&subject.sensor, &state, now);
        let live = Live {
            subject,
            kind: None,
            state,
            due_at: None,
            turn: None,
            held: None,
            counts: false,
            has_yielded: false,
            is_renewed: false,
            is_gone: false,
            claims: 0,
            lines: Lines::default(),
            sink: None,
            apart: None,
        };
        let due = live.may_run().then_some(due);
        self.live.insert(reference.clone(), live);
        self.line_up(&reference, due);
    }

    /// Takes over a sensor that may have been registered again, or configured. `false` if it is not there. One that waits after a
    /// failure is tried at once when its pack is granted something.
    pub(super) fn renew(&mut self, subject: &Subject, now: Timestamp) -> bool {
        let reference = &subject.sensor.reference;
        let Some(live) = self.live.get_mut(reference) else { return false };
        let is_same = !std::mem::take(&mut live.is_gone)
            && Arc::ptr_eq(&live.subject.sensor, &subject.sensor)
            && Arc::ptr_eq(&live.subject.config, &subject.config);
        if is_same {
            live.tell(&subject.triggers);
            let is_changed = live.subject.rights != subject.rights;
            live.subject.rights = Arc::clone(&subject.rights);
            if is_changed && live.state.failures > 0 && live.turn.is_none() && live.due_at.is_some() {
                let reference = reference.clone();
                self.line_up(&reference, Some(now));
            }
            return true;
        }
        live.subject = subject.clone();
        let was_polled = live.kind.take() == Some(SensorKind::Poll) && live.state.failures == 0;
        if let Some(turn) = &live.turn {
            // It goes on with what it is now.
            turn.cancel();
            live.is_renewed = true;
            return true;
        }
        let soon = now.plus(subject.sensor.poll_interval());
        let due = live.due_at.filter(|_| was_polled).map_or(now, |due| due.min(soon));
        let due = live.may_run().then_some(due);
        let reference = reference.clone();
        self.line_up(&reference, due);
        true
    }

    /// Ends what sensors do that are not registered any more. Gives those that have ended, and whether others have not.
    pub(super) fn gone(&mut self, is_registered: impl Fn(&Ref) -> bool) -> (Vec<Ref>, bool) {
        let (mut ended, mut are_there_others) = (Vec::new(), false);
        for (reference, live) in self.live.iter_mut().filter(|(reference, _)| !is_registered(reference)) {
            // It has no turn any more, however long it takes to forget it.
            live.is_gone = true;
            if let Some(due) = live.due_at.take() {
                self.line.remove(&(due, reference.clone()));
            }
            match &live.turn {
                Some(turn) => {
                    turn.cancel();
                    are_there_others = true;
                }
                None => ended.push(reference.clone()),
            }
        }
        (ended, are_there_others)
    }

    /// Removes a sensor. `false` if it cannot be removed yet, since it has its turn.
    pub(super) fn remove(&mut self, reference: &Ref) -> bool {
        let has_turn = self.live.get(reference).is_some_and(|live| live.turn.is_some());
        if !has_turn {
            self.line_up(reference, None);
            self.live.remove(reference);
        }
        !has_turn
    }

    /// The turn of the next sensor that is due at `now`, if there is room for it. `stop` ends all turns.
    pub(super) fn take_due(
        &mut self,
        now: Timestamp,
        at_once: usize,
        stop: &CancellationToken,
    ) -> Option<Turn> {
        while self.first(at_once).is_some_and(|first| first <= now) {
            let (_, reference) = self.line.pop_first()?;
            let Some(live) = self.live.get_mut(&reference) else { continue };
            live.due_at = None;
            // Whoever waits for a turn of their own puts it in line again.
            let Some(runner) = live.subject.runner.clone().filter(|_| live.claims == 0) else { continue };
            let cancel = stop.child_token();
            (live.turn, live.is_renewed) = (Some(cancel.clone()), false);
            // A stream has its turn for as long as it runs.
            live.counts = live.kind != Some(SensorKind::Stream);
            self.turns += usize::from(live.counts);
            let (sensor, kind) = (Arc::clone(&live.subject.sensor), live.kind);
            let triggers = Arc::clone(&live.subject.triggers);
            return Some(Turn { sensor, runner, kind, state: live.state.clone(), triggers, cancel });
        }
        None
    }

    /// Ends the turn of a sensor at `now`, with its new state.
    pub(super) fn end_turn(&mut self, ended: Ended, now: Timestamp) {
        let Ended { reference, kind, state, next } = ended;
        let Some(live) = self.live.get_mut(&reference) else { return };
        live.turn = None;
        if std::mem::take(&mut live.counts) {
            self.turns -= 1;
        }
        if std::mem::take(&mut live.has_yielded) {
            self.held -= 1;
        }
        (live.state, live.held, live.sink, live.apart) = (state, None, None, None);
        let next = if std::mem::take(&mut live.is_renewed) {
            Some(now)
        } else {
            live.kind = kind;
            next
        };
        let next = next.filter(|_| live.may_run() && live.claims == 0);
        self.line_up(&reference, next);
    }

    /// Ends the turn of a sensor, so that somebody else can have it: see [`take_claimed`](Self::take_claimed). `false` if the
    /// sensor is not there.
    pub(super) fn claim(&mut self, reference: &Ref) -> bool {
        let Some(live) = self.live.get_mut(reference) else { return false };
        live.claims += 1;
        if let Some(turn) = &live.turn {
            turn.cancel();
        }
        true
    }

    /// The turn of a sensor that was claimed, once it has ended its own. `Err` if the sensor is gone.
    pub(super) fn take_claimed(
        &mut self,
        reference: &Ref,
    ) -> Result<Option<(Option<SensorKind>, SensorState)>, ()> {
        let live = self.live.get_mut(reference).ok_or(())?;
        if live.turn.is_some() {
            return Ok(None);
        }
        live.turn = Some(CancellationToken::new());
        live.claims = live.claims.saturating_sub(1);
        let taken = (live.kind, live.state.clone());
        self.line_up(reference, None);
        Ok(Some(taken))
    }

    /// Has a sensor polled at `now` that waits for its time. `false` if it does not.
    pub(super) fn hurry(&mut self, reference: &Ref, now: Timestamp) -> bool {
        let Some(live) = self.live.get(reference) else { return false };
        if let Some(apart) = &live.apart {
            return apart.hurry();
        }
        let is_polled = live.kind != Some(SensorKind::Webhook) && live.turn.is_none();
        if is_polled && live.may_run() {
            self.line_up(reference, Some(now));
        }
        is_polled
    }

    /// Says why the events of a sensor are held, or that they are not. A turn that only waits leaves its place to others: what
    /// it waits for may concern its own rules alone.
    pub(super) fn hold(&mut self, reference: &Ref, why: Option<String>) {
        let Some(live) = self.live.get_mut(reference) else { return };
        if why.is_some() && live.counts && self.held < MOST_HELD {
            (live.counts, live.has_yielded) = (false, true);
            self.turns -= 1;
            self.held += 1;
        }
        live.held = why;
    }

    /// Counts events of a sensor that came outside of a poll.
    pub(super) fn count(&mut self, reference: &Ref, now: Timestamp, error: Option<SensorError>) {
        let Some(live) = self.live.get_mut(reference) else { return };
        match error {
            None => {
                live.state.events += 1;
                live.state.refusing = false;
                live.state.last_success_at = Some(now);
            }
            Some(error) => {
                live.state.refused += 1;
                live.state.refusing = true;
                live.state.last_error = Some(error);
            }
        }
    }

    /// Counts a failure, or the success, of a sensor that was given a request.
    pub(super) fn answered(&mut self, reference: &Ref, now: Timestamp, error: Option<SensorError>) {
        let Some(live) = self.live.get_mut(reference) else { return };
        match error {
            None => (live.state.failures, live.state.last_success_at) = (0, Some(now)),
            Some(error) => {
                live.state.failures = live.state.failures.saturating_add(1);
                live.state.last_error = Some(error);
            }
        }
    }

    /// Shows the lines of a stream that begins.
    pub(super) fn listen(&mut self, reference: &Ref, sink: OutputSink) {
        if let Some(live) = self.live.get_mut(reference) {
            live.sink = Some(sink);
        }
    }

    /// Keeps the lines of `sink`.
    pub(super) fn log(&mut self, reference: &Ref, now: Timestamp, sink: &OutputSink) {
        let lines = sink.take_with_ages();
        if let Some(live) = self.live.get_mut(reference).filter(|_| !lines.is_empty()) {
            live.lines.add(now, lines);
        }
    }

    /// The last lines of a sensor.
    pub(super) fn lines(&mut self, reference: &Ref, now: Timestamp) -> Vec<ShownLine> {
        let sink = self.live.get(reference).and_then(|live| live.sink.clone());
        if let Some(sink) = sink {
            self.log(reference, now, &sink);
        }
        self.live.get(reference).map(|live| live.lines.all()).unwrap_or_default()
    }

    fn line_up(&mut self, reference: &Ref, at: Option<Timestamp>) {
        let Some(live) = self.live.get_mut(reference) else { return };
        if let Some(before) = std::mem::replace(&mut live.due_at, at) {
            self.line.remove(&(before, reference.clone()));
        }
        self.line.extend(at.map(|at| (at, reference.clone())));
    }
}
