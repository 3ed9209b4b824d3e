//! Each invariant of the event side can be violated, and says so; an ordinary life violates none.

use std::collections::BTreeSet;

use petrel_model::trigger::{ACTION_TRIGGER, INTERVAL_TIMER, TriggerInstanceStatus};
use petrel_model::{Id, InternalEvent, Payload, Trigger};
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn id<T: From<Id>>(number: u64) -> T {
    Id::from_parts(number, number).into()
}

/// The timer that is made at 0 and fires each seventh second, as it is after these times.
fn timer(done: Option<i64>) -> Change {
    let parameters = json!({"unit": "seconds", "delta": 7}).as_object().cloned().unwrap();
    let trigger = Trigger { kind: INTERVAL_TIMER.parse().unwrap(), parameters };
    let new = TimerState::new(trigger.reference(), trigger, at(0));
    Change::put(done.map_or_else(|| new.clone(), |done| new.fired(at(done))))
}

fn event(number: u64, kind: &str, trigger: &str, payload: &Value) -> Change {
    Change::CreateTriggerInstance(TriggerInstance {
        trace: None,
        trace_tag: None,
        caused_by: None,
        depth: 0,
        replay_of: None,
        id: id(number),
        trigger: trigger.parse().unwrap(),
        trigger_type: kind.parse().unwrap(),
        occurrence_time: at(20),
        payload: Payload::from(payload),
        status: TriggerInstanceStatus::Processed,
        enforcements: Vec::new(),
    })
}

/// The event of the timer for this time.
fn tick(due: i64) -> Change {
    let Change::Put(Document::TimerState(state)) = timer(None) else { panic!("a timer") };
    let payload = json!({"scheduled_at": at(due).as_python_prints()});
    event(30, INTERVAL_TIMER, state.reference.as_str(), &payload)
}

/// What a poll brings that moves the cursor to `to`, with these numbers.
fn poll(to: u64, numbers: &[u64]) -> Vec<Change> {
    let mut state = SensorState::new(SENSOR.0.parse().unwrap());
    state.cursor = Some(json!(to).into());
    let events = numbers.iter().map(|n| event(40 + n, SENSOR.1, SENSOR.1, &json!({"n": n})));
    events.chain([Change::put(state)]).collect()
}

fn reported(number: u64) -> Change {
    let given =
        json!({"id": id::<ExecutionId>(number), "type": ACTION_TRIGGER, "payload": {}, "occurred_at": at(0)});
    Change::put(serde_json::from_value::<InternalEvent>(given).unwrap())
}

/// An internal event is taken, and tells of the end of `of`.
fn taken(number: u64, of: &str) -> Vec<Change> {
    let told = event(50 + number, ACTION_TRIGGER, ACTION_TRIGGER, &json!({"execution_id": of}));
    vec![Change::delete::<InternalEvent>(id(number)), told]
}

/// An execution of `action` whose last status is `status`, as the attempt after `retries` others.
fn execution(number: u64, action: &str, status: &str, retries: u32) -> Execution {
    let policies = if retries == 0 { json!({}) } else { json!({"retry": retry(retries, number - 1)}) };
    let (runner, asked) = if action == "sim.ask" { (inquiry::NAME, "pending") } else { ("noop", "running") };
    serde_json::from_value(json!({
        "id": id::<ExecutionId>(number), "version": 1, "action": action, "runner": runner, "status": status,
        "requested_at": at(0), "context": {"user": "u", "pack": "sim", "policies": policies},
        "log": [{"status": asked, "timestamp": at(1)}, {"status": status, "timestamp": at(2)}],
    }))
    .unwrap()
}

fn retry(count: u32, of: u64) -> Value {
    json!({"applied_policy": "sim.again", "retry_count": count, "retried_liveaction_id": id::<ExecutionId>(of)})
}

fn create(number: u64, action: &str, retries: u32) -> Change {
    Change::CreateExecution(execution(number, action, "requested", retries))
}

fn update(number: u64, action: &str, status: &str, retries: u32) -> Change {
    Change::UpdateExecution(execution(number, action, status, retries))
}

/// Which invariants these commits violate, made in the 40th second, after which `answered` was acknowledged.
fn violated_by(commits: Vec<Vec<Change>>, answered: Option<(u64, usize)>) -> BTreeSet<&'static str> {
    let mut ledger = Ledger::default();
    let mut found = Vec::new();
    for changes in commits {
        found.extend(before(&ledger, &changes, at(40)));
        ledger.take_in(&changes);
    }
    ledger.side.told_answers.extend(answered.map(|(number, n)| (id(number), n)));
    found.extend(at_rest(&ledger));
    found.extend(at_the_end(&ledger));
    found.into_iter().map(|violation| violation.invariant).collect()
}

