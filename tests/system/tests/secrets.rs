//! Secrets are masked wherever they are shown, but for the admin who asks for them.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

mod told;

use std::fs;
use std::path::Path;

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

const MASK: &str = "********";
const SECRET: &str = "tops3cret";

/// A pack whose action takes secrets and gives some.
fn pack(place: &Place) {
    place.write(
        "vault/pack.yaml",
        "name: vault\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n",
    );
    place.write(
        "vault/actions/open.yaml",
        "name: open\nrunner_type: python-script\nentry_point: open.py\nparameters:\n  pin: {type: string, secret: true}\n  login: {type: object, properties: {user: {type: string}, password: {type: string, secret: true}}}\noutput_schema:\n  token: {type: string, secret: true}\n  name: {type: string}\n",
    );
    place.write(
        "vault/actions/open.py",
        "from st2common.runners.base_action import Action\nclass Open(Action):\n    def run(self, pin=None, login=None):\n        return {'token': pin, 'name': 'n'}\n",
    );
}

/// What an answer says, as text.
fn text(host: &Host<'_>, path: &str) -> String {
    host.get(path).with_status(200).body
}

fn what_is_wrong_with_a_secret_is_said_without_it(host: &Host<'_>) {
    let wrong = json!({"action": "vault.open", "parameters": {"login": {"password": [SECRET]}}});
    let refused = host.post("/executions", &wrong).with_status(400);
    assert!(!refused.body.contains(SECRET), "{}", refused.body);
    // It may look like a template.
    let wrong = json!({"action": "vault.open", "parameters": {"pin": format!("{{{{ {SECRET} }}}}")}});
    let refused = host.post("/executions", &wrong).with_status(400);
    assert_says(&refused.body, &["parameter pin refers to something that does not exist"]);
    assert!(!refused.body.contains(SECRET), "{}", refused.body);
}

/// It may be a secret under a misspelled name.
fn what_is_not_declared_beside_a_secret_is_masked(host: &Host<'_>, rule: &Value) {
    let mut misspelled = rule.clone();
    *misspelled.pointer_mut("/name").unwrap() = json!("misspelled");
    *misspelled.pointer_mut("/action/parameters").unwrap() = json!({"pni": SECRET});
    host.post("/rules", &misspelled).with_status(201);
    for path in ["/rules", "/rules/examples.misspelled"] {
        assert!(!text(host, path).contains(SECRET), "{path}");
        assert!(
            text(host, &format!("{path}?show_secrets=true")).contains(SECRET),
            "{path}: the admin may see it"
        );
    }
}

/// What was secret of something that is gone is not known any more.
fn what_is_gone_shows_nothing(place: &Place, host: &Host<'_>, rule: &Value, id: &str, paths: &[String]) {
    host.ok(&["rule", "delete", "examples.r"]);
    host.post("/rules", rule).with_status(201);
    fs::remove_file(place.path("vault/actions/open.yaml")).unwrap();
    host.ok(&["pack", "register", &place.path("vault")]);
    for path in paths {
        let shown = text(host, path);
        assert!(!shown.contains(SECRET), "{path}: {shown}");
        assert!(
            text(host, &format!("{path}?show_secrets=true")).contains(SECRET),
            "{path}: the admin may see it"
        );
    }
    assert_eq!(host.get(&format!("/executions/{id}/result")).json().pointer("/result"), Some(&json!(MASK)));
    let told = host.ok(&["execution", "get", id]);
    assert_says(&told.stderr, &["what was secret of its parameters and its result is not known"]);
}

