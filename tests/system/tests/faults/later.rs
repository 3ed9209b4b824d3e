//! Faults that show later: after a restart, and when something should have ended.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "these are the parts of a test")]

use petrel_system_tests::{Place, eventually};
use serde_json::{Value, json};

use super::{Scene, assert_whole, echo_rule};

/// A kind of write that is accepted: method, path, body.
fn writes(pack: &str) -> Vec<(&'static str, &'static str, Value)> {
    let mut odd = echo_rule("odd é 🦀", "{{ trigger.body.x.y.z }}");
    odd["criteria"] = json!({"trigger.body.a": {"type": "regex", "pattern": "(a+)+$"}});
    vec![
        ("POST", "/rules", echo_rule("kept", "{{ trigger.body }}")),
        ("POST", "/rules", odd),
        ("PUT", "/rules/examples.kept/enabled", json!(false)),
        ("POST", "/executions", json!({"action": "core.echo", "parameters": {"message": "a\u{0}b\u{202e}"}})),
        ("POST", "/executions", json!({"action": "core.noop", "delay": 4_000_000_000_u64})),
        (
            "POST",
            "/executions",
            json!({"action": "core.noop", "context": {"trace": {"deep": [[[[1e300]]]]}}}),
        ),
        ("POST", "/webhooks/odd", json!({"a": "aaaaaaaaaaaaaaaaaaaaaaaa!", "n": -0.0, "k": {"": null}})),
        ("PUT", "/keys/a%2fb%20%C3%A9", json!({"value": "{{ 1 }}\u{0}"})),
        ("POST", "/users", json!({"name": "ada.b@example.com", "password": "correct horse"})),
        ("POST", "/apikeys", json!({"user": "admin", "metadata": {"": [{"x": null}]}, "enabled": false})),
        ("POST", "/packs/register", json!({"path": pack})),
        ("PUT", "/configs/stored", json!({"word": "y", "deep": {"er": [1, null]}})),
        ("POST", "/executions", json!({"action": "stored.flow", "parameters": {"x": {"y": "<% 1 %>"}}})),
        ("DELETE", "/executions/last", json!({})),
        ("DELETE", "/packs/stored", json!({})),
    ]
}

pub(super) fn every_kind_of_write_survives_a_restart(_: &Scene<'_>) {
    let place = Place::default();
    place.write(
        "stored/pack.yaml",
        "ref: stored\nname: stored\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write(
        "stored/actions/flow.yaml",
        "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\nenabled: true\nparameters: {x: {type: object}}\n",
    );
    place.write(
        "stored/actions/workflows/flow.yaml",
        "version: 1.0\ninput: [x]\ntasks: {one: {action: core.noop, next: [{do: two}]}, two: {delay: 30, action: core.noop}}\n",
    );
    for (method, path, body) in writes(&place.path("stored")) {
        let host = place.start(&[]);
        // After the last write it came up, and everything is there.
        assert_whole(&host);
        let answer = host.try_send(method, path, "", body.to_string().as_bytes()).unwrap();
        // What is refused by name does no harm; what is taken must not.
        assert!(answer.status < 500, "{method} {path} {body}: {answer:?}");
        host.stop();
        place.petrel(&["store", "check"]).with_code(0);
    }
    let host = place.start(&[]);
    assert_whole(&host);
    host.ok(&["run", "core.noop"]);
    host.stop();
}

/// Statuses after which nothing comes.
const ENDED: [&str; 5] = ["succeeded", "failed", "canceled", "timeout", "abandoned"];

const STUBBORN: &str = r#"
version: 1.0
input: [file]
tasks:
  now:
    action: core.local cmd="echo now >> <% ctx().file %>; exit 1"
    retry: {count: 1000}
  later:
    action: core.local cmd="echo later >> <% ctx().file %>; exit 1"
    retry: {count: 1000, delay: 1}
  each:
    with: {items: n in <% range(1000).toList() %>, concurrency: 2}
    action: core.local cmd="echo <% item(n) %> >> <% ctx().file %>; sleep 0.05"
"#;

pub(super) fn a_cancel_beats_retries(scene: &Scene<'_>) {
    let (place, host) = (scene.place, scene.host);
    place.write(
        "stubborn/pack.yaml",
        "ref: stubborn\nname: stubborn\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write(
        "stubborn/actions/flow.yaml",
        "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\nenabled: true\nparameters: {file: {type: string}}\n",
    );
    place.write("stubborn/actions/workflows/flow.yaml", STUBBORN);
    host.ok(&["pack", "register", &place.path("stubborn")]);
    let id = host.request(&json!({"action": "stubborn.flow", "parameters": {"file": place.path("tries")}}));
    eventually("all three have tried", || {
        let tries = place.read("tries");
        (tries.contains("now") && tries.contains("later") && tries.contains('0')).then_some(())
    });
    host.delete(&format!("/executions/{id}")).with_status(200);
    host.until(&id, "canceled");
    let path = format!("/executions/{id}/children");
    let is_open = |child: &Value| !ENDED.contains(&child["status"].as_str().unwrap_or_default());
    eventually("every child has ended", || (!host.list(&path).iter().any(is_open)).then_some(()));
    let (children, tries) = (host.list(&path).len(), place.read("tries"));
    // Longer than a retry would wait; and a restart would be its chance too.
    host.ok(&["run", "core.local", "cmd=sleep 2.5"]);
    assert_eq!((host.list(&path).len(), place.read("tries")), (children, tries));
    assert_eq!(host.execution(&id)["status"], "canceled");
    let refused =
        host.try_send("PUT", &format!("/executions/{id}"), "", br#"{"status": "resuming"}"#).unwrap();
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert_eq!(host.execution(&id)["status"], "canceled");
}
