//! Each kind of correlation, event by event.

use petrel_model::{Id, Payload, RuleId};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn event(part: usize, seconds: i64, bytes: usize) -> HeldEvent {
    let id = Id::from_parts(u64::try_from(seconds).unwrap(), 1);
    HeldEvent {
        part,
        id: id.into(),
        trigger: "p.t".parse().unwrap(),
        at: at(seconds),
        payload: Some(Payload::from(&Value::from("x".repeat(bytes)))),
        trace: TraceId::from(id),
        trace_tag: (part == 0).then(|| "tag".parse().unwrap()),
        depth: u32::try_from(part).unwrap(),
    }
}

fn correlation(parameters: &Value) -> Correlation {
    Correlation::read(parameters).unwrap()
}

fn empty(now: Timestamp) -> CorrelationState {
    CorrelationState {
        key: "k".into(),
        rule_id: RuleId(Id::from_parts(1, 1)),
        made_for: "a".into(),
        group: "g".into(),
        first_at: now,
        last_at: now,
        due_at: now,
        count: 0,
        events: Vec::new(),
        rows: Vec::new(),
        held_bytes: 0,
    }
}

/// What a correlation does, in words, with events of these parts at these seconds: `TIME fires COUNT [TIMES]`. As in the
/// service, a window that has ended before an event is dealt with first; the last one ends after all.
fn told(correlation: &Correlation, events: &[(usize, i64)]) -> Vec<String> {
    let (mut told, mut state): (Vec<String>, Option<CorrelationState>) = (Vec::new(), None);
    let say = |at: Timestamp, firing: Option<Firing>| {
        let firing = firing?;
        let times: Vec<_> = firing.events.iter().map(|event| event.at.as_micros() / 1_000_000).collect();
        Some(format!("{} fires {} {times:?}", at.as_micros() / 1_000_000, firing.count))
    };
    for (part, seconds) in events {
        if let Some(over) = state.take_if(|state| state.due_at <= at(*seconds)) {
            let due = over.due_at;
            told.extend(say(due, ended(correlation, over)));
        }
        let event = event(*part, *seconds, 1);
        let step = taken(correlation, state, || empty(event.at), event.clone());
        told.extend(say(event.at, step.firing));
        state = step.state;
    }
    if let Some(over) = state {
        let due = over.due_at;
        told.extend(say(due, ended(correlation, over)));
    }
    told
}

#[test]
fn each_kind_fires_when_it_should() {
    let one = json!([{"trigger": {"type": "p.b"}}]);
    let two = json!([{"trigger": {"type": "p.b"}}, {"trigger": {"type": "p.c"}}]);
    let all = correlation(&json!({"kind": "all_within", "within": "10s", "events": two}));
    let none = correlation(&json!({"kind": "none_within", "within": "10s", "events": one}));
    let once = correlation(&json!({"kind": "once_within", "within": "10s"}));
    let after = correlation(&json!({"kind": "once_after", "within": "10s"}));
    let three = correlation(&json!({"kind": "accumulate", "within": "10s", "count": 3}));
    for (correlation, events, expected) in [
        (&all, &[(0, 0), (1, 1), (2, 2)][..], &["2 fires 3 [0, 1, 2]"][..]),
        // In any order; told in that of the rule.
        (&all, &[(2, 0), (0, 5), (1, 9)], &["9 fires 3 [5, 9, 0]"]),
        // The same again is no other one, and the latest counts.
        (&all, &[(0, 0), (0, 3), (1, 4), (2, 12)], &["12 fires 3 [3, 4, 12]"]),
        (&all, &[(0, 0), (1, 1), (2, 10)], &[]),
        // It begins anew.
        (&all, &[(0, 0), (1, 1), (2, 2), (0, 3), (1, 3)], &["2 fires 3 [0, 1, 2]"]),
        (&none, &[(0, 0)], &["10 fires 1 [0]"]),
        (&none, &[(0, 0), (0, 3)], &["10 fires 2 [0]"]),
        (&none, &[(0, 0), (1, 9)], &[]),
        // Too late, and too early.
        (&none, &[(0, 0), (1, 10)], &["10 fires 1 [0]"]),
        (&none, &[(1, 0), (0, 1)], &["11 fires 1 [1]"]),
        (&none, &[(0, 0), (1, 1), (0, 2)], &["12 fires 1 [2]"]),
        (&once, &[(0, 0), (0, 5), (0, 9)], &["0 fires 1 [0]"]),
        (&once, &[(0, 0), (0, 9), (0, 10)], &["0 fires 1 [0]", "10 fires 1 [10]"]),
        (&after, &[(0, 0), (0, 9), (0, 18)], &["28 fires 3 [0, 9, 18]"]),
        (&after, &[(0, 0), (0, 10)], &["10 fires 1 [0]", "20 fires 1 [10]"]),
        (&three, &[(0, 0), (0, 1)], &[]),
        (&three, &[(0, 0), (0, 1), (0, 9)], &["9 fires 3 [0, 1, 9]"]),
        // The window slides.
        (&three, &[(0, 0), (0, 6), (0, 12), (0, 15)], &["15 fires 3 [6, 12, 15]"]),
        (&three, &[(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)], &["2 fires 3 [0, 1, 2]"]),
    ] {
        assert_eq!(told(correlation, events), expected, "{} {events:?}", correlation.kind.as_str());
    }
}

