//! Rules at the command line before and after they fire: tried on an event, explained, and replayed where they failed.

use petrel_system_tests::{Place, assert_says};
use serde_json::json;

const RULE: &str = "
name: hello
pack: examples
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: hello}}
criteria: {trigger.body.who: {type: equals, pattern: ada}}
action: {ref: core.local, parameters: {cmd: 'echo {{ trigger.body.who | upper | shell_quote }}'}}
";

#[test]
fn a_rule_is_tried_before_it_is_created_and_on_what_came_in() {
    let place = Place::default();
    let host = place.start(&[]);
    let file = place.write("rule.yaml", RULE);
    let payload = place.write("payload.json", r#"{"body": {"who": "ada"}}"#);
    let tried = host.ok(&["rule", "test", &file, "--payload", &format!("@{payload}")]);
    assert_says(
        &tried.stdout,
        &[
            "examples.hello: matches: every criterion holds\n",
            "  trigger.body.who equals \"ada\" holds: the value is \"ada\"\n",
            "core.local would run with\n  cmd: \"echo 'ADA'\"\n",
        ],
    );
    let other = ["rule", "test", &file, "--payload", r#"{"body": {"who": "bob"}}"#];
    let tried = host.cli(&other).with_code(1);
    assert_says(&tried.stdout, &["does not match", "the value is \"bob\""]);
    assert!(!tried.stdout.contains("would run"), "{tried:?}");
    assert!(host.list("/executions").is_empty() && host.list("/rules?pack=examples").is_empty());

    host.ok(&["rule", "create", &file]);
    host.post("/webhooks/hello", &json!({"who": "ada"})).with_status(202);
    let tried = host.ok(&["rule", "test", "examples.hello", "--instance", "last", "-j"]).json();
    assert_eq!((&tried["matched"], &tried["action"]), (&json!(true), &json!("core.local")));
    assert_eq!(tried["parameters"], json!({"cmd": "echo 'ADA'"}));
    assert_eq!(host.list("/executions").len(), 1, "a trial runs nothing");

    for (arguments, code, says) in [
        (&["examples.helo", "--instance", "last"][..], 3, "examples.hello"),
        (&["examples.hello", "--instance", "000000000000000000000000"], 3, "does not exist"),
        (&["examples.hello", "--payload", "{"], 2, "the payload is not JSON"),
        (&["examples.hello"], 2, "--instance"),
        (&["none.yaml", "--instance", "last"], 2, "none.yaml cannot be read"),
    ] {
        let refused = host.cli(&[&["rule", "test"], arguments].concat()).with_code(code);
        assert_says(&refused.stderr, &[says]);
    }
    for (body, says) in [
        (json!({"rule": "examples.hello"}), "trigger_instance"),
        (json!({"payload": {}}), "definition"),
        (json!({"rule": "examples.hello", "payload": {}, "colour": 1}), "colour"),
        (json!({"rule": "examples.hello", "payload": [1]}), "a mapping is needed"),
    ] {
        assert_says(&host.post("/rules/test", &body).with_status(400).body, &[says]);
    }
    host.stop();
}

#[test]
fn why_a_rule_has_not_fired_is_told() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let why = || host.ok(&["rule", "why", "examples.hello"]).stdout;
    assert_says(&why(), &["examples.hello: does not fire: no event of its trigger has come in"]);
    for who in ["bob", "eve"] {
        host.post("/webhooks/hello", &json!({"who": who})).with_status(202);
    }
    assert_says(
        &why(),
        &[
            "does not fire: it matches none of 2 events; most often (2 of them): trigger.body.who equals \"ada\"",
            "the value is \"eve\"",
            "2 events of its trigger, none matches it as it is now",
        ],
    );
    host.ok(&["rule", "disable", "examples.hello"]);
    assert_says(&why(), &["does not fire: it is disabled; `petrel rule enable examples.hello` enables it"]);
    host.ok(&["rule", "enable", "examples.hello"]);
    host.post("/webhooks/hello", &json!({"who": "ada"})).with_status(202);
    assert_says(&why(), &["examples.hello: fired last at ", "last enforcement: ", "    then: execution "]);
    assert_says(&host.cli(&["rule", "why", "examples.helo"]).with_code(3).stderr, &["examples.hello"]);
    host.stop();
}

#[test]
fn a_dead_letter_is_replayed_once_its_rule_is_corrected() {
    let place = Place::default();
    let host = place.start(&[]);
    let broken = RULE.replace("core.local", "core.gone");
    host.ok(&["rule", "create", &place.write("broken.yaml", &broken)]);
    let answer = host.post("/webhooks/hello", &json!({"who": "ada"})).with_status(202);
    let first = answer.header("x-trigger-instance-id").to_owned();
    assert_says(&host.ok(&["dead-letter", "list"]).stdout, &["examples.hello", "`core.gone` does not exist"]);
    let letters = host.ok(&["dead-letter", "list", "--rule", "examples.hello", "-j"]).json();
    let id = letters[0]["id"].as_str().unwrap().to_owned();
    let again = host.cli(&["dead-letter", "replay", &id]).with_code(1);
    assert_says(&again.stderr, &["the rule failed again: action `core.gone`", "petrel trigger why"]);

    host.ok(&["rule", "update", "examples.hello", &place.write("rule.yaml", RULE)]);
    // It was replayed, so what the replay led to takes its place.
    let open = host.ok(&["dead-letter", "list", "-j"]).json();
    assert!(open.as_array().unwrap().len() == 1 && open[0]["id"] != json!(id), "{open}");
    let all = host.ok(&["dead-letter", "list", "--all"]).stdout;
    assert_says(&all, &[&format!("replayed as event {}", open[0]["trigger_instance_id"].as_str().unwrap())]);
    let refused = host.cli(&["dead-letter", "replay", &id]).with_code(6);
    assert_says(&refused.stderr, &["was replayed already", "--again"]);
    assert_says(&host.ok(&["dead-letter", "replay", "last"]).stderr, &["replayed as event"]);
    let none = host.cli(&["dead-letter", "replay", "last"]).with_code(3);
    assert_says(&none.stderr, &["dead letter `last` does not exist", "--all"]);
    let replayed = host.ok(&["dead-letter", "replay", &id, "--again", "-j"]).json();
    assert_eq!(replayed["replay_of"], json!(first));
    let execution = replayed["enforcements"][0]["execution_id"].as_str().unwrap().to_owned();
    assert_eq!(host.until(&execution, "succeeded")["result"]["stdout"], "ADA");
    let event = host.get("/triggerinstances/last").with_status(200).json();
    assert_eq!((&event["id"], &event["replay_of"]), (&replayed["id"], &json!(first)));
    // What was corrected by hand takes the place of what came in.
    let bob = r#"{"body": {"who": "bob"}}"#;
    let other = host.cli(&["dead-letter", "replay", &id, "--again", "--payload", bob]);
    assert_says(&other.with_code(1).stderr, &["the rule does not match it"]);
    let fine = replayed["enforcements"][0]["id"].as_str().unwrap().to_owned();
    let refused = host.cli(&["dead-letter", "replay", &fine]).with_code(6);
    assert_says(&refused.stderr, &["did not fail", "petrel execution rerun"]);
    assert_says(&host.cli(&["dead-letter", "replay", &first]).with_code(3).stderr, &["the id of an event"]);
    host.stop();
}

#[test]
fn many_executions_are_canceled_at_once() {
    let place = Place::default();
    let host = place.start(&[]);
    let slow: Vec<_> = (0..2)
        .map(|_| host.request(&json!({"action": "core.local", "parameters": {"cmd": "sleep 60"}})))
        .collect();
    let later = host.request(&json!({"action": "core.noop", "delay": 3_600_000}));
    slow.iter().for_each(|id| drop(host.until(id, "running")));
    let dry = host.ok(&["execution", "cancel", "--action", "core.local", "--dry-run"]);
    assert_says(&dry.stderr, &["2 executions would be canceled; leave out --dry-run"]);
    assert_eq!(host.list("/executions?status=running").len(), 2);
    let delayed = host.ok(&["execution", "cancel", "--status", "delayed", "-j"]).json();
    assert_eq!(delayed["canceled"][0]["id"], json!(later));
    assert_eq!(delayed["canceled"].as_array().unwrap().len(), 1);
    let done = host.ok(&["execution", "cancel", "--action", "core.local", "--older", "0s"]);
    assert_says(&done.stderr, &["2 executions canceled"]);
    slow.iter().for_each(|id| drop(host.until(id, "canceled")));
    for (arguments, says) in [
        (&["--status", "succeeded"][..], "cannot be canceled"),
        (&["--status", "runing"], "did you mean running?"),
        (&["--action", "local"], "pack.name"),
        (&["--older", "soon"], "`soon` is neither a time"),
    ] {
        let refused = host.cli(&[&["execution", "cancel"], arguments].concat()).with_code(2);
        assert_says(&refused.stderr, &[says]);
    }
    host.cli(&["execution", "cancel"]).with_code(2);
    host.post("/executions/cancel", &json!({"dry_run": true})).with_status(400);
    host.stop();
}

#[test]
fn in_a_maintenance_window_rules_rest() {
    let place = Place::default();
    let host = place.start(&[]);
    let tagged = RULE.replace("enabled: true", "enabled: true\ntags: [{name: team, value: web}]");
    host.ok(&["rule", "create", &place.write("rule.yaml", &tagged)]);
    let rule = ["--rule", "examples.hello", "--until", "10s"];
    let made = host.ok(&[&["maintenance", "create", "short"][..], &rule].concat()).stdout;
    assert_says(&made, &["state:", "lasts", "rule examples.hello"]);
    let answer = host.post("/webhooks/hello", &json!({"who": "ada"})).with_status(202);
    let execution = answer.header("x-execution-ids").to_owned();
    let held = host.execution(&execution);
    assert_eq!(held["status"], "delayed");
    assert_says(held["wait_reason"].as_str().unwrap(), &["maintenance window short holds it until"]);
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &["held by maintenance window short until"]);
    let tried = host.ok(&["rule", "test", "examples.hello", "--instance", "last"]).stderr;
    assert_says(&tried, &["maintenance window short holds what this rule asks for"]);
    host.until(&execution, "succeeded");

    host.ok(&[
        "maintenance",
        "create",
        "long",
        "--pack",
        "core",
        "--tag",
        "team=web",
        "--until",
        "1h",
        "--drop",
    ]);
    assert_says(&host.ok(&["maintenance", "list"]).stdout, &["long", "drop", "pack core, tag team=web"]);
    for (arguments, code, says) in [
        (&["create", "x", "--until", "1h"][..], 2, "--pack"),
        (&["create", "x", "--pack", "exmaples", "--until", "1h"], 3, "exmaples"),
        (&["create", "x", "--rule", "nopack", "--until", "1h"], 2, "pack.name"),
        (&["create", "x", "--tag", "team", "--until", "1h"], 2, "--tag team=VALUE"),
        (&["create", "x", "--tag", "team=wbe", "--until", "1h"], 3, "did you mean `team=web`?"),
        (&["create", "x", "--pack", "core", "--until", "22:00"], 2, "write the day as well"),
        (&["create", "x", "--pack", "core", "--until", "2020-01-01"], 2, "before it begins"),
        (&["create", "long", "--pack", "core", "--until", "1h"], 6, "exists already"),
        (&["delete", "lnog"], 3, "did you mean `long`?"),
    ] {
        let refused = host.cli(&[&["maintenance"], arguments].concat()).with_code(code);
        assert_says(&refused.stderr, &[says]);
    }
    host.ok(&["maintenance", "delete", "long"]);
    assert!(host.list("/maintenance").iter().all(|window| window["state"] == "ended"));
    host.stop();
}

