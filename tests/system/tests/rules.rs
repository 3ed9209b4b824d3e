//! The life of a rule at the command line.

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::json;

const RULE: &str = "
name: hello
pack: examples
description: Says hello.
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: /hello/}}
action: {ref: core.local, parameters: {cmd: 'echo {{ trigger.body.who | shell_quote }}'}}
";

/// The status of a POST to the webhook `url`, and how many executions it led to.
fn event(host: &Host<'_>, url: &str) -> (u16, usize) {
    let answer = host.post(&format!("/webhooks/{url}"), &json!({"who": "$(id)"}));
    (answer.status, answer.header("x-execution-ids").split_terminator(',').count())
}

#[test]
fn made_switched_changed_deleted() {
    let place = Place::default();
    let host = place.start(&[]);
    let file = place.write("rule.yaml", RULE);
    let made = host.ok(&["rule", "create", &file]);
    assert!(!made.stderr.contains("warning"), "{made:?}");
    assert_eq!(event(&host, "hello"), (202, 1));
    let id = host.ok(&["execution", "get", "last", "-j"]).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(host.until(&id, "succeeded")["result"]["stdout"], "$(id)");

    assert_says(
        &host.ok(&["rule", "disable", "examples.hello"]).stderr,
        &["disabled examples.hello", "petrel rule enable"],
    );
    assert_eq!(event(&host, "hello"), (202, 0));
    assert_says(
        &host.ok(&["trigger", "why", "last"]).stdout,
        &["examples.hello: does not match: it is disabled"],
    );
    // The newest execution did not come of that event.
    for verb in ["tail", "get", "output"] {
        let stderr = host.ok(&["execution", verb, "last"]).stderr;
        assert_says(&stderr, &["is the newest execution", "came later", "petrel trigger why last"]);
    }
    assert_says(&host.ok(&["rule", "enable", "examples.hello"]).stderr, &["enabled examples.hello"]);
    assert_eq!(event(&host, "hello"), (202, 1));

    let before = host.ok(&["rule", "get", "examples.hello", "-j"]).json();
    let changed =
        place.write("changed.yaml", &RULE.replace("/hello/", "hallo").replace("Says hello", "Sagt hallo"));
    host.ok(&["rule", "update", "examples.hello", &changed]);
    let after = host.ok(&["rule", "get", "examples.hello", "-j"]).json();
    assert_eq!((&after["id"], after["description"].as_str()), (&before["id"], Some("Sagt hallo.")));
    assert_eq!((event(&host, "hello"), event(&host, "hallo")), ((404, 0), (202, 1)));

    // A rule that gets another name is said to, since another may have been meant.
    let renamed = place.write("renamed.yaml", &RULE.replace("name: hello", "name: hola"));
    let said = host.ok(&["rule", "update", "examples.hello", &renamed]).stderr;
    assert_says(&said, &["warning: rule examples.hello is called examples.hola", "updated examples.hola"]);
    host.ok(&["rule", "update", "examples.hola", &changed]);

    assert_says(&host.ok(&["rule", "list"]).stdout, &["RULE", "examples.hello", "core.local", "Sagt hallo."]);
    assert_eq!(host.ok(&["rule", "list", "--pack", "examples", "-j"]).json().as_array().unwrap().len(), 1);
    host.ok(&["rule", "delete", "examples.hello"]);
    assert_eq!(event(&host, "hallo"), (404, 0));
    for arguments in [
        &["get", "examples.hello"][..],
        &["delete", "examples.hello"],
        &["enable", "examples.hello"],
        &["update", "examples.hello", &changed],
    ] {
        let refused = host.cli(&[&["rule"], arguments].concat()).with_code(3);
        assert_says(&refused.stderr, &["rule `examples.hello` does not exist"]);
    }
    host.stop();
}