#[test]
fn what_is_held_is_bounded() {
    let after = correlation(&json!({"kind": "once_after", "within": "10s"}));
    let mut state = None;
    for seconds in 0..1_000 {
        let size = if seconds == 999 { LARGEST_HELD } else { 4 << 10 };
        state = taken(&after, state, || empty(at(seconds)), event(0, seconds, size)).state;
        let held = state.as_ref().unwrap();
        assert!(held.events.len() <= MOST_HELD && bytes(held) <= MOST_BYTES, "{seconds}");
    }
    let state = state.unwrap();
    assert_eq!((state.count, state.first_at, state.last_at), (1_000, at(0), at(999)));
    assert_eq!((state.events[0].at, state.events[99].at), (at(0), at(999)));
    assert_eq!(state.events[99].payload, None, "with its quotes it is too large");
    assert!(state.events[0].payload.is_some());
}

#[test]
fn the_event_as_which_it_fires_has_all_there_is() {
    let all = correlation(
        &json!({"kind": "all_within", "within": "10s", "events": [{"trigger": {"type": "p.b"}}]}),
    );
    let first = taken(&all, None, || empty(at(1)), event(1, 1, 2)).state;
    let firing = taken(&all, first, || empty(at(2)), event(0, 2, 1)).firing.unwrap();
    assert_eq!((firing.depth(), firing.trace()), (1, Some(event(0, 2, 1).trace)));
    assert_eq!(firing.trace_tag(), event(0, 2, 1).trace_tag);
    let payload = firing.payload(&"p.r".parse().unwrap(), all.kind);
    assert_eq!(
        payload,
        json!({
            "rule": "p.r", "kind": "all_within", "key": "g", "count": 2, "first_at": at(1), "last_at": at(2),
            "events": [
                {"trigger": "p.t", "trigger_instance_id": event(0, 2, 1).id, "occurrence_time": at(2), "payload": "x"},
                {"trigger": "p.t", "trigger_instance_id": event(1, 1, 2).id, "occurrence_time": at(1), "payload": "xx"},
            ],
        })
    );
}

#[test]
fn a_payload_that_would_be_too_deep_is_left_out() {
    let once = correlation(&json!({"kind": "once_within", "within": "10s"}));
    for (levels, is_there) in [(depth::LIMIT - AROUND, true), (depth::LIMIT - AROUND + 1, false)] {
        let deep = (0..levels).fold(Value::Null, |inner, _| json!([inner]));
        let event = HeldEvent { payload: Some(Payload::from(&deep)), ..event(0, 1, 1) };
        let firing = taken(&once, None, || empty(at(1)), event).firing.unwrap();
        let payload = firing.payload(&"p.r".parse().unwrap(), once.kind);
        assert!(!depth::is_too_deep(&payload), "{levels}");
        assert_eq!(!payload["events"][0]["payload"].is_null(), is_there, "{levels}");
    }
}
