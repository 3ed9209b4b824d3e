//! Events of the platform itself on the real host: rules listen to the ends of actions, a loop of rules ends, and events are
//! sent by hand and by an action.

use petrel_system_tests::{Place, assert_says, eventually};
use serde_json::{Value, json};

#[test]
fn a_rule_acts_after_an_action() {
    let place = Place::default();
    let host = place.start(&[]);
    let file = place.path("told");
    let rule = json!({
        "name": "tell", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.generic.actiontrigger"},
        "criteria": {"trigger.action_ref": {"type": "equals", "pattern": "core.noop"}},
        "action": {
            "ref": "core.local",
            "parameters": {"cmd": format!("echo {{{{ trigger.execution_id }}}} {{{{ trigger.status }}}} >> {file}")},
        },
    });
    host.post("/rules", &rule).with_status(201);
    let first = host.request(&json!({"action": "core.noop"}));
    host.until(&first, "succeeded");
    let told = eventually("the rule has acted", || {
        std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(told, format!("{first} succeeded\n"));
    let acted = eventually("its execution has ended", || {
        let found = host.list("/executions?rule=examples.tell&status=succeeded");
        found.into_iter().next()
    });
    assert_eq!(acted["trace"], host.execution(&first)["trace"]);
    // Its own end is an event, too, which does not match.
    let event = acted["trigger_instance"]["id"].as_str().unwrap_or_default();
    let event = host.get(&format!("/triggerinstances/{event}")).with_status(200).json();
    assert_eq!(event["payload"]["execution_id"], json!(first));

    // Events of the platform are the last ones only where nothing else came in, or where they are asked for.
    let internal = "core.st2.generic.actiontrigger";
    let last = |more: &str| host.get(&format!("/triggerinstances/last/why{more}")).with_status(200).json();
    let kind = |why: Value| why["trigger_instance"]["trigger_type"].clone();
    assert_eq!(kind(last("")), json!(internal));
    let hook = json!({
        "name": "hook", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "sample"}}, "action": {"ref": "core.noop"},
    });
    host.post("/rules", &hook).with_status(201);
    host.post("/webhooks/sample", &json!({})).with_status(202);
    eventually("its action has ended, which is an event", || {
        let newest = host.list("/triggerinstances?limit=1");
        (newest[0]["trigger_type"] == json!(internal)).then_some(())
    });
    assert_eq!(kind(last("")), json!("core.st2.webhook"));
    assert_eq!(kind(last(&format!("?trigger_type={internal}"))), json!(internal));
    let why = host.cli(&["trigger", "why", "last", "--trigger", "core.st2.webhok"]).with_code(3);
    assert_says(&why.stderr, &["core.st2.webhook"]);
    host.cli(&["trigger", "why", event["id"].as_str().unwrap_or_default(), "--trigger", internal])
        .with_code(2);
    // The last one is the end of what the rule itself has run.
    let tried = host.cli(&["rule", "test", "examples.tell", "--instance", "last"]).with_code(1);
    assert_says(&tried.stdout, &["examples.tell: "]);
    host.stop();
}

#[test]
fn a_rule_that_sets_itself_off_is_stopped() {
    let place = Place::default();
    let host = place.start(&["--triggers-max-depth", "3"]);
    let rule = json!({
        "name": "again", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.generic.actiontrigger"}, "action": {"ref": "core.noop"},
    });
    host.post("/rules", &rule).with_status(201);
    host.until(&host.request(&json!({"action": "core.noop"})), "succeeded");
    let ended = || host.list("/executions?rule=examples.again&status=succeeded&limit=100");
    eventually("the loop has come to its end", || (ended().len() == 3).then_some(()));
    let notes = || {
        host.list("/ruleenforcements?rule_ref=examples.again")
            .iter()
            .filter(|one| !one["note"].is_null())
            .count()
    };
    assert_eq!(notes(), 1);
    // What is run by hand later is at no depth.
    host.until(&host.request(&json!({"action": "core.noop"})), "succeeded");
    eventually("it goes as far again", || (ended().len() == 6).then_some(()));
    host.stop();
}

