//! The invariants of the event side, at each commit ([`before`] it is recorded), at rest ([`at_rest`]) and in the end
//! ([`at_the_end`]): timers, the sensor, internal events, policies and questions. Pure, as those beside them.

use petrel_model::trigger::ACTION_TRIGGER;
use petrel_model::{
    Execution, ExecutionId, SensorState, Status, TimerState, Timestamp, TriggerInstance, inquiry,
};
use petrel_persistence::{Change, Document, DocumentKey};
use serde_json::Value;

use crate::ledger::{Ledger, Violation};
use crate::pack::{ASKED_FOR, LIMITED, SENSOR, TRIED_AGAIN};
use crate::side::{cursor, is_time, is_timer, said, told_end};

/// Each time of a timer fires once at most, when it has come, and in the commit of its event.
pub(crate) const TIMES: &str = "a time of a timer fires once, with its event";
/// A timer that is due fires. Of several times that have passed it fires for the last one.
pub(crate) const LATE: &str = "a timer that is due fires";
/// The events of a poll and the cursor behind them are one commit; no number is missing, and none is there twice.
pub(crate) const CURSOR: &str = "a cursor is where the events of its sensor end";
/// An internal event leaves the outbox once, in the commit of what comes of it, and tells of each end once.
pub(crate) const OUTBOX: &str = "an internal event is taken once";
/// No more executions run at once than the policy of their action lets.
pub(crate) const LIMITS: &str = "no policy lets too many run";
/// What has failed is tried again in the commit of the failure, once, and as often as its policy says.
pub(crate) const AGAIN: &str = "a failure is tried again as its policy says";
/// A question is answered once, with what was acknowledged, and is open for its time.
pub(crate) const ANSWERS: &str = "a question is answered once";

fn violated(invariant: &'static str, what: String) -> Violation {
    Violation { invariant, what }
}

/// What is wrong with a commit, by what was known before it.
pub(crate) fn before(ledger: &Ledger, changes: &[Change], now: Timestamp) -> Vec<Violation> {
    let events: Vec<&TriggerInstance> = changes.iter().filter_map(created).collect();
    let mut found = Vec::new();
    for change in changes {
        match change {
            Change::Put(Document::TimerState(state)) => found.extend(fired(ledger, state, &events, now)),
            Change::UpdateExecution(execution) => {
                found.extend(too_many(ledger, execution));
                found.extend(tried_again(ledger, execution, changes));
                found.extend(timed_out(execution, now));
            }
            Change::Delete(DocumentKey::InternalEvent(id)) if !ledger.side.outbox.contains(id) => {
                found.push(violated(OUTBOX, format!("{id} is taken, and is not in the outbox")));
            }
            _ => {}
        }
    }
    let untimed = events.iter().filter(|event| is_timer(&event.trigger_type) && !has_state(event, changes));
    found.extend(
        untimed
            .map(|event| violated(TIMES, format!("{} fires, and its state stays", event.trigger.as_str()))),
    );
    found.extend(polled(ledger, &events, changes));
    found.extend(taken(ledger, &events, changes));
    found
}

fn created(change: &Change) -> Option<&TriggerInstance> {
    if let Change::CreateTriggerInstance(event) = change { Some(event) } else { None }
}

/// Whether an event is of the timer in this state, for the time for which that has fired last.
fn is_of(event: &TriggerInstance, state: &TimerState) -> bool {
    let due: Option<Value> = state.last_due_at.map(|due| due.as_python_prints().into());
    event.trigger == state.reference && due.is_some() && said(event, "/scheduled_at") == due
}

/// Whether the event of a timer is stored with the state of that.
fn has_state(event: &TriggerInstance, changes: &[Change]) -> bool {
    changes
        .iter()
        .any(|change| matches!(change, Change::Put(Document::TimerState(state)) if is_of(event, state)))
}

/// What is wrong with the new state of a timer.
fn fired(
    ledger: &Ledger,
    state: &TimerState,
    events: &[&TriggerInstance],
    now: Timestamp,
) -> Option<Violation> {
    let name = state.reference.as_str();
    let wrong = |what: String| Some(violated(TIMES, format!("{name} {what}")));
    let Some(known) = ledger.side.timers.get(&state.reference) else {
        return state.last_due_at.and_then(|due| wrong(format!("begins with the time {due}")));
    };
    let (due, done) = (state.last_due_at, known.done_until);
    let due = due.filter(|_| due != known.last_due_at)?;
    if done.is_some_and(|done| due <= done) || state.made_at != known.made_at {
        return wrong(format!("fires for {due}, and everything up to {done:?} is done"));
    }
    if due > now || !is_time(known, due) {
        return wrong(format!("fires for {due}, which is none of its times, at {now}"));
    }
    let count = events.iter().filter(|event| is_of(event, state)).count();
    if count == 1 { None } else { wrong(format!("fires for {due} with {count} events")) }
}

