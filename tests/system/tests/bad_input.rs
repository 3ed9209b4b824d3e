//! What is not right is refused: the message names the object and the remedy, and nothing was done.

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::json;

/// A rule of YAML that lacks nothing; `extra` comes after it.
fn rule(name: &str, extra: &str) -> String {
    format!(
        "name: {name}\npack: examples\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {name}}}}}\naction: {{ref: core.noop}}\n{extra}"
    )
}

fn rules(host: &Host<'_>) -> usize {
    host.list("/rules?pack=examples").len()
}

/// What is wrong with a rule, as a part of a good one and what stands there instead; and what is said of it.
const BAD_RULES: &[(&str, &str, &str, &[&str])] = &[
    ("no YAML", "core.noop}\n", "core.noop}\ntags: [a\n", &["rule.yaml:7:1: ", "this is not YAML"]),
    (
        "unknown key",
        "core.noop}\n",
        "core.noop}\ncritera: {}\n",
        &["rule.yaml:6:1: ", "no field critera", "did you mean criteria?"],
    ),
    (
        "unknown key within",
        "core.noop}",
        "core.noop, paramters: {}}",
        &["rule.yaml:5:26: ", "did you mean parameters?"],
    ),
    ("no action", "action", "context", &["rule.yaml:1:1: ", "needs a field action"]),
    (
        "written twice",
        "core.noop}\n",
        "core.noop}\nname: again\n",
        &["rule.yaml:6:1: ", "name is written twice"],
    ),
    (
        "unknown trigger",
        "webhook",
        "webhok",
        &[
            "rule `examples.good`",
            "trigger `core.st2.webhok` does not exist",
            "did you mean `core.st2.webhook`?",
        ],
    ),
    ("trigger's parameters", "url: good", "url: 5", &["rule `examples.good`", "core.st2.webhook", "url"]),
    ("trigger's parameters", "{url: good}", "{}", &["rule `examples.good`", "core.st2.webhook", "url"]),
    (
        "unknown operator",
        "core.noop}\n",
        "core.noop}\ncriteria: {trigger.body.a: {type: equal, pattern: 1}}\n",
        &["rule `examples.good`", "criteria.trigger.body.a", "equals"],
    ),
    (
        "no template",
        "core.noop}",
        "core.echo, parameters: {message: '{{ trigger.'}}",
        &["rule `examples.good`", "action.parameters.message"],
    ),
];

#[test]
fn a_rule_that_is_not_right_is_refused() {
    let place = Place::default();
    let host = place.start(&[]);
    let good = rule("good", "");
    for (what, part, instead, says) in BAD_RULES {
        let text = good.replace(part, instead);
        let file = place.write("rule.yaml", &text);
        let refused = host.cli(&["rule", "create", &file]).with_code(2);
        assert_says(&refused.stderr, says);
        assert_says(&refused.stderr, &["error: ", "\n  try: "]);
        assert_eq!(refused.stdout, "", "{what}");
        let refused = host.cli(&["rule", "create", &file, "--json"]).with_code(2);
        assert_says(refused.json()["faultstring"].as_str().unwrap(), &says[..1]);
        assert_eq!(refused.stderr, "", "{what}");
        // The host itself knows as well as its command line.
        let answer =
            host.try_send("POST", "/rules", "Content-Type: application/yaml\r\n", text.as_bytes()).unwrap();
        assert_eq!(answer.with_status(400).error()[0], "invalid", "{what}");
    }
    assert_eq!(rules(&host), 0);
    host.cli(&["rule", "create", "missing.yaml"]).with_code(2);
    let file = place.write("rule.yaml", &good);
    host.ok(&["rule", "create", &file]);
    let again = host.cli(&["rule", "create", &file]).with_code(6);
    assert_says(&again.stderr, &["rule `examples.good` exists already", "petrel rule update examples.good"]);
    assert_eq!(rules(&host), 1);
    host.stop();
}

