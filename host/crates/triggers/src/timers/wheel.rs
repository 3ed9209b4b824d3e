//! The timers in memory, in the order in which they fire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use petrel_model::{Ref, TimerState, Timestamp};
use petrel_rules::timers::Timer;

use super::late;
use crate::options::Misfire;

/// How long a timer that could not fire is put off: at first, and at most.
pub(super) const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Timers. Each is in line for the moment when it fires, is under way, or is never due again.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    timers: BTreeMap<Ref, Live>,
    line: BTreeSet<(Timestamp, Ref)>,
    under_way: usize,
}

/// A timer that rules listen to.
#[derive(Debug)]
struct Live {
    timer: Timer,
    state: TimerState,
    /// Its place in line.
    fires_at: Option<Timestamp>,
    is_under_way: bool,
    /// How long it is put off next time.
    pause: Duration,
}

/// A timer that is due.
#[derive(Debug)]
pub(super) struct Due {
    /// The time at which it is due.
    pub(super) at: Timestamp,
    /// Its state once it has fired.
    pub(super) state: TimerState,
}

impl Wheel {
    /// Whether there is a timer with this reference.
    pub(super) fn has(&self, reference: &Ref) -> bool {
        self.timers.contains_key(reference)
    }

    /// The references of the timers that are not under way.
    pub(super) fn idle(&self) -> impl Iterator<Item = &Ref> {
        self.timers.iter().filter(|(_, live)| !live.is_under_way).map(|(reference, _)| reference)
    }

    /// The number of timers under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// When the next timer fires.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.line.first().map(|(at, _)| *at)
    }

    /// Adds a timer.
    pub(super) fn put(&mut self, timer: Timer, state: TimerState) {
        let (reference, first) = (state.reference.clone(), timer.next(state.made_at, state.open_from()));
        let live = Live { timer, state, fires_at: None, is_under_way: false, pause: AGAIN.0 };
        self.timers.insert(reference.clone(), live);
        self.line_up(&reference, first);
    }

    /// Removes a timer that is not under way.
    pub(super) fn remove(&mut self, reference: &Ref) {
        self.line_up(reference, None);
        self.timers.remove(reference);
    }

    /// The next timer that is due at `now`, which is under way from then on.
    pub(super) fn take_due(&mut self, now: Timestamp, misfire: Misfire) -> Option<Due> {
        while self.first().is_some_and(|first| first <= now) {
            let (_, reference) = self.line.pop_first()?;
            let Some(live) = self.timers.get_mut(&reference) else { continue };
            live.fires_at = None;
            // One that was put off is due for as long as it has not fired.
            let Some(at) = late::chosen(&live.timer, &live.state, misfire, now) else { continue };
            live.is_under_way = true;
            self.under_way += 1;
            return Some(Due { at, state: live.state.fired(at) });
        }
        None
    }

    /// Puts a timer that has fired in line again, with its new state.
    pub(super) fn has_fired(&mut self, state: TimerState) {
        let reference = state.reference.clone();
        let Some(live) = self.timers.get_mut(&reference) else { return };
        let next = live.timer.next(state.made_at, state.open_from());
        (live.state, live.pause) = (state, AGAIN.0);
        self.end_way(&reference, next);
    }

    /// Puts a timer that could not fire in line again, for a while after `now`.
    pub(super) fn put_off(&mut self, reference: &Ref, now: Timestamp) {
        let Some(live) = self.timers.get_mut(reference) else { return };
        let next = now.plus(live.pause);
        live.pause = (live.pause * 2).min(AGAIN.1);
        self.end_way(reference, Some(next));
    }

    fn end_way(&mut self, reference: &Ref, next: Option<Timestamp>) {
        if let Some(live) = self.timers.get_mut(reference)
            && std::mem::take(&mut live.is_under_way)
        {
            self.under_way -= 1;
        }
        self.line_up(reference, next);
    }

    fn line_up(&mut self, reference: &Ref, at: Option<Timestamp>) {
        let Some(live) = self.timers.get_mut(reference) else { return };
        if let Some(before) = std::mem::replace(&mut live.fires_at, at) {
            self.line.remove(&(before, reference.clone()));
        }
        self.line.extend(at.map(|at| (at, reference.clone())));
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Trigger;
    use petrel_rules::timers::{INTERVAL, UTC};
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// A wheel with timers of these intervals, in seconds, made at 0; and their references.
    fn wheel(intervals: &[i64]) -> (Wheel, Vec<Ref>) {
        let mut wheel = Wheel::default();
        let mut references = Vec::new();
        for seconds in intervals {
            let parameters = json!({"unit": "seconds", "delta": seconds}).as_object().cloned().unwrap();
            let timer = Timer::new(INTERVAL, &parameters, &UTC).unwrap();
            let trigger = Trigger { kind: INTERVAL.parse().unwrap(), parameters };
            references.push(trigger.reference());
            wheel.put(timer, TimerState::new(trigger.reference(), trigger, at(0)));
        }
        (wheel, references)
    }

    #[test]
    fn timers_are_taken_in_the_order_in_which_they_are_due() {
        let (mut wheel, references) = wheel(&[3, 2]);
        assert_eq!(wheel.first(), Some(at(2)));
        assert!(wheel.take_due(at(1), Misfire::FireOnce).is_none());
        let taken = std::iter::from_fn(|| wheel.take_due(at(3), Misfire::FireOnce));
        let taken: Vec<_> = taken.map(|due| (due.at, due.state.reference)).collect();
        assert_eq!(taken, [(at(2), references[1].clone()), (at(3), references[0].clone())]);
        assert_eq!((wheel.under_way(), wheel.first(), wheel.idle().count()), (2, None, 0));
    }

    #[test]
    fn a_timer_that_could_not_fire_is_put_off_for_longer_each_time() {
        let (mut wheel, references) = wheel(&[60]);
        let mut now = at(60);
        for milliseconds in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let due = wheel.take_due(now, Misfire::FireOnce).unwrap();
            assert_eq!(due.at, at(60));
            wheel.put_off(&references[0], now);
            now = now.plus(Duration::from_millis(milliseconds));
            assert_eq!(wheel.first(), Some(now));
        }
        let due = wheel.take_due(now, Misfire::FireOnce).unwrap();
        wheel.has_fired(due.state);
        assert_eq!((wheel.first(), wheel.under_way()), (Some(at(120)), 0));
        let due = wheel.take_due(at(120), Misfire::FireOnce).unwrap();
        assert_eq!(due.at, at(120));
        wheel.put_off(&references[0], at(120));
        assert_eq!(wheel.first(), Some(at(120).plus(AGAIN.0)));
    }

    #[test]
    fn a_timer_that_is_removed_leaves_nothing_in_line() {
        let (mut wheel, references) = wheel(&[1, 2]);
        references.iter().for_each(|reference| wheel.remove(reference));
        assert!(wheel.first().is_none() && !wheel.has(&references[0]));
        assert!(wheel.take_due(at(10), Misfire::FireOnce).is_none());
    }
}
