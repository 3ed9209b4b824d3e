//! Correlation: what becomes of an event, and of a window that ends, by what is held of the events with the same key.
//!
//! | kind | it fires | and holds |
//! |---|---|---|
//! | `all_within` | when the last of the events comes | the latest of each, for as long as the window |
//! | `none_within` | when the window after the first event ends | the first, until another one comes |
//! | `once_within` | at the first event | the count, until the window after it ends |
//! | `once_after` | when none came for as long as the window | the first and the latest ones |
//! | `accumulate` | when the n-th event comes | those of the window that ends now |
//!
//! Windows slide where several events count (`all_within`, `accumulate`): an event counts for as long as the window from its
//! own time. After it has fired a key begins anew.

use petrel_model::correlation::{CorrelationKind, HeldEvent, MOST_HELD};
use petrel_model::{Correlation, CorrelationState, Ref, Timestamp, TraceId, TraceTag, depth, event_depth};
use serde_json::{Value, json};

/// The greatest payload of an event that is held, in bytes. Of a larger one only its id is.
pub const LARGEST_HELD: usize = 16 << 10;
/// The greatest number of bytes of the payloads that are held for a key.
pub const MOST_BYTES: usize = 128 << 10;
/// The depth of a payload in that of the event as which the rule fires, which must not be too deep itself.
const AROUND: usize = 3;

/// What a correlation fires with.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// The events, as far as they were held.
    pub events: Vec<HeldEvent>,
    /// The number of events.
    pub count: u64,
    /// The key of the events.
    pub group: String,
    /// The time of the first event.
    pub first_at: Timestamp,
    /// The time of the last one.
    pub last_at: Timestamp,
}

impl Firing {
    fn of(state: CorrelationState) -> Self {
        let CorrelationState { events, count, group, first_at, last_at, .. } = state;
        Self { events, count, group, first_at, last_at }
    }

    /// The trace of the event that came last.
    pub fn trace(&self) -> Option<TraceId> {
        self.last().map(|event| event.trace)
    }

    /// The tag of that trace, if it has one.
    pub fn trace_tag(&self) -> Option<TraceTag> {
        self.last()?.trace_tag.clone()
    }

    /// The event that came last, of those that were held.
    fn last(&self) -> Option<&HeldEvent> {
        self.events.iter().max_by_key(|event| event.at)
    }

    /// The greatest number of events of actions, and of notifications among them, that led to one of the events, as
    /// [`event_depth`] counts.
    pub fn depth(&self) -> u32 {
        self.events.iter().fold(0, |deepest, event| event_depth::deepest(deepest, event.depth))
    }

    /// The payload of the event as which the rule fires.
    pub fn payload(&self, rule: &Ref, kind: CorrelationKind) -> Value {
        let payload = |event: &HeldEvent| {
            let payload = event.payload.as_ref()?.parse().ok()?;
            (!depth::is_deeper(&payload, depth::LIMIT - AROUND)).then_some(payload)
        };
        let events = self.events.iter().map(|event| {
            json!({
                "trigger": event.trigger,
                "trigger_instance_id": event.id,
                "occurrence_time": event.at,
                "payload": payload(event),
            })
        });
        json!({
            "rule": rule,
            "kind": kind.as_str(),
            "key": self.group,
            "count": self.count,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "events": events.collect::<Vec<_>>(),
        })
    }
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is held from now on; nothing if `None`.
    pub state: Option<CorrelationState>,
    /// What fires, if anything does.
    pub firing: Option<Firing>,
}

impl Step {
    fn held(state: CorrelationState) -> Self {
        Self { state: Some(state), firing: None }
    }

    fn fired(state: CorrelationState) -> Self {
        Self { state: None, firing: Some(Firing::of(state)) }
    }
}

