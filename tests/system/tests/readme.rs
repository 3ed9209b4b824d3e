//! What a new user does first, as the README says it.

use petrel_system_tests::{Place, assert_says};
use serde_json::{Value, json};

/// What GitHub sends about a push.
const PUSH: &str = include_str!("../../../examples/github/push.json");

/// The sample rule; its command writes to `target`.
fn sample_rule(target: &str) -> String {
    format!(
        r#"
name: sample_rule_with_webhook
pack: examples
description: Sample rule dumping webhook payload to a file.
enabled: true
trigger: {{type: core.st2.webhook, parameters: {{url: sample}}}}
criteria: {{trigger.body.name: {{type: equals, pattern: test}}}}
action: {{ref: core.local, parameters: {{cmd: "echo \"{{{{trigger.body}}}}\" >> {target}"}}}}
"#
    )
}

#[test]
fn the_first_event() {
    let place = Place::default();
    let host = place.start(&[]);
    assert_says(&host.greeting, &["listens on http://127.0.0.1:", "sign in", "admin-token", "petrel run"]);
    let rule = place.write("rule.yaml", &sample_rule(&place.path("out")));
    let made = host.ok(&["rule", "create", &rule]);
    assert_says(&made.stdout, &["examples.sample_rule_with_webhook"]);
    // The payload gets into a command, which the sample does not care about.
    assert_says(&made.stderr, &["warning", "shell_quote", "petrel trigger why last"]);

    let matching = json!({"name": "test", "n": 3});
    let answer = host.post("/webhooks/sample", &matching).with_status(202);
    assert_eq!(answer.json(), matching);
    let execution = host.until(answer.header("x-execution-ids"), "succeeded");
    assert_eq!(execution["context"]["rule"]["name"], "examples.sample_rule_with_webhook");
    assert_eq!(place.read("out"), "{'name': 'test', 'n': 3}\n");
    assert_eq!(host.list("/executions?status=succeeded").len(), 1);

    // As `curl -d` sends it, which calls everything a form.
    let head = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = host.try_send("POST", "/webhooks/sample", head, br#"{"name": "other"}"#).unwrap();
    assert_eq!((answer.status, answer.json()), (202, json!({"name": "other"})));
    assert_eq!(answer.header("x-execution-ids"), "");
    assert_eq!(host.list("/executions").len(), 1);
    let why = host.ok(&["trigger", "why", "last"]).stdout;
    assert_says(
        &why,
        &[
            answer.header("x-trigger-instance-id"),
            "examples.sample_rule_with_webhook: does not match",
            r#"trigger.body.name equals "test" does not hold: the value is "other""#,
        ],
    );
    let why = host.ok(&["trigger", "why", "last", "--json"]).json();
    assert_eq!(why["rules"][0]["matched"], false);
    host.stop();
}

#[test]
fn the_first_event_with_a_component() {
    let place = Place::default();
    let host = place.start(&[]);
    let push: Value = serde_json::from_str(PUSH).unwrap();
    let rule = place.write(
        "rule.yaml",
        "
name: deploy
pack: examples
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: push}}
criteria: {trigger.body.ref: {type: startswith, pattern: refs/heads/}}
action: {ref: github.decide_push, parameters: {payload: '{{ trigger.body }}'}}
",
    );
    let made = host.ok(&["rule", "create", &rule]);
    assert!(!made.stderr.contains("warning"), "{made:?}");
    let answer = host.post("/webhooks/push", &push).with_status(202);
    let execution = host.until(answer.header("x-execution-ids"), "succeeded");
    let result = &execution["result"];
    assert_eq!(
        (&result["decision"], &result["reason"]),
        (&json!("deploy"), &json!("branch main was pushed")),
        "{execution:#}"
    );

    let answer = host.post("/webhooks/push", &json!({"ref": "refs/tags/v1"})).with_status(202);
    assert_eq!(answer.header("x-execution-ids"), "");
    let why = host.ok(&["trigger", "why", "last"]).stdout;
    assert_says(
        &why,
        &[r#"trigger.body.ref startswith "refs/heads/" does not hold: the value is "refs/tags/v1""#],
    );
    host.stop();
}

#[test]
fn a_run_needs_no_login() {
    let place = Place::default();
    let host = place.start(&[]);
    let run = host.ok(&["run", "core.local", "cmd=uname -a"]);
    assert_says(&run.stdout, &["succeeded", "Linux"]);
    let output = host.ok(&["execution", "output", "last"]);
    assert_says(&output.stdout, &["Linux"]);
    assert_eq!(host.ok(&["run", "core.echo", "message=hello", "-j"]).json()["status"], "succeeded");
    let push = format!("payload=@{}", place.write("push.json", PUSH));
    let run = host.ok(&["run", "github.decide_push", &push, "branches=main,release/*"]);
    assert_says(&run.stdout, &["branch main was pushed"]);
    host.stop();
}