#[test]
fn what_is_printed_can_be_fed_back() {
    let place = Place::default();
    let host = place.start(&[]);
    // As StackStorm prints a rule.
    let printed = json!({
        "id": "5fa3b7abefbface9864e1fb8",
        "uid": "rule:examples:printed",
        "metadata_file": "",
        "name": "printed",
        "ref": "examples.printed",
        "pack": "examples",
        "description": "Printed by StackStorm.",
        "tags": [],
        "type": {"ref": "standard", "parameters": {}},
        "trigger": {
            "type": "core.st2.webhook",
            "parameters": {"url": "printed"},
            "ref": "core.504f5fc7-72b7-4a6b-8759-3805c0a4296c",
            "description": "Trigger type for registering webhooks.",
        },
        "criteria": {"trigger.body.name": {"pattern": "test", "type": "equals"}},
        "action": {"ref": "core.local", "parameters": {"cmd": "true"}, "description": "Runs a command."},
        "context": {"user": "st2admin"},
        "enabled": true,
    });
    let file = place.write("printed.json", &printed.to_string());
    let made = host.ok(&["rule", "create", &file, "--json"]).json();
    assert_ne!(made["id"], printed["id"]);
    assert_eq!(made["criteria"], printed["criteria"]);
    let answer = host.post("/webhooks/printed", &json!({"name": "test"})).with_status(202);
    host.until(answer.header("x-execution-ids"), "succeeded");
    // As Petrel prints it.
    let ours = host.ok(&["rule", "get", "examples.printed", "--json"]).stdout;
    let file = place.write("ours.json", &ours);
    let updated = host.ok(&["rule", "update", "examples.printed", &file, "--json"]).json();
    assert_eq!(updated, made);
    // An answer with advice about the rule, as well.
    let mut early = printed;
    (early["name"], early["action"]["ref"]) = (json!("early"), json!("core.nop"));
    let made = host.post("/rules", &early).with_status(201).json();
    assert_says(&made["warnings"].to_string(), &["action `core.nop` does not exist"]);
    let head = "Content-Type: application/json\r\n";
    let updated = host.try_send("PUT", "/rules/examples.early", head, made.to_string().as_bytes());
    assert_eq!(updated.unwrap().with_status(200).json(), made);
    host.stop();
}

#[test]
fn a_rule_whose_action_does_not_exist_says_so_at_every_match() {
    let place = Place::default();
    let host = place.start(&[]);
    let file = place.write("rule.yaml", &rule("early", "").replace("core.noop", "core.nop"));
    let made = host.ok(&["rule", "create", &file]);
    assert_says(&made.stderr, &["warning: ", "action `core.nop` does not exist", "core.noop"]);
    let answer = host.post("/webhooks/early", &json!({})).with_status(202);
    assert_eq!(answer.header("x-execution-ids"), "");
    let event = host.get(&format!("/triggerinstances/{}", answer.header("x-trigger-instance-id"))).json();
    let enforcement = &event["enforcements"][0];
    assert_eq!(enforcement["status"], "failed");
    assert_says(
        enforcement["failure_reason"].as_str().unwrap(),
        &["action `core.nop` does not exist", "core.noop"],
    );
    assert_eq!(enforcement["rule"]["ref"], "examples.early");
    assert!(host.list("/executions").is_empty());
    host.stop();
}