#[test]
fn secrets_are_masked_where_they_are_shown() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    host.ok(&["pack", "register", &place.path("vault")]);
    let parameters = json!({"pin": SECRET, "login": {"user": "u", "password": SECRET}});
    let id = host.request(&json!({"action": "vault.open", "parameters": parameters}));
    let ended = host.until(&id, "succeeded");
    assert_eq!(ended["parameters"], json!({"pin": MASK, "login": {"user": "u", "password": MASK}}));
    assert_eq!(ended["result"]["result"], json!({"token": MASK, "name": "n"}));
    let rule = json!({"pack": "examples", "name": "r", "enabled": true, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": "vault.open", "parameters": parameters}});
    host.post("/rules", &rule).with_status(201);

    let paths = [
        "/executions".to_owned(),
        format!("/executions/{id}"),
        format!("/executions/{id}/result"),
        format!("/executions/{id}/attribute/result"),
        "/rules".to_owned(),
        "/rules/examples.r".to_owned(),
    ];
    host.post("/users", &json!({"name": "bob", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "bob"})).with_status(201).json();
    let bob = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap());
    for path in &paths {
        assert!(!text(&host, path).contains(SECRET), "{path}");
        let asked = format!("{path}?show_secrets=true");
        assert!(text(&host, &asked).contains(SECRET), "{path}: the admin may see it");
        let others = host.send_plain("GET", &format!("/api/v1{asked}"), &bob, b"").with_status(200);
        assert!(!others.body.contains(SECRET), "{path}: others may not");
    }
    for verb in [
        &["execution", "get", &id][..],
        &["execution", "list", "--json"],
        &["rule", "get", "examples.r"],
        &["rule", "list", "--json"],
    ] {
        assert!(!host.ok(verb).stdout.contains(SECRET), "{verb:?}");
        let asked = [verb, &["--show-secrets"]].concat();
        assert!(host.ok(&asked).stdout.contains(SECRET), "{asked:?}");
    }
    // What was printed comes back, and stands for what it was.
    let mut printed: Value = host.get("/rules/examples.r").json();
    printed["description"] = json!("changed");
    let body = printed.to_string();
    host.try_send("PUT", "/rules/examples.r", "", body.as_bytes()).unwrap().with_status(200);
    assert!(text(&host, "/rules/examples.r?show_secrets=true").contains(SECRET));
    // It is no secret where none is kept.
    printed["name"] = json!("copy");
    let refused = host.post("/rules", &printed).with_status(400);
    assert!(refused.body.contains("where no secret is kept"), "{}", refused.body);

    what_is_wrong_with_a_secret_is_said_without_it(&host);
    what_is_not_declared_beside_a_secret_is_masked(&host, &rule);

    what_is_gone_shows_nothing(&place, &host, &rule, &id, &paths);
    host.stop();
}

#[test]
fn what_is_made_from_a_secret_is_masked_whatever_is_declared_later() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    place.write("vault/config.schema.yaml", "ckey: {type: string, secret: true}\nurl: {type: string}\n");
    let note = |pin: &str| {
        let parameters =
            format!("parameters: {{note: {{type: string}}, n: {{type: integer}}, pin: {pin}}}\n");
        place.write("vault/actions/note.yaml", &format!("name: note\nrunner_type: noop\n{parameters}"));
        host.ok(&["pack", "register", &place.path("vault")]);
    };
    note("{type: string, secret: true}");
    let values = json!({"ckey": SECRET, "url": "u"}).to_string();
    host.try_send("PUT", "/configs/vault", "", values.as_bytes()).unwrap().with_status(200);
    let ids: Vec<_> = [
        (json!({"note": "{{ config_context.ckey }}"}), json!({"note": MASK})),
        (json!({"note": "{{ pin }}", "pin": SECRET}), json!({"note": MASK, "pin": MASK})),
        (json!({"note": "{{ config_context.url }}"}), json!({"note": "u"})),
    ]
    .into_iter()
    .map(|(given, shown)| {
        let id = host.request(&json!({"action": "vault.note", "parameters": given}));
        assert_eq!(host.until(&id, "succeeded")["parameters"], shown, "{given}");
        (id, shown)
    })
    .collect();
    let wrong = json!({"action": "vault.note", "parameters": {"pin": SECRET, "n": "{{ pin }}"}});
    let refused = host.post("/executions", &wrong).with_status(400);
    assert_says(&refused.body, &["parameter n is not a value of type integer"]);
    assert!(!refused.body.contains(SECRET), "{}", refused.body);
    // It was a secret when it was given.
    note("{type: string}");
    for (id, shown) in ids {
        let path = format!("/executions/{id}");
        assert_eq!(host.get(&path).json()["parameters"], shown, "{path}");
        let is_kept = text(&host, &format!("{path}?show_secrets=true")).contains(SECRET);
        assert_eq!(is_kept, shown["note"] == MASK, "{path}: the admin may see it");
    }
    host.stop();
}

#[test]
fn a_secret_result_is_masked_whatever_its_action_says_later() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    let register = || host.ok(&["pack", "register", &place.path("vault")]);
    register();
    let id = host.request(&json!({"action": "vault.open", "parameters": {"pin": SECRET}}));
    let masked = json!({"token": MASK, "name": "n"});
    assert_eq!(host.until(&id, "succeeded")["result"]["result"], masked);
    let file = place.path("vault/actions/open.yaml");
    let with_marks = fs::read_to_string(&file).unwrap();
    // Taken out and put in again it is not the action that it was.
    fs::remove_file(&file).unwrap();
    register();
    for (text, result) in [
        (with_marks.replace("token: {type: string, secret: true}", "token: {type: string}"), json!(MASK)),
        (with_marks, masked),
    ] {
        place.write("vault/actions/open.yaml", &text);
        register();
        let shown = host.get(&format!("/executions/{id}")).json();
        assert_eq!(shown["result"]["result"], result);
        assert!(!shown.to_string().contains(SECRET), "{shown}");
        assert!(!text_of_output(&host, &id).contains(SECRET));
    }
    host.stop();
}

