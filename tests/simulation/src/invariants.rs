//! The invariants: at each commit ([`before`] and [`after`] it is recorded), whenever all is at rest ([`at_rest`]), and in
//! the end ([`at_the_end`]). Pure: the known state in, violations out.
//!
//! Those of `petrel_crash::invariants` are asked there, by the names that they have there: `lost`, `left_behind` and
//! `effects` in the end (`violations`), `open_inside_ended` at every rest. The others need more than can be seen from
//! outside a process: that a status moves legally and once, what a commit holds together, what the logs of workflows
//! say of what is inside them, which ids are minted, which slots are taken. [`events`] has those of the event side.

use std::collections::BTreeSet;

use petrel_crash::invariants::{Acknowledged, Inside, Observed, Stored, open_inside_ended, violations};
use petrel_model::execution::LogEntry;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{
    Enforcement, Execution, ExecutionId, Status, StatusEvent, Timestamp, WorkflowEntry, WorkflowEvent,
};
use petrel_persistence::Change;

use crate::ledger::{Known, Ledger, RUNNER, Violation, is_final};

pub(crate) mod events;

/// What was acknowledged is there.
pub(crate) const LOST: &str = "nothing acknowledged is lost";
/// A status moves by the table of `Status::after`, its log only grows, and its version with it.
pub(crate) const MOVES: &str = "every status moves legally";
/// A final status never changes.
pub(crate) const ENDS: &str = "an execution ends once";
/// A run does not begin once somebody was told that it is canceled.
pub(crate) const CANCELED: &str = "nothing runs after its cancel was acknowledged";
/// A run that is not idempotent begins after its start was stored.
pub(crate) const EFFECTS: &str = "nothing has an effect before its start was stored";
/// Nothing is open inside a workflow that has ended; its log says of what is inside it what that says of itself, once.
pub(crate) const AGREES: &str = "a workflow agrees with what is inside it";
/// What is due runs when there is a slot for it, and a slot is free when nothing runs in it.
pub(crate) const SLOTS: &str = "no running slot leaks";
/// An enforcement, its event and its execution name each other, in one commit.
pub(crate) const ENFORCED: &str = "enforcements agree with executions";
/// An id is minted once, at the time of what it is of, and after the id of what that is inside of.
pub(crate) const IDS: &str = "ids are unique and in order";
/// What has ended is kept for as long as the settings say, and with the workflow that it is inside of.
pub(crate) const KEPT: &str = "nothing is deleted before its time";
/// The rules that are registered are those that somebody was told of.
pub(crate) const RULES: &str = "rules are as their makers were told";
/// All that can end has ended when the clock was turned for long enough.
pub(crate) const LEFT: &str = "everything that can end ends";

fn violated(invariant: &'static str, what: String) -> Violation {
    Violation { invariant, what }
}

/// What is wrong with a commit, by what was known before it.
pub(crate) fn before(ledger: &Ledger, changes: &[Change], now: Timestamp) -> Vec<Violation> {
    let mut found = Vec::new();
    for change in changes {
        match change {
            Change::CreateExecution(execution) => created(ledger, execution, now, &mut found),
            Change::UpdateExecution(execution) => moved(ledger, execution, &mut found),
            Change::CreateEnforcement(enforcement) => found.extend(enforced(changes, enforcement)),
            Change::AppendWorkflow { execution, sequence, entries } => {
                appended(ledger, (*execution, *sequence), entries, &mut found);
            }
            Change::DeleteExecution(id) => found.extend(deleted(ledger, changes, *id, now)),
            Change::DeleteTriggerInstance(id) => {
                let is_old = |occurred_at: Timestamp| occurred_at.plus(ledger.kept) <= now;
                if !ledger.events.get(id).is_some_and(|event| is_old(event.occurred_at)) {
                    found.push(violated(KEPT, format!("the event {id} is deleted")));
                }
            }
            _ => {}
        }
    }
    found
}

/// A new execution: its id, its place, and the statuses that it has had already.
fn created(ledger: &Ledger, execution: &Execution, now: Timestamp, found: &mut Vec<Violation>) {
    let (id, minted) = (execution.id, execution.id.0.created_at().as_millis());
    if ledger.executions.contains_key(&id) {
        found.push(violated(IDS, format!("{id} is minted a second time")));
    }
    if minted < execution.requested_at.as_millis() || minted > now.as_millis() {
        found.push(violated(IDS, format!("{id} is not of the time of its request")));
    }
    if let Some(parent) = execution.parent.as_ref().map(|parent| parent.execution) {
        if parent >= id {
            found.push(violated(IDS, format!("{id} is older than the workflow {parent} that asked for it")));
        }
        if ledger.executions.get(&parent).is_none_or(|above| above.status.is_final()) {
            let what =
                format!("{} has ended and asks for {}", ledger.name(parent), execution.action.as_str());
            found.push(violated(AGREES, what));
        }
    }
    found.extend(illegal(&execution.log, execution).map(|what| violated(MOVES, what)));
}