#[test]
fn every_rule_that_matches_has_its_execution() {
    let place = Place::default();
    let host = place.start(&[]);
    for (name, pattern) in [("one", "a"), ("two", "a"), ("three", "b")] {
        let text = format!(
            "name: {name}\npack: examples\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: many}}}}\ncriteria: {{trigger.body.kind: {{type: equals, pattern: {pattern}}}}}\naction: {{ref: core.noop}}\n"
        );
        host.ok(&["rule", "create", &place.write("rule.yaml", &text)]);
    }
    let answer = host.post("/webhooks/many", &json!({"kind": "a"})).with_status(202);
    let ids: Vec<_> = answer.header("x-execution-ids").split(',').collect();
    assert_eq!(ids.len(), 2);
    let mut rules: Vec<_> =
        ids.iter().map(|id| host.until(id, "succeeded")["rule"]["ref"].to_string()).collect();
    rules.sort();
    assert_eq!(rules, ["\"examples.one\"", "\"examples.two\""]);
    let of_event = format!("/executions?trigger_instance={}", answer.header("x-trigger-instance-id"));
    assert_eq!(host.list(&of_event).len(), 2);
    assert_eq!(host.list(&format!("{of_event}&rule=examples.one")).len(), 1);
    assert_eq!(host.list(&format!("{of_event}&rule=examples.three")).len(), 0);
    // Parameters that cannot be made of the event are a failed execution, where people look.
    let text = "name: wrong\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: wrong}}\naction: {ref: core.local, parameters: {cmd: 'true', timeout: '{{ trigger.body.soon }}'}}\n";
    host.ok(&["rule", "create", &place.write("rule.yaml", text)]);
    let answer = host.post("/webhooks/wrong", &json!({"soon": "soon"})).with_status(202);
    let failed = host.until(answer.header("x-execution-ids"), "failed");
    assert_says(failed["result"]["error"].as_str().unwrap(), &["rule examples.wrong", "timeout"]);
    host.stop();
}

#[test]
fn secrets_are_masked_and_kept() {
    let place = Place::default();
    let host = place.start(&[]);
    let secret = RULE.replace("parameters: {cmd:", "parameters: {sudo_password: hunter2, cmd:");
    host.ok(&["rule", "create", &place.write("rule.yaml", &secret)]);
    let printed = host.ok(&["rule", "get", "examples.hello", "-j"]).stdout;
    assert!(printed.contains("********") && !printed.contains("hunter2"), "{printed}");
    // Fed back, the mask stands for what it hides; the action still gets it, and nobody else sees it.
    host.ok(&["rule", "update", "examples.hello", &place.write("printed.json", &printed)]);
    assert_eq!(event(&host, "hello"), (202, 1));
    let id = host.ok(&["execution", "get", "last", "-j"]).json()["id"].as_str().unwrap().to_owned();
    let execution = host.until(&id, "succeeded").to_string();
    assert!(execution.contains("********") && !execution.contains("hunter2"), "{execution}");
    host.stop();
}

#[test]
fn a_rule_does_not_take_the_name_of_another_one() {
    let place = Place::default();
    let host = place.start(&[]);
    let other = RULE.replace("name: hello", "name: other");
    for text in [RULE, &other] {
        host.ok(&["rule", "create", &place.write("rule.yaml", text)]);
    }
    let file = place.write("other.yaml", &other.replace("Says hello", "Says more"));
    let refused = host.cli(&["rule", "update", "examples.hello", &file]).with_code(6);
    let says = ["`examples.hello` is to be updated", "names rule `examples.other`", "correct its `name`"];
    assert_says(&refused.stderr, &says);
    assert!(!refused.stderr.contains("meanwhile"), "{refused:?}");
    for name in ["examples.hello", "examples.other"] {
        assert_says(&host.ok(&["rule", "get", name]).stdout, &["Says hello."]);
    }
    // Under a name that nobody has it is renamed.
    host.ok(&[
        "rule",
        "update",
        "examples.hello",
        &place.write("new.yaml", &RULE.replace("hello\n", "new\n")),
    ]);
    host.ok(&["rule", "get", "examples.new"]);
    host.stop();
}