/// What an execution printed, as others are shown it.
fn text_of_output(host: &Host<'_>, id: &str) -> String {
    text(host, &format!("/executions/{id}/output"))
}

#[test]
fn output_that_is_a_secret_result_is_masked_too() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    let action = "name: tell\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: 'echo tops3cret; echo fine >&2'}}\n";
    let file = place.write(
        "vault/actions/tell.yaml",
        &format!("{action}output_schema: {{type: string, secret: true}}\n"),
    );
    host.ok(&["pack", "register", &place.path("vault")]);
    let id = host.request(&json!({"action": "vault.tell"}));
    assert_eq!(host.until(&id, "succeeded")["result"]["stdout"], MASK);
    let output = format!("/executions/{id}/output");
    let lines = |path: &str| {
        let mut lines: Vec<_> = text(&host, path).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&output), [MASK, "fine"]);
    assert_eq!(lines(&format!("{output}?show_secrets=true")), ["fine", SECRET]);
    // Of an action that is gone nobody knows what it was.
    fs::remove_file(&file).unwrap();
    host.ok(&["pack", "register", &place.path("vault")]);
    assert_eq!(lines(&output), [MASK, MASK]);
    host.stop();
}

/// A place whose host knows webhooks with secrets: no trigger type that it brings calls anything secret, so the file of
/// one is changed. A data directory that was moved is registered anew.
fn with_secret_webhooks(first: &Place) -> Place {
    first.start(&[]).stop();
    let file = first.data().join("packs/core/triggers/webhook.yaml");
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str("          properties: {pin: {secret: true}, hosts: {type: array, items: {properties: {token: {secret: true}}}}}\n");
    fs::write(&file, text).unwrap();
    let moved = first.path("moved");
    fs::rename(first.data(), &moved).unwrap();
    Place::with_data(Path::new(&moved))
}