#[test]
fn events_are_sent_by_hand_and_by_an_action() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = json!({
        "name": "hook", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "sample"}},
        "action": {"ref": "core.echo", "parameters": {"message": "{{ trigger.body.n }}"}},
    });
    host.post("/rules", &rule).with_status(201);
    let payload = json!({"body": {"n": "1"}});
    let count = || host.list("/executions?rule=examples.hook&limit=100").len();
    let emitted = [
        "trigger",
        "emit",
        "core.st2.webhook",
        "--parameter",
        "url=sample",
        "--payload",
        &payload.to_string(),
        "-j",
    ];
    let event = host.ok(&emitted).json();
    assert_eq!((&event["payload"], count()), (&payload, 1));
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    let again = host.post(&format!("/triggerinstances/{id}/re_emit"), &Value::Null).with_status(200).json();
    assert_says(again["message"].as_str().unwrap_or_default(), &[&id, "succesfully re-sent"]);
    let mut marked = payload.clone();
    marked["__context"] = json!({"original_id": id});
    assert_eq!((&again["payload"], count()), (&marked, 2));
    host.ok(&["trigger", "re-emit", &id]);
    assert_eq!(count(), 3);
    let trigger = event["trigger"].clone();
    let body = json!({"trigger": trigger, "payload": payload});
    let answer = host.post("/webhooks/st2", &body).with_status(202);
    assert_eq!((answer.json(), count()), (body, 4));
    let parameters = json!({"trigger": trigger, "payload": payload});
    let injected = host.request(&json!({"action": "core.inject_trigger", "parameters": parameters}));
    let injected = host.until(&injected, "succeeded");
    assert_eq!(injected["result"]["executions"].as_array().map(Vec::len), Some(1), "{injected}");
    assert_eq!(count(), 5);
    for (path, body, status, says) in [
        ("/webhooks/st2", json!({"payload": {}}), 400, "Trigger not specified"),
        ("/webhooks/st2", json!({"trigger": "core.none"}), 404, "core.none"),
        ("/triggerinstances", json!({"trigger": "core.st2.webhok"}), 404, "did you mean `core.st2.webhook`?"),
        ("/triggerinstances/5f0000000000000000000000/re_emit", json!({}), 404, "5f0000000000000000000000"),
    ] {
        assert_says(&host.post(path, &body).with_status(status).body, &[says]);
    }
    let lost =
        host.request(&json!({"action": "core.inject_trigger", "parameters": {"trigger": "core.none"}}));
    assert_eq!(host.until(&lost, "failed")["result"]["code"], "not_found");
    host.stop();
}

#[test]
fn an_action_that_fails_tells_of_it() {
    let place = Place::default();
    place.write(
        "mine/pack.yaml",
        "ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n",
    );
    place.write(
        "mine/actions/breaks.yaml",
        "name: breaks\nrunner_type: local-shell-cmd\nenabled: true\nparameters: {cmd: {default: exit 3}}\n\
         notify:\n  on-failure:\n    routes: [ops]\n    message: \"exit {{ action_results.return_code }}\"\n    \
         data: {user: \"{{ action_context.user }}\"}\n",
    );
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("mine")]);
    let file = place.path("told");
    let line = "{{ trigger.execution_id }} {{ trigger.status }} {{ trigger.message }} {{ trigger.data.user | default('nobody') }}";
    let rule = json!({
        "name": "tell", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.generic.notifytrigger"},
        "criteria": {"trigger.route": {"type": "equals", "pattern": "ops"}},
        "action": {"ref": "core.local", "parameters": {"cmd": format!("echo {line} >> {file}")}},
    });
    let made = host.post("/rules", &rule).with_status(201).body;
    assert!(!made.contains("makes no events"), "{made}");
    let failed = host.request(&json!({"action": "mine.breaks"}));
    let ended = host.until(&failed, "failed");
    assert_eq!(ended["liveaction"]["notify"]["on-failure"]["routes"], json!(["ops"]));
    let told = eventually("the rule has acted", || {
        std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'))
    });
    let user = ended["context"]["user"].as_str().unwrap_or_default();
    assert_eq!(told, format!("{failed} failed exit 3 {user}\n"));
    // Success is not told of, and a request may name somebody, too.
    host.until(&host.request(&json!({"action": "mine.breaks", "parameters": {"cmd": "true"}})), "succeeded");
    host.ok(&["run", "--notify", "ops", "--notify", "nobody", "core.noop"]);
    let told = eventually("the rule has acted again", || {
        std::fs::read_to_string(&file).ok().filter(|text| text.lines().count() == 2)
    });
    assert_says(&told, &["succeeded Action core.noop completed."]);
    eventually("both routes are told", || {
        let told = host.list("/triggerinstances?trigger_type=core.st2.generic.notifytrigger&limit=100");
        (told.len() == 3).then_some(())
    });
    host.stop();
}