/// A rule with very many regular expressions.
fn large_rule(description: &str) -> String {
    let criteria: String = (0..1_000)
        .map(|number| format!("  trigger.body.a{number}: {{type: regex, pattern: '[a-f0-9]{{1,40}}$'}}\n"))
        .collect();
    let text = RULE.replace("Says hello.", description);
    format!("{text}criteria:\n{criteria}")
}

#[test]
fn what_is_changed_while_a_large_rule_is_read_is_not_lost() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", &large_rule("Is large."))]);
    host.ok(&["rule", "create", &place.write("small.yaml", &RULE.replace("hello", "small"))]);
    for round in 0..5 {
        let description = format!("Round {round}.");
        let text = large_rule(&description);
        std::thread::scope(|scope| {
            let update = scope.spawn(|| {
                host.try_send(
                    "PUT",
                    "/rules/examples.hello",
                    "Content-Type: application/yaml\r\n",
                    text.as_bytes(),
                )
            });
            // Others change rules, and send events, while it is compiled.
            let enabled = if round % 2 == 0 { "false" } else { "true" };
            let path = "/rules/examples.small/enabled";
            let head = "Content-Type: application/json\r\n";
            assert_eq!(host.try_send("PUT", path, head, enabled.as_bytes()).unwrap().status, 200);
            let small = host.get("/rules/examples.small").json();
            assert_eq!(small["enabled"].to_string(), enabled);
            assert_eq!(update.join().unwrap().unwrap().status, 200);
        });
        assert_eq!(host.get("/rules/examples.hello").json()["description"], description);
    }
    host.stop();
}

#[test]
fn a_rule_is_as_large_as_is_said_and_no_larger() {
    const LARGEST: usize = 128 << 10;
    let place = Place::default();
    let host = place.start(&[]);
    let text = |length: usize| format!("{RULE}# {}", "x".repeat(length - RULE.len() - 2));
    let head = "Content-Type: application/yaml\r\n";
    let send =
        |method: &str, path: &str, length: usize| host.try_send(method, path, head, text(length).as_bytes());
    for (method, path, status) in [("POST", "/rules", 201), ("PUT", "/rules/examples.hello", 200)] {
        let refused = send(method, path, LARGEST + 1).unwrap().with_status(413);
        let [code, message, hint] = refused.error();
        assert_eq!(code, "too_large");
        assert_says(&message, &["a rule of 131073 bytes", "131072 is the limit"]);
        assert_says(&hint, &["datastore"]);
        assert_eq!(
            host.list("/rules").iter().filter(|rule| rule["ref"] == "examples.hello").count(),
            usize::from(method == "PUT")
        );
        send(method, path, LARGEST).unwrap().with_status(status);
    }
    host.stop();
}