/// An execution that moves: from where it was.
fn moved(ledger: &Ledger, execution: &Execution, found: &mut Vec<Violation>) {
    let Some(known) = ledger.executions.get(&execution.id) else {
        found.push(violated(LOST, format!("{} moves and was never created", execution.id)));
        return;
    };
    let name = &known.name;
    if known.status.is_final() {
        let what = format!("{name} has ended, {}, and moves on to {}", known.status, execution.status);
        found.push(violated(ENDS, what));
    }
    if execution.version <= known.version {
        found.push(violated(MOVES, format!("{name} moves and stays at version {}", known.version)));
    }
    // A log that has grown long leaves out its middle.
    let is_all = execution.log.iter().all(|entry| entry.left_out == 0);
    if is_all && !execution.log.starts_with(&known.log) {
        found.push(violated(MOVES, format!("{name} forgets statuses that it has had")));
    }
    found.extend(illegal(&execution.log, execution).map(|what| violated(MOVES, format!("{name}: {what}"))));
}

/// Why an execution cannot have had these statuses.
fn illegal(log: &[LogEntry], execution: &Execution) -> Option<String> {
    let is_legal = |pair: &[LogEntry]| match pair {
        [one, next] => {
            one.timestamp <= next.timestamp
                && (next.left_out > 0
                    || StatusEvent::ALL.iter().any(|event| one.status.after(*event) == Ok(next.status)))
        }
        _ => true,
    };
    let says_so = log.first().is_some_and(|first| first.status == Status::Requested)
        && log.last().is_some_and(|last| last.status == execution.status)
        && execution.ended_at.is_some() == execution.status.is_final();
    let is_fine = says_so && log.windows(2).all(is_legal);
    let statuses = || log.iter().map(|entry| entry.status.as_str()).collect::<Vec<_>>().join(">");
    (!is_fine).then(|| format!("{} is {} after {}", execution.id, execution.status, statuses()))
}

/// What is wrong with an enforcement: it is made with its event, and with its execution if it has one.
fn enforced(changes: &[Change], enforcement: &Enforcement) -> Option<Violation> {
    let event = enforcement.trigger_instance_id;
    let names_it = |change: &Change| {
        matches!(change, Change::CreateTriggerInstance(instance)
            if instance.id == event && instance.enforcements.contains(&enforcement.id))
    };
    let is_its_own = |change: &Change, id: ExecutionId| {
        let Change::CreateExecution(execution) = change else { return false };
        let context = &execution.context;
        execution.id == id
            && execution.parent.is_none()
            && context.trigger_instance.as_ref().is_some_and(|origin| origin.id == event)
            && context.rule.as_ref().is_some_and(|origin| origin.id == enforcement.rule_id)
    };
    let id = enforcement.execution_id;
    let has_execution = id.is_none_or(|id| changes.iter().any(|change| is_its_own(change, id)));
    let has_failed = enforcement.failure_reason.is_some();
    let says_so = has_failed == (enforcement.status == EnforcementStatus::Failed);
    let is_fine = says_so && (has_failed || id.is_some()) && has_execution && changes.iter().any(names_it);
    (!is_fine).then(|| violated(ENFORCED, format!("{enforcement:?}")))
}

/// What is wrong with the next entries of a workflow's log, by what it had before.
fn appended(
    ledger: &Ledger,
    (workflow, sequence): (ExecutionId, u64),
    entries: &[WorkflowEntry],
    found: &mut Vec<Violation>,
) {
    let (name, length) = (ledger.name(workflow), ledger.logs.get(&workflow).copied().unwrap_or_default());
    if sequence != length {
        let what = format!("the log of {name} has {length} entries, and the next is number {sequence}");
        found.push(violated(AGREES, what));
    }
    let mut new = BTreeSet::new();
    for (inside, _) in ends(entries) {
        if ledger.reported.contains(&(workflow, inside)) || !new.insert(inside) {
            let what = format!("{} tells {name} of its end a second time", ledger.name(inside));
            found.push(violated(AGREES, what));
        }
    }
}

/// Which executions these entries of a log say to have ended, and how.
fn ends(entries: &[WorkflowEntry]) -> impl Iterator<Item = (ExecutionId, &str)> {
    entries.iter().filter_map(|entry| match &entry.event {
        WorkflowEvent::Reported { execution: Some(inside), status, .. } if is_final(status) => {
            Some((*inside, status.as_str()))
        }
        _ => None,
    })
}