/// What fires as the window of `state` ends, if anything does. Nothing is held afterwards.
pub fn ended(correlation: &Correlation, state: CorrelationState) -> Option<Firing> {
    match correlation.kind {
        CorrelationKind::NoneWithin | CorrelationKind::OnceAfter => Some(Firing::of(state)),
        CorrelationKind::AllWithin | CorrelationKind::OnceWithin | CorrelationKind::Accumulate => None,
    }
}

/// What becomes of `event`, where `state` is held: that of a window which has not ended at the time of the event. Without
/// one, `new` is an empty state.
pub fn taken(
    correlation: &Correlation,
    state: Option<CorrelationState>,
    new: impl FnOnce() -> CorrelationState,
    event: HeldEvent,
) -> Step {
    let within = correlation.within;
    match (correlation.kind, state) {
        (CorrelationKind::AllWithin, state) => {
            let mut state = of_the_window(correlation, state.unwrap_or_else(new), event.at);
            state.events.retain(|held| held.part != event.part);
            add(&mut state, event);
            state.count = state.events.len() as u64;
            state.due_at = state.last_at.plus(within);
            if state.events.len() <= correlation.events.len() {
                return Step::held(state);
            }
            state.events.sort_by_key(|held| held.part);
            Step::fired(state)
        }
        // Another one than the first has come in time, or before any.
        (CorrelationKind::NoneWithin, _) if event.part > 0 => Step { state: None, firing: None },
        (CorrelationKind::NoneWithin | CorrelationKind::OnceWithin, Some(mut state)) => {
            state.count += 1;
            state.last_at = state.last_at.max(event.at);
            Step::held(state)
        }
        (CorrelationKind::NoneWithin, None) => Step::held(first(new(), event, within)),
        (CorrelationKind::OnceWithin, None) => {
            let mut state = first(new(), event, within);
            let firing = Some(Firing::of(state.clone()));
            // The rest is only counted.
            state.events.clear();
            Step { state: Some(state), firing }
        }
        (CorrelationKind::OnceAfter, state) => {
            let mut state = state.unwrap_or_else(new);
            if state.events.len() >= MOST_HELD {
                // The first one tells how it began, and the others how it goes on.
                state.events.remove(1);
            }
            add(&mut state, event);
            state.count += 1;
            state.due_at = state.last_at.plus(within);
            Step::held(state)
        }
        (CorrelationKind::Accumulate, state) => {
            let mut state = of_the_window(correlation, state.unwrap_or_else(new), event.at);
            add(&mut state, event);
            state.count = state.events.len() as u64;
            state.due_at = state.last_at.plus(within);
            if state.events.len() < correlation.count { Step::held(state) } else { Step::fired(state) }
        }
    }
}

/// The number of bytes of the payloads that are held.
pub fn bytes(state: &CorrelationState) -> usize {
    let payloads = state.events.iter().filter_map(|event| event.payload.as_ref());
    payloads.map(|payload| payload.text().len()).sum()
}

/// The state without the events that count no more at `now`.
fn of_the_window(correlation: &Correlation, mut state: CorrelationState, now: Timestamp) -> CorrelationState {
    state.events.retain(|held| held.at.plus(correlation.within) > now);
    if let Some(first) = state.events.iter().map(|held| held.at).min() {
        state.first_at = first;
    } else {
        state.first_at = now;
    }
    state
}

/// The state of a window that begins with `event`.
fn first(mut state: CorrelationState, event: HeldEvent, within: std::time::Duration) -> CorrelationState {
    state.due_at = event.at.plus(within);
    state.count = 1;
    add(&mut state, event);
    state
}

/// Adds an event; its payload only if there is room for it.
fn add(state: &mut CorrelationState, mut event: HeldEvent) {
    let held = bytes(state);
    event.payload = event.payload.filter(|payload| {
        payload.text().len() <= LARGEST_HELD && held.saturating_add(payload.text().len()) <= MOST_BYTES
    });
    state.last_at = state.last_at.max(event.at);
    state.events.push(event);
}

#[cfg(test)]
mod tests;