#[test]
fn why_says_what_kept_a_rule_that_matched_from_leading_to_anything() {
    let place = Place::default();
    let host = place.start(&[]);
    let gone = RULE
        .replace("core.local, parameters: {cmd: 'echo {{ trigger.body.who | shell_quote }}'}", "core.gone");
    host.ok(&["rule", "create", &place.write("rule.yaml", &gone)]);
    assert_eq!(event(&host, "hello"), (202, 0));
    let says = [
        "examples.hello: matches: there are no criteria, so it matches always\n",
        "\n  then: nothing was run: action `core.gone` does not exist",
    ];
    let told = host.ok(&["trigger", "why", "last"]).stdout;
    assert_says(&told, &says);
    assert_eq!(told.matches("core.gone").count(), 1, "a reason is printed once: {told}");
    let why = host.get("/triggerinstances/last/why").with_status(200).json();
    assert_eq!(why["rules"][0]["matched"], true);
    assert_says(why["rules"][0]["failure_reason"].as_str().unwrap(), &["`core.gone`"]);

    // Parameters that cannot be made are a failed execution.
    let wrong = RULE.replace("cmd:", "timeout: '{{ trigger.body.who }}', cmd:");
    host.ok(&["rule", "update", "examples.hello", &place.write("wrong.yaml", &wrong)]);
    assert_eq!(event(&host, "hello"), (202, 1));
    let id = host.ok(&["execution", "get", "last", "-j"]).json()["id"].as_str().unwrap().to_owned();
    let failed =
        format!("\n  then: execution {id} failed: the parameters of rule examples.hello cannot be used: ");
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &[&failed, "timeout"]);

    // What went well is told as well, and what went wrong only when it ran.
    host.ok(&["rule", "update", "examples.hello", &place.write("right.yaml", RULE)]);
    let answer = host.post("/webhooks/hello", &json!({"who": "x"})).with_status(202);
    let id = answer.header("x-execution-ids");
    host.until(id, "succeeded");
    let why = host.ok(&["trigger", "why", "last"]).stdout;
    assert!(why.ends_with(&format!("it matches always\n  then: execution {id} succeeded\n")), "{why}");
    let exits = RULE.replace("echo {{ trigger.body.who | shell_quote }}", "echo oh dear >&2; exit 3");
    host.ok(&["rule", "update", "examples.hello", &place.write("exits.yaml", &exits)]);
    let answer = host.post("/webhooks/hello", &json!({"who": "x"})).with_status(202);
    let id = answer.header("x-execution-ids");
    host.until(id, "failed");
    let failed = format!("\n  then: execution {id} failed: oh dear\n");
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &[&failed]);
    host.stop();
}

#[test]
fn why_says_of_a_rule_that_matches_now_why_it_was_not_run_then() {
    let place = Place::default();
    let host = place.start(&[]);
    let disabled = RULE.replace("enabled: true", "enabled: false");
    host.ok(&["rule", "create", &place.write("rule.yaml", &disabled)]);
    assert_eq!(event(&host, "hello"), (202, 0));
    let why = host.ok(&["trigger", "why", "last"]).stdout;
    assert_says(&why, &["examples.hello: does not match: it is disabled\n", "\n  then: nothing was run\n"]);
    host.ok(&["rule", "enable", "examples.hello"]);
    assert_says(
        &host.ok(&["trigger", "why", "last"]).stdout,
        &["\n  then: was not run: the rule was disabled"],
    );
    let later = RULE.replace("name: hello", "name: later");
    host.ok(&["rule", "create", &place.write("later.yaml", &later)]);
    let made = "examples.later: matches: there are no criteria, so it matches always\n  then: was not run: it was made after";
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &[made]);
    let backstop = RULE.replace("name: hello", "name: backstop\ntype: {ref: backstop}");
    host.ok(&["rule", "create", &place.write("backstop.yaml", &backstop)]);
    assert_eq!(event(&host, "hello"), (202, 2));
    assert_says(
        &host.ok(&["trigger", "why", "last"]).stdout,
        &["was not run: it is a backstop, and another"],
    );
    host.stop();
}

#[test]
fn a_rule_that_matched_for_want_of_a_key_says_so() {
    let place = Place::default();
    let host = place.start(&[]);
    let criteria = "criteria: {trigger.body.who: {type: neq, pattern: '{{ st2kv.system.gone }}'}}\naction:";
    host.ok(&["rule", "create", &place.write("rule.yaml", &RULE.replace("action:", criteria))]);
    assert_eq!(event(&host, "hello"), (202, 1));
    let enforcement = &host.list("/ruleenforcements")[0];
    let says = "trigger.body.who was compared with an empty text: the datastore has no key st2kv.system.gone";
    assert_eq!(enforcement["note"], says);
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &["\n  then: ", says]);
    host.stop();
}