/// What is wrong with the deletion of an execution.
fn deleted(ledger: &Ledger, changes: &[Change], id: ExecutionId, now: Timestamp) -> Option<Violation> {
    let is_going = |id: ExecutionId| {
        changes.iter().any(|change| matches!(change, Change::DeleteExecution(going) if *going == id))
    };
    let known = ledger.executions.get(&id);
    let is_old = known.and_then(|known| known.ended_at).is_some_and(|end| end.plus(ledger.kept) <= now);
    let above = known.and_then(|known| known.parent);
    let is_kept = above.is_some_and(|above| {
        !is_going(above) && ledger.executions.get(&above).is_some_and(|above| !above.is_deleted)
    });
    (!is_old || is_kept).then(|| violated(KEPT, format!("{} is deleted", ledger.name(id))))
}

/// What is wrong with a commit, by what is known once it is taken down: what belongs to workflows.
pub(crate) fn after(ledger: &Ledger, changes: &[Change]) -> Vec<Violation> {
    let mut found = Vec::new();
    for change in changes {
        match change {
            Change::AppendWorkflow { execution, entries, .. } => {
                let differs = |(inside, status): &(ExecutionId, &str)| {
                    ledger.executions.get(inside).is_none_or(|inside| inside.status.as_str() != *status)
                };
                found.extend(ends(entries).filter(differs).map(|(inside, status)| {
                    let (above, inside) = (ledger.name(*execution), ledger.name(inside));
                    violated(AGREES, format!("the log of {above} has {inside} as {status}"))
                }));
            }
            Change::UpdateExecution(execution) if execution.status.is_final() => {
                let inside = ledger.children.get(&execution.id).into_iter().flatten();
                let is_open = |id: &&ExecutionId| {
                    ledger.executions.get(id).is_some_and(|known| !known.status.is_final())
                };
                found.extend(inside.filter(is_open).map(|inside| {
                    let (above, inside) = (ledger.name(execution.id), ledger.name(*inside));
                    violated(AGREES, format!("{above} has ended, and {inside} is open inside it"))
                }));
            }
            _ => {}
        }
    }
    found
}

/// What does not hold when all is at rest: what was acknowledged is there, and nothing is open inside what has ended.
pub(crate) fn at_rest(ledger: &Ledger) -> Vec<Violation> {
    let events = ledger.told_events.iter();
    let mut found: Vec<_> = events
        .filter(|(event, _)| !ledger.events.contains_key(event))
        .map(|(event, _)| violated(LOST, format!("event {event} was acknowledged and is lost")))
        .collect();
    let led_to = ledger.told_events.iter().flat_map(|(_, executions)| executions);
    let lost = ledger.told_executions.iter().chain(led_to).filter(|id| !ledger.executions.contains_key(id));
    found.extend(lost.map(|id| violated(LOST, format!("execution {id} was acknowledged and is lost"))));
    found.extend(
        open_inside_ended(&open_with_all_above(ledger)).into_iter().map(|what| violated(AGREES, what)),
    );
    found
}

/// What is open inside something that has ended, with all workflows that it is inside of. Mostly there is nothing, and
/// the question what is open inside what, which is asked after each step, costs nothing.
fn open_with_all_above(ledger: &Ledger) -> Vec<Inside> {
    let above = |id: ExecutionId| {
        let parent = |id: &ExecutionId| ledger.executions.get(id).and_then(|known| known.parent);
        std::iter::successors(parent(&id), parent)
    };
    let has_ended = |id: ExecutionId| ledger.executions.get(&id).is_none_or(|known| known.status.is_final());
    let mut asked = BTreeSet::new();
    for (id, _) in ledger.open().filter(|(id, _)| above(*id).any(has_ended)) {
        asked.insert(id);
        asked.extend(above(id));
    }
    let inside = |id: ExecutionId, known: &Known| Inside {
        id: id.to_string(),
        parent: known.parent.map(|parent| parent.to_string()),
        status: known.status,
    };
    asked.into_iter().filter_map(|id| Some(inside(id, ledger.executions.get(&id)?))).collect()
}

/// What does not hold in the end, with these effects in the world outside.
pub(crate) fn at_the_end(ledger: &Ledger, effects: &[ExecutionId]) -> Vec<Violation> {
    let acknowledged = ledger.told_events.iter().map(|(event, executions)| Acknowledged {
        trigger_instance: event.to_string(),
        executions: executions.iter().map(ToString::to_string).collect(),
    });
    // Deleted ones are looked at too: what the ledger has of them is how they were in the end.
    let executions = ledger.executions.iter().map(|(id, known)| {
        let log = known.log.iter().map(|entry| entry.status).collect();
        let has_effect = known.runner == RUNNER && !known.is_idempotent;
        (id.to_string(), Stored { status: known.status, has_effect, log })
    });
    let observed = Observed {
        acknowledged: acknowledged.collect(),
        trigger_instances: ledger.events.keys().map(ToString::to_string).collect(),
        executions: executions.collect(),
        effects: effects.iter().map(ToString::to_string).collect(),
    };
    violations(&observed).into_iter().map(|what| violated(LEFT, what)).collect()
}

#[cfg(test)]
mod tests;
