//! Expressions that take long: they end with an error that names the limit, hold up nobody meanwhile, and do not
//! keep the host from stopping.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use petrel_system_tests::{Host, PATIENCE, Place, assert_says, eventually};
use serde_json::{Value, json};

/// What takes long: it goes through all of an event again and again.
const LOOP: &str = "{% for i in range(99999) %}{% set x = trigger.body | to_json_string %}{% endfor %}";

fn rule(url: &str, message: &str) -> Value {
    json!({
        "name": url, "pack": "examples", "enabled": true, "trigger": {"type": "core.st2.webhook", "parameters": {"url": url}},
        "action": {"ref": "core.echo", "parameters": {"message": message}},
    })
}

/// An event of 700 KB.
fn event() -> Value {
    json!({"list": (0..20_000).map(|number| json!({"number": number, "text": "some text"})).collect::<Vec<_>>()})
}

/// Sends innocent events while `is_over` is not set; the longest that one took.
fn innocent(host: &Host<'_>, is_over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    let started = Instant::now();
    while !is_over.load(Ordering::SeqCst) && started.elapsed() < PATIENCE {
        let sent = Instant::now();
        host.post("/webhooks/innocent", &json!({"who": "me"})).with_status(202);
        longest = longest.max(sent.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    longest
}

#[test]
fn an_event_that_takes_long_to_evaluate_holds_up_nobody() {
    let place = Place::default();
    let host = place.start(&["--expressions-max-seconds", "8"]);
    for (url, message) in [("innocent", "hello {{ trigger.body.who }}"), ("hostile", LOOP)] {
        host.post("/rules", &rule(url, message)).with_status(201);
    }
    let (is_over, event) = (AtomicBool::new(false), event());
    let (longest, ids) = std::thread::scope(|scope| {
        let innocent = scope.spawn(|| innocent(&host, &is_over));
        let hostile = [0; 3].map(|_| scope.spawn(|| host.post("/webhooks/hostile", &event).with_status(202)));
        let ids = hostile.map(|sent| sent.join().unwrap().header("x-execution-ids").to_owned());
        is_over.store(true, Ordering::SeqCst);
        (innocent.join().unwrap(), ids)
    });
    // Each of them takes seconds, without optimisation more; whoever waited for one would see it.
    assert!(longest < Duration::from_secs(7), "{longest:?}");
    for id in ids {
        let execution = host.until(&id, "failed");
        let error = execution["result"]["error"].as_str().unwrap_or_default();
        assert_says(error, &["was given up", "do this in an action"]);
    }
    host.stop();
}

#[test]
fn rules_are_changed_while_the_criteria_of_others_take_long() {
    let place = Place::default();
    let host = place.start(&["--expressions-max-seconds", "8"]);
    let mut hostile = rule("hostile", "hello");
    hostile["criteria"] = json!({"trigger.body.list": {"type": "equals", "pattern": LOOP}});
    for rule in [rule("innocent", "hello {{ trigger.body.who }}"), hostile, rule("other", "hello")] {
        host.post("/rules", &rule).with_status(201);
    }
    let (is_over, event) = (AtomicBool::new(false), event());
    let (longest, changed) = std::thread::scope(|scope| {
        let innocent = scope.spawn(|| innocent(&host, &is_over));
        let changed = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            let started = Instant::now();
            while !is_over.load(Ordering::SeqCst) && started.elapsed() < PATIENCE {
                let sent = Instant::now();
                let (path, head) = ("/rules/examples.other/enabled", "Content-Type: application/json\r\n");
                host.try_send("PUT", path, head, b"true").unwrap().with_status(200);
                longest = longest.max(sent.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            longest
        });
        let hostile = [0; 2].map(|_| scope.spawn(|| host.post("/webhooks/hostile", &event)));
        hostile.into_iter().for_each(|sent| drop(sent.join().unwrap().with_status(202)));
        is_over.store(true, Ordering::SeqCst);
        (innocent.join().unwrap(), changed.join().unwrap())
    });
    // Who changes a rule does not wait for the evaluation, and so nobody waits for that one.
    assert!(longest.max(changed) < Duration::from_secs(7), "{longest:?} {changed:?}");
    host.stop();
}

#[test]
fn a_caller_a_default_and_a_workflow_may_take_long_too() {
    const HEAVY: &str = "{% for i in range(99999) %}{% set x = range(100000) | sum %}{% endfor %}";
    let place = Place::default();
    place
        .write("flows/pack.yaml", "name: flows\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    place.write(
        "flows/actions/slow.yaml",
        "name: slow\nrunner_type: orquesta\nentry_point: workflows/slow.yaml\nenabled: true\nparameters: {}\n",
    );
    place.write(
        "flows/actions/workflows/slow.yaml",
        &format!(
            "version: 1.0\ntasks:\n  a: {{action: core.noop, next: [{{do: b}}]}}\n  b: {{action: core.echo, input: {{message: '{HEAVY}'}}}}\n"
        ),
    );
    let host = place.start(&["--expressions-max-seconds", "2"]);
    host.ok(&["pack", "register", &place.path("flows")]);
    let refused = host.post("/executions", &json!({"action": "core.echo", "parameters": {"message": HEAVY}}));
    assert_says(&refused.with_status(400).body, &["was given up", "do this in an action"]);
    let id = host.request(&json!({"action": "flows.slow"}));
    let ended = host.until(&id, "failed");
    assert_says(&ended["result"].to_string(), &["do this in an action"]);
    host.stop();
    // What the log says is the same when it is read again.
    let host = place.start(&[]);
    let again =
        host.post(&format!("/executions/{id}/re_run"), &json!({"tasks": ["a"]})).with_status(201).json();
    let again = host.until(again["id"].as_str().unwrap_or_default(), "failed");
    assert_says(&again["result"].to_string(), &["do this in an action"]);
    host.stop();
}

#[test]
fn the_host_stops_whatever_is_evaluated() {
    let place = Place::default();
    let host = place.start(&["--expressions-max-seconds", "600", "--drain-seconds", "1"]);
    host.post("/rules", &rule("hostile", LOOP)).with_status(201);
    host.until_prepared();
    let (event, before) = (event(), host.processor_time());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            // It is not answered any more, or with 503.
            scope.spawn(|| {
                drop(host.try_send(
                    "POST",
                    "/webhooks/hostile",
                    "Content-Type: application/json\r\n",
                    event.to_string().as_bytes(),
                ));
            });
        }
        // Only to evaluate takes it so much.
        let evaluates = || (host.processor_time() > before + Duration::from_millis(500)).then_some(());
        eventually("it evaluates", evaluates);
        host.terminate();
    });
    let started = Instant::now();
    assert_eq!(host.stopped(), 0);
    assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
}
