//! A host stops in order, and the next one goes on where it stopped.

use std::path::Path;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::json;

const RULE: &str = "name: hook\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\naction: {ref: core.noop}\n";

#[test]
fn what_runs_may_finish_and_nothing_new_is_taken_in() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let id = host.shell("sleep 1; echo done");
    host.until(&id, "running");
    host.terminate();
    let refused = eventually("it is stopping", || {
        let answer = host.try_send("POST", "/webhooks/hook", "", b"{}").ok()?;
        (answer.status != 202).then_some(answer)
    });
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(
        refused.error(),
        ["stopping", "the host is stopping and accepts nothing new", "try again when the host is back"]
    );
    host.send_plain("GET", "/healthz", "", b"").with_status(503);
    assert_eq!(host.stopped(), 0);

    let host = place.start(&[]);
    let execution = host.execution(&id);
    assert_eq!((&execution["status"], &execution["result"]["stdout"]), (&json!("succeeded"), &json!("done")));
    assert_says(&host.ok(&["rule", "list"]).stdout, &["examples.hook"]);
    assert_eq!(host.list("/triggerinstances").len(), host.list("/executions?rule=examples.hook").len());
    host.stop();
}

#[test]
fn patience_ends() {
    let place = Place::default();
    let sleepy = sleepy_pack(&place, true);
    let host = place.start(&["--drain-seconds", "1"]);
    host.ok(&["pack", "register", &sleepy]);
    let command = host.shell(&format!("echo begun; sleep 30; touch {}", place.path("too late")));
    let component = host.request(&json!({"action": "sleepy.sleep", "parameters": {"count": 3000}}));
    host.until(&command, "running");
    host.until(&component, "running");
    host.terminate();
    assert_eq!(host.stopped(), 0);

    let host = place.start(&[]);
    let abandoned = host.execution(&command);
    assert_eq!(abandoned["status"], "abandoned");
    assert_says(
        &abandoned["result"].to_string(),
        &["the host was stopped while this ran", "host.stopped", "begun"],
    );
    // It may always be run again, so it is.
    let finished = host.until(&component, "succeeded");
    assert_eq!(finished["result"], "slept");
    let states: Vec<_> = finished["log"].as_array().unwrap().iter().map(|entry| &entry["status"]).collect();
    assert_eq!(states, ["requested", "running", "requested", "running", "succeeded"]);
    assert!(!Path::new(&place.path("too late")).exists());
    host.stop();
}

#[test]
fn what_waits_is_run_by_the_next_host() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "1", "--drain-seconds", "0"]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let first = host.shell("sleep 60");
    host.until(&first, "running");
    let waiting: Vec<_> = (0..3).map(|n| host.shell(&format!("echo {n} >> {}", place.path("out")))).collect();
    let delayed =
        host.request(&json!({"action": "core.echo", "parameters": {"message": "late"}, "delay": 500}));
    host.stop();
    assert_eq!(place.read("out"), "");

    let host = place.start(&["--process-slots", "1"]);
    for id in waiting.iter().chain([&delayed]) {
        host.until(id, "succeeded");
    }
    assert_eq!(place.read("out"), "0\n1\n2\n");
    assert_eq!(host.execution(&first)["status"], "abandoned");
    assert_eq!(host.list("/executions").len(), 5);
    let answer = host.post("/webhooks/hook", &json!({})).with_status(202);
    host.until(answer.header("x-execution-ids"), "succeeded");
    host.stop();
}

#[test]
fn what_waits_for_memory_is_not_taken_to_run_after_a_restart() {
    let place = Place::default();
    let sleepy = sleepy_pack(&place, false);
    // A sleeper takes more than 1 MiB, and those of one user have a half.
    let flags = ["--components-memory-mib", "8", "--component-slots", "16", "--drain-seconds", "0"];
    let host = place.start(&flags);
    host.ok(&["pack", "register", &sleepy]);
    let sleeper = json!({"action": "sleepy.sleep", "parameters": {"count": 300_000}});
    let ids: Vec<_> = (0..40).map(|_| host.request(&sleeper)).collect();
    let count = |host: &Host<'_>, status: &str| {
        ids.iter().filter(|id| host.execution(id)["status"] == status).count()
    };
    let some_run = |host: &Host<'_>| {
        eventually("some run", || (count(host, "running") > 0).then_some(()));
    };
    some_run(&host);
    // Each is killed, and what ran is lost with it.
    drop(host);
    for _ in 0..2 {
        let host = place.start(&flags);
        some_run(&host);
        let others = json!({"action": "core.noop", "user": "bob"});
        host.until(&host.request(&others), "succeeded");
        let running = count(&host, "running");
        assert!(running <= 5, "{running} run, and there is no room for so many");
    }
    let host = place.start(&flags);
    let lost = count(&host, "abandoned");
    assert!(lost <= 15, "{lost} of 40 are lost with three hosts that had room for five at most");
    host.stop();
}

/// A pack with a component that sleeps, and may do so again or not.
fn sleepy_pack(place: &Place, idempotent: bool) -> String {
    place.write("sleepy/pack.yaml", "ref: sleepy\nname: sleepy\ndescription: It sleeps.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\nwasm: {components: [{name: behave, path: wasm/behave.wasm, actions: [sleep]}]}\n");
    let action = format!(
        "name: sleep\nrunner_type: wasm-component\nentry_point: wasm/behave.wasm\nenabled: true\nidempotent: {idempotent}\nparameters: {{count: {{type: integer}}}}\n"
    );
    place.write("sleepy/actions/sleep.yaml", &action);
    let component = place.write("sleepy/wasm/behave.wasm", "");
    assert!(std::fs::copy(petrel_test_components::BEHAVE, component).is_ok());
    place.path("sleepy")
}