#[test]
fn an_id_of_another_kind_is_told_as_that() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    assert_eq!(event(&host, "hello"), (202, 1));
    let id_of = |list: &str| host.list(list)[0]["id"].as_str().unwrap().to_owned();
    let (came, run) = (id_of("/triggerinstances"), id_of("/executions"));
    for (verb, id, says) in [
        ("execution", &came, "this is the id of an event: `petrel trigger get"),
        ("trigger", &run, "this is the id of an execution: `petrel execution get"),
        ("rule-enforcement", &came, "this is the id of an event: `petrel trigger get"),
        ("rule-enforcement", &run, "this is the id of an execution: `petrel rule-enforcement list"),
    ] {
        assert_says(&host.cli(&[verb, "get", id]).with_code(3).stderr, &["does not exist", says]);
    }
    let refused = host.cli(&["execution", "get", "first"]);
    assert_says(&refused.stderr, &["`first` is not an id", "`last` is the newest"]);
    host.stop();
}

#[test]
fn criteria_and_why_see_the_datastore() {
    let place = Place::default();
    let host = place.start(&[]);
    let criteria = "criteria: {trigger.body.who: {type: equals, pattern: '{{ st2kv.system.who }}'}, \
                    system.on: {type: equals, pattern: 'yes'}}\naction:";
    let rule = RULE.replace("action:", criteria);
    host.ok(&["rule", "create", &place.write("rule.yaml", &rule)]);
    host.ok(&["key", "set", "who", "$(id)"]);
    assert_eq!(event(&host, "hello"), (202, 0), "one key is there, the other is not");
    let says = [
        r#"trigger.body.who equals "$(id)" holds"#,
        r#"system.on equals "yes" does not hold: the value is """#,
    ];
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &says);
    host.ok(&["key", "set", "on", "yes"]);
    assert_eq!(event(&host, "hello"), (202, 1));
    // What came of it is that of then, also where the datastore says otherwise now.
    host.ok(&["key", "set", "on", "no"]);
    let says = [
        "with the present rules and datastore",
        r#"system.on equals "yes" does not hold: the value is "no" (the datastore is that of now)"#,
        "; it matched then, and the rule, or what it reads of the datastore, has changed since",
    ];
    assert_says(&host.ok(&["trigger", "why", "last"]).stdout, &says);
    host.ok(&["key", "set", "on", "yes"]);
    assert_eq!(host.get("/triggerinstances/last/why").with_status(200).json()["rules"][0]["matched"], true);
    // What is in the datastore is data.
    host.ok(&["key", "set", "who", "{{ trigger.body.who }}"]);
    assert_eq!(event(&host, "hello"), (202, 0));
    host.stop();
}

#[test]
fn a_rule_is_warned_of_values_that_its_action_refuses() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/pack.yaml", "name: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    place.write(
        "mine/actions/act.yaml",
        "name: act\nrunner_type: noop\nparameters:\n  count: {type: integer}\n  nested: {type: object, properties: {port: {type: integer}}}\n",
    );
    host.ok(&["pack", "register", &place.path("mine")]);
    for (number, (given, says)) in [
        ("count: '5', nested: {port: 1}", ""),
        ("count: '{{ trigger.body.n }}', nested: {port: '{{ trigger.body.p }}'}", ""),
        ("count: many", "\"many\" is not a value of type integer"),
        ("nested: {port: x}", "nested.port: \"x\" is not an integer"),
    ]
    .into_iter()
    .enumerate()
    {
        let rule = format!(
            "name: r{number}\npack: mine\ntrigger: {{type: core.st2.webhook, parameters: {{url: r{number}}}}}\naction: {{ref: mine.act, parameters: {{{given}}}}}\n"
        );
        let made = host.ok(&["rule", "create", &place.write("rule.yaml", &rule)]).stderr;
        assert_eq!(made.contains("every match will fail"), !says.is_empty(), "{given}: {made}");
        assert_says(&made, &[says]);
        assert!(!made.contains("correct the value; correct"), "{made}");
    }
    host.stop();
}