/// What is wrong with the events of the sensor, and with its cursor.
fn polled(ledger: &Ledger, events: &[&TriggerInstance], changes: &[Change]) -> Option<Violation> {
    let of_sensor = events.iter().filter(|event| event.trigger_type.as_str() == SENSOR.1);
    let mut numbers: Vec<u64> = of_sensor.filter_map(|event| said(event, "/n")?.as_u64()).collect();
    numbers.sort_unstable();
    let state = |change: &Change| match change {
        Change::Put(Document::SensorState(state)) => Some(state.clone()),
        _ => None,
    };
    let state: Option<SensorState> = changes.iter().find_map(state);
    let from = ledger.side.cursor;
    let to = state.as_ref().and_then(cursor).unwrap_or(from);
    let is_fine = numbers.iter().copied().eq(from + 1..=to);
    (!is_fine).then(|| violated(CURSOR, format!("it moves from {from} to {to} with the events {numbers:?}")))
}

/// What is wrong with the events that tell of ends.
fn taken(ledger: &Ledger, events: &[&TriggerInstance], changes: &[Change]) -> Option<Violation> {
    let telling: Vec<_> =
        events.iter().filter(|event| event.trigger_type.as_str() == ACTION_TRIGGER).collect();
    let is_taken = |change: &&Change| matches!(change, Change::Delete(DocumentKey::InternalEvent(_)));
    let mut ends = telling.iter().filter_map(|event| told_end(event));
    if let Some(id) = ends.find(|id| ledger.side.told_ends.contains(id)) {
        return Some(violated(OUTBOX, format!("an event tells of the end of {id} a second time")));
    }
    let left = changes.iter().filter(is_taken).count();
    (telling.len() > left)
        .then(|| violated(OUTBOX, format!("{} events are made of {left} internal ones", telling.len())))
}

/// What is wrong when an execution begins to run.
fn too_many(ledger: &Ledger, execution: &Execution) -> Option<Violation> {
    let limit = limit(execution.action.as_str()).filter(|_| execution.status == Status::Running)?;
    let others = running(ledger, execution.action.as_str(), |id| id != execution.id);
    let name = ledger.name(execution.id);
    (others >= limit).then(|| violated(LIMITS, format!("{name} runs beside {others}, and {limit} may")))
}

/// The number of executions of an action that may run at once, if a policy says so.
pub(crate) fn limit(action: &str) -> Option<usize> {
    LIMITED.iter().find(|(limited, _)| *limited == action).map(|(_, limit)| *limit)
}

/// How many executions of an action run, of those that `counts`.
pub(crate) fn running(ledger: &Ledger, action: &str, counts: impl Fn(ExecutionId) -> bool) -> usize {
    let runs = |status: Status| matches!(status, Status::Running | Status::Canceling);
    ledger.open().filter(|(id, known)| known.action == action && runs(known.status) && counts(*id)).count()
}

/// What is wrong with the next attempt at an execution that fails.
fn tried_again(ledger: &Ledger, execution: &Execution, changes: &[Change]) -> Option<Violation> {
    let (action, most) = TRIED_AGAIN;
    let fails = execution.status == Status::Failed && execution.parent.is_none();
    if execution.action.as_str() != action || !fails {
        return None;
    }
    let is_next = |change: &&Change| {
        let Change::CreateExecution(next) = change else { return false };
        let retry = next.context.policies.retry.as_ref();
        retry.is_some_and(|retry| retry.retried_liveaction_id == execution.id)
    };
    let (before, next) = (execution.context.policies.retries(), changes.iter().filter(is_next).count());
    let name = ledger.name(execution.id);
    let is_fine = next == usize::from(before < most);
    (!is_fine)
        .then(|| violated(AGAIN, format!("{name} fails after {before} attempts, and {next} more are made")))
}

/// What is wrong with the end of a question that nobody has answered.
fn timed_out(execution: &Execution, now: Timestamp) -> Option<Violation> {
    if execution.runner != inquiry::NAME || execution.status != Status::Timeout {
        return None;
    }
    let asked = execution.log.iter().find(|entry| entry.status == Status::Pending)?.timestamp;
    let is_early = asked.plus(ASKED_FOR) > now;
    is_early
        .then(|| violated(ANSWERS, format!("{} was asked at {asked} and times out at {now}", execution.id)))
}

/// What does not hold when all is at rest: each answer that was acknowledged is stored.
pub(crate) fn at_rest(ledger: &Ledger) -> Vec<Violation> {
    let differs = |(id, n): (&ExecutionId, &usize)| {
        let known = ledger.executions.get(id)?;
        let is_stored =
            known.status == Status::Succeeded && known.answer == Some(u64::try_from(*n).unwrap_or(u64::MAX));
        let (name, status, answer) = (&known.name, known.status, known.answer);
        (!is_stored).then(|| {
            violated(ANSWERS, format!("{name} was answered with {n}, and is {status} with {answer:?}"))
        })
    };
    ledger.side.told_answers.iter().filter_map(differs).collect()
}

/// What does not hold in the end: nothing waits in the outbox.
pub(crate) fn at_the_end(ledger: &Ledger) -> Vec<Violation> {
    let left = ledger.side.outbox.len();
    (left > 0)
        .then(|| violated(OUTBOX, format!("{left} internal events are never taken")))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests;
