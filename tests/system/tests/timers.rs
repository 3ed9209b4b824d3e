//! Timers of the real host: each time fires once, also over a kill, and people see when they are due.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const RULE: &str = "name: tick\npack: examples\nenabled: true\ntrigger: {type: core.st2.IntervalTimer, parameters: {unit: seconds, delta: 1}}\naction: {ref: core.noop}\n";

/// The times for which the timer has fired, oldest first, as `12:00:00` and what is behind the second.
fn fired(host: &Host<'_>) -> Vec<(String, String)> {
    let mut events = host.list("/triggerinstances?trigger_type=core.st2.IntervalTimer&limit=100");
    events.reverse();
    let times = events.iter().map(|event| {
        let text = event["payload"]["scheduled_at"].as_str().unwrap();
        (text[11..19].to_owned(), text[19..].to_owned())
    });
    times.collect()
}

/// The second of the hour in a time of the day.
fn second(time: &str) -> i64 {
    let number = |place: &str| place.parse::<i64>().unwrap();
    number(&time[3..5]) * 60 + number(&time[6..8])
}

fn until_fired(host: &Host<'_>, count: usize) {
    eventually("the timer fires", || (fired(host).len() >= count).then_some(()));
}

#[test]
fn each_time_fires_once_also_over_a_kill() {
    let place = Place::default();
    let flags = ["--timers-misfire", "catch-up"];
    let host = place.start(&flags);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    until_fired(&host, 2);
    let before = fired(&host).len();
    // It is killed.
    drop(host);
    let host = place.start(&flags);
    until_fired(&host, before + 3);
    host.ok(&["rule", "disable", "examples.tick"]);
    let times = eventually("each event has its execution", || {
        let times = fired(&host);
        (times.len() == host.list("/executions?rule=examples.tick&limit=100").len()).then_some(times)
    });
    for two in times.windows(2) {
        assert_eq!((second(&two[1].0) - second(&two[0].0)).rem_euclid(3600), 1, "{times:?}");
        assert_eq!(two[0].1, two[1].1, "the phase is kept: {times:?}");
    }
    host.stop();
}

#[test]
fn people_see_timers_and_are_told_what_is_none() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = |kind: &str, parameters: &Value| {
        json!({
            "name": kind, "pack": "examples", "enabled": true, "action": {"ref": "core.noop"},
            "trigger": {"type": format!("core.st2.{kind}"), "parameters": parameters},
        })
    };
    for (kind, parameters, says) in [
        ("IntervalTimer", json!({"delta": 1}), "the parameter unit is missing"),
        ("CronTimer", json!({"hour": 25}), "its values are 0 to 23"),
        ("DateTimer", json!({"date": "soon"}), "it must be a date"),
    ] {
        assert_says(&host.post("/rules", &rule(kind, &parameters)).with_status(400).body, &[says]);
    }
    host.post("/rules", &rule("CronTimer", &json!({"year": 2999}))).with_status(201);
    host.post("/rules", &rule("IntervalTimer", &json!({"unit": "weeks", "delta": 1}))).with_status(201);
    let listed = host.list("/timers?timer_type=core.st2.CronTimer");
    let timer = listed.first().unwrap();
    assert_eq!(timer["parameters"], json!({"year": 2999}));
    assert_eq!(timer["rules"], json!(["examples.CronTimer"]));
    let reference = timer["ref"].as_str().unwrap();
    let due = |timer: &Value| timer["due_at"].as_str().map(str::to_owned);
    let due = eventually("it has begun", || due(&host.get(&format!("/timers/{reference}")).json()));
    assert_eq!(due, "2999-01-01T00:00:00.000000Z");
    assert_says(
        &host.get("/timers?timer_type=nope").with_status(400).body,
        &["core.st2.IntervalTimer, core.st2.DateTimer, core.st2.CronTimer"],
    );
    assert_says(&host.get("/timers/core.st2.nope").with_status(404).body, &["petrel timer list"]);
    let list = host.ok(&["timer", "list"]).stdout;
    assert_says(
        &list,
        &[reference, "year=2999", "2999-01-01T00:00:00Z", "unit=weeks", "examples.IntervalTimer"],
    );
    assert_says(
        &host.ok(&["timer", "get", reference]).stdout,
        &["2999-01-01T00:00:00Z", "examples.CronTimer"],
    );
    host.stop();
}