#[test]
fn a_rule_whose_action_fails_again_and_again_is_paused_and_resumed() {
    let place = Place::default();
    let host = place.start(&[]);
    let text = "name: fragile\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: fragile}}\n\
                action: {ref: core.local, parameters: {cmd: 'exit 3'}}\n";
    let breaker = "circuit_breaker: {failures: 2, within: 10m, pause: 1h}\n";
    let file = place.write("fragile.yaml", &format!("{text}{breaker}"));
    host.ok(&["rule", "create", &file]);
    for count in 1..3 {
        host.post("/webhooks/fragile", &json!({})).with_status(202);
        let id = host.list("/executions")[0]["id"].as_str().unwrap().to_owned();
        host.until(&id, "failed");
        assert_eq!(host.list("/executions").len(), count);
    }
    host.post("/webhooks/fragile", &json!({})).with_status(202);
    assert_eq!(host.list("/executions").len(), 2, "it does not fire");
    let rule = host.get("/rules/examples.fragile").with_status(200).json();
    assert_eq!((&rule["breaker"]["state"], &rule["breaker"]["failures"]), (&json!("open"), &json!(2)));
    assert_eq!(rule["circuit_breaker"], json!({"failures": 2, "within": "10m", "pause": "1h"}));
    assert_says(&host.ok(&["rule", "list"]).stdout, &["paused"]);
    let pauses = "the circuit breaker pauses this rule until";
    assert_says(&host.ok(&["rule", "why", "examples.fragile"]).stdout, &[pauses, "petrel rule resume"]);
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &[pauses]);
    assert_says(&host.ok(&["rule", "test", "examples.fragile", "--instance", "last"]).stderr, &[pauses]);
    host.ok(&["rule", "resume", "examples.fragile"]);
    host.post("/webhooks/fragile", &json!({})).with_status(202);
    assert_eq!(host.list("/executions").len(), 3);
    // A printed rule can be sent back.
    let printed = host.get("/rules/examples.fragile").with_status(200).json();
    let again = place.write("again.json", &printed.to_string());
    host.ok(&["rule", "update", "examples.fragile", &again]);
    for (wrong, says) in
        [("{failures: 0, within: 10m, pause: 1h}", "from 1 to 100"), ("{failures: 2}", "within")]
    {
        let file = place.write("wrong.yaml", &format!("{text}circuit_breaker: {wrong}\n"));
        let refused = host.cli(&["rule", "update", "examples.fragile", &file]).with_code(2);
        assert_says(&refused.stderr, &[says]);
    }
    host.stop();
}
