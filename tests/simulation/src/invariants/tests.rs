//! Each invariant can be violated, and says so; an ordinary life violates none.

use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{EnforcementId, Id, Payload, TriggerInstance};
use serde_json::json;

use super::*;

/// The time in milliseconds since the epoch; ids are minted at the time of their number.
fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(milliseconds).unwrap() * 1_000)
}

fn id<T: From<Id>>(number: u64) -> T {
    Id::from_parts(number, number).into()
}

/// An execution that has had these statuses, one a millisecond.
fn execution(number: u64, parent: Option<u64>, log: &[&str]) -> Execution {
    let parent =
        parent.map(|parent| json!({"execution": id::<ExecutionId>(parent), "task": "t", "number": 0}));
    let times = number..;
    let entries: Vec<_> = log
        .iter()
        .zip(times)
        .map(|(status, time)| json!({"status": status, "timestamp": at(time)}))
        .collect();
    let status = *log.last().unwrap();
    let ended_at = is_final(status).then(|| at(number + log.len() as u64 - 1));
    let runner = if number == 1 { "orquesta" } else { "noop" };
    serde_json::from_value(json!({
        "id": id::<ExecutionId>(number), "version": log.len(), "action": "sim.once", "runner": runner,
        "status": status, "requested_at": at(number), "parent": parent, "log": entries, "ended_at": ended_at,
    }))
    .unwrap()
}

fn create(number: u64, parent: Option<u64>) -> Change {
    Change::CreateExecution(execution(number, parent, &["requested"]))
}

fn update(number: u64, parent: Option<u64>, log: &[&str]) -> Change {
    Change::UpdateExecution(execution(number, parent, log))
}

/// The log of the workflow 1 takes down that 2 has ended.
fn report(sequence: u64, status: &str) -> Change {
    let entry = json!({
        "at": at(9), "event": "reported", "task": "t", "status": status, "execution": id::<ExecutionId>(2),
    });
    let entries = vec![serde_json::from_value(entry).unwrap()];
    Change::AppendWorkflow { execution: id(1), sequence, entries }
}

/// An event, its enforcement, and the execution that the enforcement names.
fn event(enforcements: &[u64], rule: u64) -> Vec<Change> {
    let instance = TriggerInstance {
        trace: None,
        trace_tag: None,
        caused_by: None,
        depth: 0,
        replay_of: None,
        id: id(20),
        trigger: "core.x".parse().unwrap(),
        trigger_type: "core.x".parse().unwrap(),
        occurrence_time: at(20),
        payload: Payload::from(&json!({})),
        status: TriggerInstanceStatus::Processed,
        enforcements: enforcements.iter().map(|one| id(*one)).collect(),
    };
    let enforcement: Enforcement = serde_json::from_value(json!({
        "id": id::<EnforcementId>(22), "trigger_instance_id": instance.id, "rule_id": id::<EnforcementId>(7),
        "rule": "sim.r", "execution_id": id::<ExecutionId>(21), "enforced_at": at(20), "status": "succeeded",
    }))
    .unwrap();
    let mut execution = serde_json::to_value(execution(21, None, &["requested"])).unwrap();
    execution["context"] = json!({
        "user": "u", "pack": "sim", "trigger_instance": {"id": instance.id, "name": "core.x"},
        "rule": {"id": id::<EnforcementId>(rule), "name": "sim.r"},
    });
    let execution: Execution = serde_json::from_value(execution).unwrap();
    vec![
        Change::CreateEnforcement(enforcement),
        Change::CreateExecution(execution),
        Change::CreateTriggerInstance(instance),
    ]
}

/// Which invariants these commits violate, made at the 50th millisecond, with what ended kept for ten.
fn violated_by(commits: Vec<Vec<Change>>) -> Vec<&'static str> {
    let mut ledger = Ledger::new(std::time::Duration::from_millis(10));
    let mut found = Vec::new();
    for changes in commits {
        found.extend(before(&ledger, &changes, at(50)));
        ledger.take_in(&changes);
        found.extend(after(&ledger, &changes));
    }
    found.extend(at_rest(&ledger));
    let mut names: Vec<_> = found.into_iter().map(|violation| violation.invariant).collect();
    names.dedup();
    names
}

const RUNS: &[&str] = &["requested", "running"];
const DONE: &[&str] = &["requested", "running", "succeeded"];

/// A workflow with something inside it, both of which run.
fn running() -> Vec<Vec<Change>> {
    vec![
        vec![create(1, None)],
        vec![update(1, None, RUNS), create(2, Some(1))],
        vec![update(2, Some(1), RUNS)],
    ]
}

#[test]
fn an_ordinary_life_violates_nothing() {
    let mut commits = running();
    commits.push(vec![update(2, Some(1), DONE), report(0, "succeeded"), update(1, None, DONE)]);
    commits.push(event(&[22], 7));
    commits.push(vec![Change::DeleteExecution(id(1)), Change::DeleteExecution(id(2))]);
    assert_eq!(violated_by(commits), Vec::<&str>::new());
}

#[test]
fn each_violation_is_noticed() {
    let failed = &["requested", "running", "failed"][..];
    let cases: Vec<(&str, Vec<Vec<Change>>)> = vec![
        (IDS, vec![vec![create(2, None)]]),
        (IDS, vec![vec![create(60, None)]]),
        (MOVES, vec![vec![update(2, Some(1), &["requested", "running", "requested", "paused"])]]),
        (MOVES, vec![vec![update(2, Some(1), &["requested", "canceled"])]]),
        (LOST, vec![vec![update(3, None, RUNS)]]),
        (AGREES, vec![vec![update(2, Some(1), DONE), report(0, "failed")]]),
        (AGREES, vec![vec![update(2, Some(1), DONE), report(1, "succeeded")]]),
        (AGREES, vec![vec![update(2, Some(1), DONE), report(0, "succeeded")], vec![report(1, "succeeded")]]),
        (AGREES, vec![vec![update(1, None, DONE)]]),
        (
            ENDS,
            vec![
                vec![update(2, Some(1), failed)],
                vec![update(2, Some(1), &["requested", "running", "failed", "running"])],
            ],
        ),
        (ENFORCED, vec![event(&[], 7)]),
        (ENFORCED, vec![event(&[22], 8)]),
        (KEPT, vec![vec![Change::DeleteExecution(id(2))]]),
        (KEPT, vec![vec![update(2, Some(1), DONE)], vec![Change::DeleteExecution(id(2))]]),
        (KEPT, vec![event(&[22], 7), vec![Change::DeleteTriggerInstance(id(23))]]),
    ];
    for (number, (invariant, spoiled)) in cases.into_iter().enumerate() {
        let commits = running().into_iter().chain(spoiled).collect();
        let found = violated_by(commits);
        assert!(found.contains(&invariant), "case {number} is to violate `{invariant}`: {found:?}");
    }
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_lost() {
    let mut ledger = Ledger::new(std::time::Duration::ZERO);
    ledger.told_executions.insert(id(1));
    ledger.told_events.push((id(2), vec![id(3)]));
    let found: Vec<_> = at_rest(&ledger).into_iter().map(|violation| violation.invariant).collect();
    assert_eq!(found, [LOST; 3]);
}