#[test]
fn secrets_of_an_event_are_masked_where_it_is_shown() {
    let first = Place::default();
    let place = with_secret_webhooks(&first);
    let host = place.start(&[]);
    let kind = host.get("/triggertypes/core.st2.webhook").with_status(200).body;
    assert_says(&kind, &["\"secret\":true"]);
    for (name, criteria, parameters) in [
        ("other", json!({"trigger.body.pin": {"type": "equals", "pattern": "1"}}), json!({"cmd": "true"})),
        ("unchecked", json!({"trigger.body.pin": {"type": "gt", "pattern": 5}}), json!({"cmd": "true"})),
        ("miscast", json!({}), json!({"cmd": "true", "timeout": "{{ trigger.body.pin }}"})),
        ("broken", json!({}), json!({"cmd": "{{ trigger.body.hosts[0].token | version_bump_major }}"})),
    ] {
        let rule = json!({"pack": "examples", "name": name, "enabled": true, "criteria": criteria, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": "core.local", "parameters": parameters}});
        host.post("/rules", &rule).with_status(201);
    }
    let event = json!({"pin": SECRET, "hosts": [{"token": SECRET, "name": "web1"}], "n": 1});
    let answer = host.post("/webhooks/u", &event).with_status(202);
    let (id, ran) = (answer.header("x-trigger-instance-id"), answer.header("x-execution-ids"));
    let failed: Vec<_> = ran.split(',').map(|id| host.until(id, "failed").to_string()).collect();
    assert_eq!(failed.len(), 2);
    for text in &failed {
        assert!(text.contains("neither its text nor its value is shown") && !text.contains(SECRET), "{text}");
    }

    let masked = json!({"pin": MASK, "hosts": [{"token": MASK, "name": "web1"}], "n": 1});
    assert_eq!(host.get(&format!("/triggerinstances/{id}")).json()["payload"]["body"], masked);
    host.post("/users", &json!({"name": "bob", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "bob"})).with_status(201).json();
    let bob = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap());
    let one = format!("/triggerinstances/{id}");
    for (path, is_kept) in [
        (one.clone(), true),
        ("/triggerinstances".to_owned(), true),
        (format!("{one}/why"), true),
        // What was stored with its reason was never there.
        ("/ruleenforcements".to_owned(), false),
        (format!("/executions?trigger_instance={id}"), false),
    ] {
        assert!(!text(&host, &path).contains(SECRET), "{path}");
        let asked = if path.contains('?') { "&" } else { "?" };
        let asked = format!("{path}{asked}show_secrets=true");
        assert_eq!(text(&host, &asked).contains(SECRET), is_kept, "{path}: the admin may see it");
        let others = host.send_plain("GET", &format!("/api/v1{asked}"), &bob, b"").with_status(200);
        assert!(!others.body.contains(SECRET), "{path}: others may not");
    }
    let why = host.ok(&["trigger", "why", id]).stdout;
    assert_says(&why, &["trigger.body.pin equals", "what it compares is secret"]);
    assert!(!why.contains(SECRET), "{why}");
    for verb in [&["get", id][..], &["why", id], &["instances", "--json"]] {
        let asked = [&["trigger"], verb, &["--show-secrets"]].concat();
        assert!(host.ok(&asked).stdout.contains(SECRET), "{asked:?}");
    }
    host.stop();
}

#[test]
fn a_broken_template_of_a_secret_is_not_quoted() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    host.ok(&["pack", "register", &place.path("vault")]);
    let rule = |reference: &str, parameters: Value| json!({"pack": "examples", "name": "r", "enabled": true, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": reference, "parameters": parameters}});
    let broken = format!("{SECRET} {{{{ {SECRET} ( }}}}");
    for (rule, at) in [
        (rule("vault.open", json!({"pin": broken})), "action.parameters.pin"),
        (rule("vault.open", json!({"login": {"password": broken}})), "action.parameters.login.password"),
        (
            rule("core.local", json!({"cmd": "true", "sudo_password": broken})),
            "action.parameters.sudo_password",
        ),
        // What is secret of an action that is not there is not known.
        (rule("vault.gone", json!({"pin": broken})), "action.parameters.pin"),
    ] {
        let refused = host.post("/rules", &rule).with_status(400);
        assert_says(&refused.body, &[at, "cannot be read"]);
        assert!(!refused.body.contains(SECRET), "{}", refused.body);
    }
    // Of what is none, the author sees what he wrote.
    let refused = host.post("/rules", &rule("core.local", json!({"cmd": broken}))).with_status(400);
    assert_says(&refused.body, &["action.parameters.cmd: template", SECRET]);
    place.write(
        "vault/rules/r.yaml",
        &rule("vault.open", json!({"pin": broken})).to_string().replace("examples", "vault"),
    );
    // That rule alone is left out.
    let refused = host.cli(&["pack", "register", &place.path("vault")]).with_code(0);
    assert_says(&refused.stderr, &["`vault.r` is refused", "action.parameters.pin", "cannot be read"]);
    assert!(!refused.stderr.contains(SECRET), "{}", refused.stderr);
    host.stop();
}

#[test]
fn workflows_quote_no_secret() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    let parameters = "parameters:\n  pin: {type: string, secret: true}\n";
    for (name, runner, text) in [
        (
            "named",
            "orquesta",
            "version: 1.0\ninput: [pin]\ntasks:\n  a: {action: vault.open, input: {pin: '<% int(ctx().pin) + len(tops3cret) %>'}}\n",
        ),
        // The parameter is no secret, its value is one.
        (
            "quoted",
            "orquesta",
            "version: 1.0\ninput: [pin]\ntasks:\n  a: {action: core.echo, input: {message: '<% int(ctx().pin) %>'}}\n",
        ),
        (
            "chain",
            "action-chain",
            "chain:\n  - {name: a, ref: vault.open, parameters: {pin: '{{ tops3cret.tops3cret }}'}}\n",
        ),
    ] {
        place.write(&format!("vault/actions/workflows/{name}.yaml"), text);
        place.write(
            &format!("vault/actions/{name}.yaml"),
            &format!("name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\n{parameters}"),
        );
    }
    host.ok(&["pack", "register", &place.path("vault")]);
    for (action, says) in [
        ("vault.named", "The parameter pin of vault.open cannot be evaluated"),
        ("vault.quoted", "Unable to evaluate expression '<% int(ctx().pin) %>'"),
        ("vault.chain", "it may hold a secret, so neither its template nor a value is shown"),
    ] {
        let id = host.request(&json!({"action": action, "parameters": {"pin": SECRET}}));
        let failed = host.until(&id, "failed")["result"].to_string();
        assert!(failed.contains(says) && !failed.contains(SECRET), "{failed}");
    }
    host.stop();
}