#[test]
fn an_ordinary_life_violates_nothing() {
    let commits = vec![
        vec![timer(None)],
        vec![timer(Some(7)), tick(7)],
        // Two times have passed, and the last one counts.
        vec![tick(21), timer(Some(21))],
        poll(2, &[1, 2]),
        poll(2, &[]),
        vec![reported(3)],
        taken(3, "x"),
        vec![create(1, "sim.narrow", 0), create(2, "sim.narrow", 0), create(3, "sim.narrow", 0)],
        vec![update(1, "sim.narrow", "running", 0)],
        vec![update(2, "sim.narrow", "running", 0)],
        vec![update(1, "sim.narrow", "succeeded", 0)],
        vec![update(3, "sim.narrow", "running", 0)],
        vec![create(4, "sim.again", 0)],
        vec![update(4, "sim.again", "failed", 0), create(5, "sim.again", 1)],
        vec![update(5, "sim.again", "failed", 1), create(6, "sim.again", 2)],
        vec![update(6, "sim.again", "failed", 2)],
    ];
    assert_eq!(violated_by(commits, None), BTreeSet::new());
}

#[test]
fn each_violation_is_noticed() {
    let running = |number| vec![create(number, "sim.only", 0), update(number, "sim.only", "running", 0)];
    let cases: Vec<(&str, Vec<Vec<Change>>)> = vec![
        (TIMES, vec![vec![timer(Some(7)), tick(7)]]),
        (TIMES, vec![vec![timer(None)], vec![timer(Some(7))]]),
        (TIMES, vec![vec![timer(None)], vec![tick(7)]]),
        (TIMES, vec![vec![timer(None)], vec![timer(Some(7)), tick(14)]]),
        (TIMES, vec![vec![timer(None)], vec![timer(Some(8)), tick(8)]]),
        (TIMES, vec![vec![timer(None)], vec![timer(Some(42)), tick(42)]]),
        (TIMES, vec![vec![timer(None)], vec![timer(Some(14)), tick(14)], vec![timer(Some(7)), tick(7)]]),
        (CURSOR, vec![poll(2, &[1])]),
        (CURSOR, vec![poll(1, &[1, 2])]),
        (CURSOR, vec![poll(2, &[1, 2]), poll(3, &[2, 3])]),
        (CURSOR, vec![poll(1, &[1]), poll(2, &[2])[..1].to_vec()]),
        (OUTBOX, vec![taken(3, "x")]),
        (OUTBOX, vec![vec![reported(3)]]),
        (OUTBOX, vec![vec![reported(3)], taken(3, "x"), vec![reported(4)], taken(4, "x")]),
        (OUTBOX, vec![vec![reported(3)], taken(3, "x"), taken(4, "y")[1..].to_vec()]),
        (LIMITS, vec![running(1), running(2)]),
        (AGAIN, vec![vec![create(1, "sim.again", 0)], vec![update(1, "sim.again", "failed", 0)]]),
        (
            AGAIN,
            vec![
                vec![create(2, "sim.again", 2)],
                vec![update(2, "sim.again", "failed", 2), create(3, "sim.again", 3)],
            ],
        ),
        (ANSWERS, vec![vec![create(1, "sim.ask", 0)], vec![update(1, "sim.ask", "timeout", 0)]]),
    ];
    for (number, (invariant, commits)) in cases.into_iter().enumerate() {
        let found = violated_by(commits, None);
        assert!(found.contains(invariant), "case {number} is to violate `{invariant}`: {found:?}");
    }
}

#[test]
fn an_answer_that_was_acknowledged_is_stored() {
    let with = |status: &str, n: u64| {
        let mut answered = execution(1, "sim.ask", status, 0);
        answered.result = Some(json!({"schema": {}, "ttl": 1, "response": {"n": n}}).into());
        vec![vec![create(1, "sim.ask", 0)], vec![Change::UpdateExecution(answered)]]
    };
    assert_eq!(violated_by(with("succeeded", 5), Some((1, 5))), BTreeSet::new());
    for commits in [with("succeeded", 6), with("pending", 5), with("succeeded", 6)[..1].to_vec()] {
        assert_eq!(violated_by(commits, Some((1, 5))), BTreeSet::from([ANSWERS]));
    }
}