/// Method, path and body of a request; the status of its answer, and what is said.
const BAD_REQUESTS: &[(&str, &str, &str, u16, &[&str])] = &[
    ("POST", "/webhooks/hook", r#"{"a": "#, 400, &["body is not JSON", "column 6"]),
    ("POST", "/webhooks/hook", "5", 400, &["neither an object nor a list"]),
    ("POST", "/webhooks/hok", "{}", 404, &["webhook `hok` does not exist", "hook"]),
    ("POST", "/webhooks/hok", "{", 404, &["webhook `hok` does not exist"]),
    (
        "POST",
        "/executions",
        r#"{"action": "core.local", "parameters": {"cmd": 5}}"#,
        400,
        &["cmd", "petrel action get core.local"],
    ),
    ("POST", "/executions", r#"{"action": "core.local"}"#, 400, &["cmd"]),
    (
        "POST",
        "/executions",
        r#"{"action": "core.local", "parameters": {"cmd": "true", "timeout": "soon"}}"#,
        400,
        &["timeout"],
    ),
    (
        "POST",
        "/executions",
        r#"{"action": "core.local", "parameters": {"cmd": "true", "colour": 1}}"#,
        400,
        &["colour"],
    ),
    (
        "POST",
        "/executions",
        r#"{"action": "core.local", "parameters": {"cmd": "true", "sudo": true}}"#,
        400,
        &["sudo", "immutable"],
    ),
    (
        "POST",
        "/executions",
        r#"{"action": "core.lcoal"}"#,
        404,
        &["action `core.lcoal` does not exist", "did you mean `core.local`?"],
    ),
    ("POST", "/executions", r#"{"action": "local"}"#, 400, &["`local`", "did you mean `core.local`?"]),
    ("GET", "/actions/local", "", 400, &["`local` is not a reference", "did you mean `core.local`?"]),
    ("POST", "/executions", "{}", 400, &["missing field `action`", "it takes action, parameters, user"]),
    (
        "POST",
        "/executions",
        r#"{"action": "core.noop", "paramters": {}}"#,
        400,
        &["a field `paramters`", "did you mean parameters?"],
    ),
    ("POST", "/executions", "[]", 400, &["the body is a list", "it takes action"]),
    ("POST", "/executions", "action=core.noop", 400, &["not JSON", "Content-Type: application/json"]),
    ("POST", "/executions", r#"{"action": "core.noop", "dry_run": true}"#, 400, &["a field `dry_run`"]),
    ("POST", "/executions/last/re_run", r#"{"paramters": {}}"#, 400, &["did you mean parameters?"]),
    ("PUT", "/keys/k", r#"{"val": "v"}"#, 400, &["missing field `value`", "it takes name, value"]),
    ("PUT", "/keys/k", r#"{"value": "v", "encrypt": true}"#, 400, &["a field `encrypt`", "encrypted"]),
    ("POST", "/users", r#"{"name": "ada", "pasword": "x"}"#, 400, &["did you mean password?"]),
    ("POST", "/apikeys", r#"{"usr": "ada"}"#, 400, &["did you mean user?"]),
    // StackStorm refuses these as well.
    ("POST", "/apikeys", r#"{"colour": 1}"#, 400, &["a field `colour`"]),
    ("PUT", "/executions/last", r#"{"status": "canceled", "colour": 1}"#, 400, &["a field `colour`"]),
    ("POST", "/packs/register", r#"{"pth": "/"}"#, 400, &["did you mean path?"]),
    ("POST", "/packs/install", r#"{"pack": ["builtin:github"]}"#, 400, &["did you mean packs?"]),
    ("PUT", "/log", r#"{"levle": "info"}"#, 400, &["did you mean level?"]),
    ("POST", "/rules?dry_run=true", "{}", 400, &["/rules knows no `dry_run`", "after the question mark"]),
    ("DELETE", "/packs/core?force=1", "", 400, &["knows no `force`"]),
    ("POST", "/executions?wait=5", r#"{"action": "core.noop"}"#, 400, &["knows no `wait`"]),
    ("GET", "/actions/core.noop?show_secret=1", "", 400, &["knows no `show_secret`", "mean show_secrets?"]),
    (
        "GET",
        "/executions/6a1e5c2f9b1d4e5f60718293",
        "",
        404,
        &["execution `6a1e5c2f9b1d4e5f60718293` does not exist"],
    ),
    ("GET", "/executions/nonsense", "", 400, &["nonsense"]),
    ("GET", "/executions?limit=many", "", 400, &["limit"]),
    ("GET", "/executions?status=done", "", 400, &["done"]),
    ("GET", "/rules/examples.hok", "", 404, &["rule `examples.hok` does not exist", "examples.hook"]),
    ("GET", "/nothing", "", 404, &["/api/v1/nothing"]),
    ("PATCH", "/rules", "", 405, &["PATCH", "Allow"]),
    ("POST", "/actions", "{}", 405, &["POST", "files of their pack", "actions, and register the pack again"]),
    ("PUT", "/actions/core.noop", "{}", 405, &["PUT", "files of their pack"]),
    ("DELETE", "/actions/core.noop", "", 405, &["DELETE", "files of their pack"]),
    ("POST", "/sensortypes", "{}", 405, &["sensors, and register the pack again"]),
    ("POST", "/triggertypes", "{}", 400, &["write pack: NAME", "correct the trigger type"]),
    ("POST", "/triggertypes", r#"{"pack": "mine", "name": "a", "colour": 1}"#, 400, &["colour"]),
    ("POST", "/triggertypes", r#"{"pack": "core", "name": "a"}"#, 400, &["the host's own"]),
    (
        "POST",
        "/triggertypes",
        r#"{"pack": "mine", "name": "a", "payload_schema": {"properties": {"n": {"type": "strin"}}}}"#,
        400,
        &["payload_schema"],
    ),
    ("PUT", "/triggertypes/core.st2.webhook", r#"{"name": "st2.webhook"}"#, 400, &["the host's own"]),
    ("DELETE", "/triggertypes/core.st2.webhook", "", 400, &["the host's own"]),
    ("DELETE", "/triggertypes/core.st2.webhok", "", 404, &["core.st2.webhook"]),
    ("POST", "/triggers", r#"{"type": "core.st2.webhok"}"#, 404, &["core.st2.webhook"]),
    (
        "POST",
        "/triggers",
        r#"{"type": "core.st2.webhook", "parameters": {"url": "a"}}"#,
        400,
        &["create a rule"],
    ),
    ("PUT", "/triggers/mine.none", r#"{"type": "core.st2.webhook"}"#, 404, &["mine.none"]),
    ("DELETE", "/triggers/mine.none", "", 404, &["mine.none"]),
];

#[test]
fn a_request_that_is_not_right_is_refused() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", &rule("hook", ""))]);
    for (method, path, body, status, says) in BAD_REQUESTS {
        let answer = host.try_send(method, path, "", body.as_bytes()).unwrap();
        assert_eq!(answer.status, *status, "{method} {path} {body}: {answer:?}");
        let [code, message, hint] = answer.error();
        assert_says(&format!("{code} {message} {hint}"), says);
        assert!(!message.is_empty() && !hint.is_empty(), "{answer:?}");
    }
    assert!(host.list("/executions").is_empty());
    assert!(host.list("/triggerinstances").is_empty());
    host.stop();
}

#[test]
fn a_body_may_have_ten_mebibytes() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", &rule("hook", ""))]);
    let body = |bytes: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(bytes - r#"{"a": ""}"#.len()));
    let limit = 10 << 20;
    let post = |bytes: usize| host.try_send("POST", "/webhooks/hook", "", body(bytes).as_bytes()).unwrap();
    let [code, message, hint] = post(limit + 1).with_status(413).error();
    assert_eq!(code, "too_large");
    assert_says(&message, &["10 MiB"]);
    assert!(!hint.is_empty());
    assert!(host.list("/triggerinstances").is_empty());
    let answer = post(limit).with_status(202);
    host.until(answer.header("x-execution-ids"), "succeeded");
    host.stop();
}

#[test]
fn nobody_comes_in_without_the_token() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", &rule("hook", ""))]);
    let wrong = "0".repeat(host.token.len());
    for (method, path) in
        [("POST", "/api/v1/webhooks/hook"), ("GET", "/v1/executions"), ("GET", "/api/v1/packs")]
    {
        for (head, says) in [
            (String::new(), "One of Token or API key required"),
            (format!("X-Auth-Token: {wrong}\r\n"), "the token is not valid"),
        ] {
            let [code, message, hint] = host.send_plain(method, path, &head, b"{}").with_status(401).error();
            assert_eq!(code, "unauthorized");
            assert_says(&message, &[says]);
            assert_says(&hint, &["X-Auth-Token", "admin-token"]);
        }
    }
    for head in [format!("St2-Api-Key: {}\r\n", host.token), format!("Cookie: auth-token={}\r\n", host.token)]
    {
        host.send_plain("GET", "/api/v1/executions", &head, b"").with_status(200);
    }
    assert!(host.list("/triggerinstances").is_empty());
    host.send_plain("GET", "/healthz", "", b"").with_status(200);
    host.stop();
}

#[test]
fn a_query_that_is_not_right_is_refused_in_the_same_form() {
    let place = Place::default();
    let host = place.start(&[]);
    for (path, says) in [
        ("/rules?enabled=maybe", "enabled"),
        ("/triggerinstances?trigger_type=x", "trigger_type"),
        ("/executions/last?wait=long", "wait"),
        ("/executions/%ff", "path"),
        ("/executions?offset=10000", "further than one request goes"),
    ] {
        let [code, message, hint] = host.get(path).with_status(400).error();
        assert_eq!(code, "invalid");
        assert_says(&message, &[says]);
        assert!(!hint.is_empty());
    }
    host.stop();
}

#[test]
fn what_could_not_be_read_back_is_not_taken_in() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&[
        "rule",
        "create",
        &place.write(
            "rule.yaml",
            "
name: deep
pack: examples
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: deep}}
action: {ref: core.noop}
",
        ),
    ]);
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let send = |body: String| host.try_send("POST", "/webhooks/deep", "", body.as_bytes()).unwrap();
    send(nested(90)).with_status(202);
    for depth in [110, 126] {
        let [code, message, _] = send(nested(depth)).with_status(400).error();
        assert_eq!(code, "invalid");
        assert_says(&message, &["the payload", "100 levels"]);
    }
    assert_eq!(host.list("/triggerinstances").len(), 1);
    // What a command prints is kept all the same, as text.
    let id = host.shell(&format!("echo '{}'", nested(120)));
    assert!(host.until(&id, "succeeded")["result"]["stdout"].is_string());
    let long = format!(
        "{{\"name\": \"{}\", \"trigger\": {{\"type\": \"core.st2.webhook\", \"parameters\": {{\"url\": \"x\"}}}}, \"action\": {{\"ref\": \"core.noop\"}}}}",
        "n".repeat(300)
    );
    let answer = host.try_send("POST", "/rules", "", long.as_bytes()).unwrap().with_status(400);
    assert_says(&answer.error()[1], &["too long", "255"]);
    host.stop();
}
