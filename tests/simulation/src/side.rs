//! What the ledger knows of the event side: timers, the cursor of the sensor, internal events, and answers to questions.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::trigger::{ACTION_TRIGGER, CRON_TIMER, INTERVAL_TIMER};
use petrel_model::{ExecutionId, InternalEventId, Ref, SensorState, TimerState, Timestamp, TriggerInstance};
use petrel_persistence::{Change, Document, DocumentKey};
use serde_json::Value;

/// The seconds between two times of the timer of either type.
pub(crate) const INTERVAL_SECONDS: i64 = 7;
pub(crate) const CRON_SECONDS: i64 = 15;

/// What is known of the event side.
#[derive(Debug, Default)]
pub(crate) struct EventSide {
    /// The timers that are stored.
    pub(crate) timers: BTreeMap<Ref, TimerState>,
    /// The number up to which the sensor has come.
    pub(crate) cursor: u64,
    /// The internal events that are stored.
    pub(crate) outbox: BTreeSet<InternalEventId>,
    /// The executions whose ends events have told of.
    pub(crate) told_ends: BTreeSet<String>,
    /// The questions whose answers were acknowledged, with these.
    pub(crate) told_answers: BTreeMap<ExecutionId, usize>,
}

impl EventSide {
    /// Takes down a change.
    pub(crate) fn take(&mut self, change: &Change) {
        match change {
            Change::Put(Document::TimerState(state)) => {
                self.timers.insert(state.reference.clone(), state.clone());
            }
            Change::Delete(DocumentKey::TimerState(reference)) => {
                self.timers.remove(reference);
            }
            Change::Put(Document::SensorState(state)) => self.cursor = cursor(state).unwrap_or(self.cursor),
            Change::Put(Document::InternalEvent(event)) => {
                self.outbox.insert(event.id);
            }
            Change::Delete(DocumentKey::InternalEvent(id)) => {
                self.outbox.remove(id);
            }
            Change::CreateTriggerInstance(event) => self.told_ends.extend(told_end(event)),
            _ => {}
        }
    }
}

/// The number up to which the sensor has come.
pub(crate) fn cursor(state: &SensorState) -> Option<u64> {
    state.cursor.as_deref()?.as_u64()
}

/// The execution of whose end an event tells.
pub(crate) fn told_end(event: &TriggerInstance) -> Option<String> {
    let tells = event.trigger_type.as_str() == ACTION_TRIGGER;
    tells.then(|| said(event, "/execution_id")?.as_str().map(str::to_owned)).flatten()
}

/// The value at a place of the payload of an event.
pub(crate) fn said(event: &TriggerInstance, place: &str) -> Option<Value> {
    event.payload.parse().ok()?.pointer(place).cloned()
}

/// Whether events of this trigger type come from timers.
pub(crate) fn is_timer(kind: &Ref) -> bool {
    [INTERVAL_TIMER, CRON_TIMER].contains(&kind.as_str())
}

/// Whether a timer is due at this time.
pub(crate) fn is_time(state: &TimerState, at: Timestamp) -> bool {
    let Some((begins, step)) = pace(state) else { return false };
    let is_first = at == state.made_at && state.trigger.kind.as_str() == INTERVAL_TIMER;
    at >= state.made_at && !is_first && (at.as_micros() - begins).rem_euclid(step) == 0
}

/// The first time at which a timer is due that has not been dealt with, after the moment in which it was made.
pub(crate) fn next_time(state: &TimerState) -> Option<Timestamp> {
    let (begins, step) = pace(state)?;
    let passed = state.done_until.unwrap_or(state.made_at).as_micros() - begins;
    Some(Timestamp::from_micros(begins + (passed.div_euclid(step) + 1) * step))
}

/// Since when the times of a timer are counted, and how far they are apart, in microseconds.
fn pace(state: &TimerState) -> Option<(i64, i64)> {
    match state.trigger.kind.as_str() {
        INTERVAL_TIMER => Some((state.made_at.as_micros(), INTERVAL_SECONDS * 1_000_000)),
        CRON_TIMER => Some((0, CRON_SECONDS * 1_000_000)),
        _ => None,
    }
}
