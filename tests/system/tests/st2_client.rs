//! What StackStorm's own client asks for, beside what `lists.rs` has of it: webhooks, API keys from a file, executions that
//! are run again, what is inside a workflow. The requests are those that its version 3.9.0 sends.

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

#[test]
fn a_delay_beyond_all_time_is_still_waited_for_after_a_restart() {
    let place = Place::default();
    let host = place.start(&[]);
    let far = host.request(&json!({"action": "core.noop", "delay": 9_999_999_999_999_999_u64}));
    host.stop();
    let host = place.start(&[]);
    let soon = host.request(&json!({"action": "core.noop"}));
    host.until(&soon, "succeeded");
    assert_eq!(host.execution(&far)["status"], "delayed");
    host.stop();
}

const RULE: &str = r#"{"name": "hook", "pack": "examples", "trigger": {"type": "core.st2.webhook", "parameters": {"url": "a/b"}}, "action": {"ref": "core.noop"}}"#;

#[test]
fn webhooks_are_listed_and_found_by_their_url() {
    let place = Place::default();
    let host = place.start(&[]);
    host.post("/rules", &serde_json::from_str(RULE).unwrap()).with_status(201);
    let listed = host.list("/webhooks?include_attributes=url,type,description");
    assert_eq!(listed[0]["parameters"]["url"], "a/b", "{listed:?}");
    assert_eq!(listed[0]["pack"], Value::Null, "what was not asked for");
    for url in ["a/b", "a/b/"] {
        let one = host.get(&format!("/webhooks/{url}")).with_status(200).json();
        assert_eq!(one["parameters"]["url"], "a/b");
    }
    assert_says(&host.get("/webhooks/nope").with_status(404).body, &["webhook `nope` does not exist", "a/b"]);
    host.stop();
}

#[test]
fn a_key_of_another_host_does_not_seem_to_be_taken_over() {
    let place = Place::default();
    let host = place.start(&[]);
    let count = || host.list("/apikeys").len();
    let hash = "ab".repeat(64);
    for (name, value) in [("key_hash", hash.as_str()), ("id", "5f0000000000000000000009"), ("key", "secret")]
    {
        let body = json!({"user": "admin", "metadata": {}, "enabled": true, name: value});
        let refused = host.post("/apikeys", &body).with_status(400);
        assert_says(&refused.body, &[&format!("`{name}` of an API key cannot be given"), "nothing was made"]);
    }
    assert_eq!(count(), 0);
    let made = host.post("/apikeys", &json!({"user": "admin"})).with_status(201).json();
    let id = made["id"].as_str().unwrap();
    let shown = host.get(&format!("/apikeys/{id}?show_secrets=true")).json();
    for (body, status) in [
        (json!({"enabled": false}), 200),
        (json!({"enabled": true, "id": id, "key_hash": "********"}), 200),
        (json!({"enabled": true, "id": id, "key_hash": shown["key_hash"]}), 200),
        (shown.clone(), 200),
        (json!({"enabled": false, "key_hash": hash}), 400),
        (json!({"enabled": false, "id": "5f0000000000000000000009"}), 400),
    ] {
        let head = "Content-Type: application/json\r\n";
        let changed = host.try_send("PUT", &format!("/apikeys/{id}"), head, body.to_string().as_bytes());
        changed.unwrap().with_status(status);
    }
    assert_eq!(
        host.get(&format!("/apikeys/{id}")).json()["enabled"],
        true,
        "what was refused changed nothing"
    );
    for verb in ["get", "enable", "disable", "delete"] {
        let refused = host.cli(&["apikey", verb, "nope"]);
        assert_says(&refused.stderr, &["API key `nope` does not exist"]);
    }
    host.stop();
}

const PACK: &str =
    "ref: flows\nname: flows\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n";

/// A host with a pack of these workflows: name, runner and definition. Each takes `text`.
fn with_workflows<'a>(place: &'a Place, workflows: &[(&str, &str, &str)]) -> Host<'a> {
    place.write("flows/pack.yaml", PACK);
    for (name, runner, definition) in workflows {
        let metadata = format!(
            "name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {{text: {{type: string, default: x}}}}\n"
        );
        place.write(&format!("flows/actions/{name}.yaml"), &metadata);
        place.write(&format!("flows/actions/workflows/{name}.yaml"), definition);
    }
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("flows")]);
    host
}

/// Runs something to its end; gives its id.
fn run(host: &Host<'_>, body: &Value) -> String {
    let id = host.request(body);
    host.until(&id, "succeeded");
    id
}

const FLOW: &str = r"
version: 1.0
input: [text]
tasks:
  one: {action: core.echo message=<% ctx().text %>, next: [{do: two}]}
  two: {action: core.noop}
";
const CHAIN: &str = "chain: [{name: c1, ref: core.noop}]\n";

#[test]
fn what_is_run_again_is_what_was_asked_for_or_it_is_refused() {
    let place = Place::default();
    let host = with_workflows(&place, &[("flow", "orquesta", FLOW), ("chained", "action-chain", CHAIN)]);
    let flow = run(&host, &json!({"action": "flows.flow", "parameters": {"text": "y"}}));
    let chain = run(&host, &json!({"action": "flows.chained"}));
    let inside = host.list(&format!("/executions/{chain}/children"));
    assert_eq!(inside[0]["context"]["chain"], json!({"name": "c1", "ref": "core.noop"}));
    let plain = run(&host, &json!({"action": "core.noop"}));
    let again = |id: &str, body: &Value| host.post(&format!("/executions/{id}/re_run"), body);
    let count = || host.list("/executions?parent=null").len();
    let before = count();
    for (id, body, says) in [
        (
            &flow,
            json!({"parameters": {"text": "z"}, "tasks": ["one"], "reset": ["one"]}),
            "Parameters override is not supported when re-running task(s) for a workflow.",
        ),
        (&flow, json!({"tasks": ["nosuch"], "reset": ["nosuch"]}), "has no task `nosuch`"),
        (&flow, json!({"tasks": ["one", "two|x"]}), "has no task `two|x`"),
        (&chain, json!({"tasks": ["c1"]}), "only supported for Orquesta workflows"),
        (&plain, json!({"tasks": ["c1"]}), "only supported for Orquesta workflows"),
        (&flow, json!({"delay": -1}), "the body does not fit"),
    ] {
        assert_says(&again(id, &body).with_status(400).body, &[says]);
    }
    assert_eq!(count(), before, "what was refused leaves nothing behind");
    let made = again(&flow, &json!({"parameters": {}, "tasks": ["two"], "reset": ["two"], "delay": 0}));
    host.until(made.with_status(201).json()["id"].as_str().unwrap(), "succeeded");
    host.stop();
}

#[test]
fn an_execution_is_run_again_later_and_with_other_parameters_alone() {
    let place = Place::default();
    let host = place.start(&[]);
    let echo = |parameters: Value| json!({"action": "core.echo", "parameters": parameters});
    let id = run(&host, &echo(json!({"message": "old"})));
    let again = |query: &str, body: &Value| host.post(&format!("/executions/{id}/re_run{query}"), body);
    let made = again("", &json!({"delay": 3_600_000})).with_status(201).json();
    let late = host.execution(made["id"].as_str().unwrap());
    assert_eq!((&late["status"], &late["parameters"]), (&json!("delayed"), &json!({"message": "old"})));
    // Without those that it had nothing is left but the defaults.
    let bare = again("?no_merge=true", &json!({"parameters": {}}));
    assert_says(&bare.with_status(400).body, &["message"]);
    let new = again("?no_merge=true", &json!({"parameters": {"message": "new"}})).with_status(201).json();
    let new = host.until(new["id"].as_str().unwrap(), "succeeded");
    assert_eq!(new["parameters"], json!({"message": "new"}));
    assert_says(&again("?no_merge=maybe", &json!({})).with_status(400).body, &["no_merge"]);
    assert_says(&again("?nomerge=true", &json!({})).with_status(400).body, &["nomerge", "no_merge"]);
    host.stop();
}

const OUTER: &str = r"
version: 1.0
tasks:
  a: {action: flows.inner, next: [{do: b}]}
  b: {action: core.noop}
";
const INNER: &str = r"
version: 1.0
tasks:
  x: {action: core.noop, next: [{do: y}]}
  y: {action: core.noop}
";

#[test]
fn what_is_inside_a_workflow_comes_as_the_original_has_it() {
    let place = Place::default();
    let host = with_workflows(&place, &[("outer", "orquesta", OUTER), ("inner", "orquesta", INNER)]);
    let id = run(&host, &json!({"action": "flows.outer"}));
    let names = |query: &str| {
        let found = host.list(&format!("/executions/{id}/children{query}"));
        let name = |child: &Value| child["context"]["orquesta"]["task_name"].as_str().unwrap().to_owned();
        found.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    for (query, expected) in [
        ("", "a x y b"),
        ("?depth=-1", "a x y b"),
        ("?depth=0&result_fmt=default", "a x y b"),
        ("?depth=2", "a x y b"),
        ("?depth=1", "a b"),
        ("?result_fmt=sorted", "a x y b"),
        ("?depth=1&result_fmt=sorted&show_secrets=True", "a b"),
    ] {
        assert_eq!(names(query), expected, "{query}");
    }
    let found = host.list(&format!("/executions/{id}/children"));
    assert_eq!(found[0]["children"], json!([found[1]["id"], found[2]["id"]]));
    assert_eq!(found[3]["children"], Value::Null);
    let outer = host.get(&format!("/executions/{id}?include_attributes=id,children")).json();
    assert_eq!(outer, json!({"id": id, "children": [found[0]["id"], found[3]["id"]]}));
    host.stop();
}

#[test]
fn what_the_original_ignores_is_ignored() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = run(&host, &json!({"action": "core.noop"}));
    for (method, path, body, status) in [
        // As StackStorm's user interface runs a workflow.
        ("POST", "/executions", json!({"action": "core.noop", "action_is_workflow": true}), 201),
        (
            "POST",
            "/executions?_=1",
            json!({"action": "core.noop", "trace_context": {}, "dry_run": false}),
            201,
        ),
        ("POST", &*format!("/executions/{id}/re_run?_=1"), json!({"colour": 1}), 201),
        ("PUT", "/keys/k?_=1", json!({"value": "v", "colour": 1}), 200),
    ] {
        let answer = host.try_send(method, path, "", body.to_string().as_bytes()).unwrap();
        answer.with_status(status);
    }
    let notify = json!({"on-complete": {"routes": ["r"]}});
    let told = json!({"action": "core.noop", "notify": notify});
    let told = host.post("/executions", &told).with_status(201).json();
    assert_eq!((&told["liveaction"]["notify"], &told["warnings"]), (&notify, &Value::Null));
    let wrong = json!({"action": "core.noop", "notify": {"on-complet": {"routes": ["r"]}}});
    let refused = host.post("/executions", &wrong).with_status(400).body;
    assert_says(&refused, &["`notify` has no field on-complet", "did you mean on-complete?"]);
    // A key is taken back as it was shown.
    let shown = host.get("/keys/k").with_status(200).body;
    host.try_send("PUT", "/keys/k", "", shown.as_bytes()).unwrap().with_status(200);
    let body = json!({"token": "t", "colour": 1}).to_string();
    let head = "Content-Type: application/json\r\n";
    host.send_plain("POST", "/auth/v1/tokens/validate", head, body.as_bytes()).with_status(200);
    host.stop();
}

#[test]
fn output_is_narrowed_to_where_it_came_from() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = host.shell("echo out; echo err >&2");
    host.until(&id, "succeeded");
    let output = |query: &str| host.get(&format!("/executions/{id}/output{query}"));
    for (query, expected) in [
        ("?output_type=stdout", "out\n"),
        ("?output_type=stderr", "err\n"),
        ("?output_type=output", ""),
        ("?output_type=stderr&output_format=raw&existing_only=true", "err\n"),
    ] {
        assert_eq!(output(query).with_status(200).body, expected, "{query}");
    }
    assert_eq!(output("?output_type=all").body.len(), "out\nerr\n".len());
    assert_says(&output("?output_type=nosuch").with_status(400).body, &["output_type", "stderr"]);
    host.stop();
}

#[test]
fn queries_of_single_things_are_read_by_name() {
    let place = Place::default();
    let host = place.start(&[]);
    host.post("/rules", &serde_json::from_str(RULE).unwrap()).with_status(201);
    let id = run(&host, &json!({"action": "core.noop"}));
    host.try_send("POST", "/webhooks/a/b?any=thing", "", b"{}").unwrap().with_status(202);
    for path in [
        &*format!("/executions/{id}"),
        &format!("/executions/{id}/output"),
        &format!("/executions/{id}/children"),
        &format!("/executions/{id}/result"),
        &format!("/executions/{id}/attribute/status"),
        "/triggerinstances/last/why",
        "/triggerinstances/last",
        "/actions/core.noop",
        "/actions/views/parameters/core.noop",
        "/runnertypes/noop",
        "/rules/examples.hook",
        "/triggertypes/core.st2.webhook",
        "/webhooks/a/b",
        "/users/admin",
        "/packs/core",
        "/status",
        "/hold",
        "/log",
    ] {
        host.get(&format!("{path}?show_secrets=True&x-auth-token=t&st2-api-key=k")).with_status(200);
        host.get(&format!("{path}?nosuch=1&_=1760000000")).with_status(200);
        let refused = host.get(&format!("{path}?dry_run=1")).with_status(400);
        assert_says(&refused.body, &["knows no `dry_run`"]);
        for value in ["anything", ""] {
            let refused = host.get(&format!("{path}?show_secrets={value}")).with_status(400);
            assert_says(&refused.body, &["show_secrets"]);
        }
    }
    let wait = host.get(&format!("/executions/{id}?wait=long")).with_status(400);
    assert_says(&wait.body, &["`wait`: `long` is not a number of seconds"]);
    host.stop();
}

#[test]
fn a_part_of_a_pack_is_registered_alone() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write(
        "parts/pack.yaml",
        "ref: parts\nname: parts\ndescription: Parts.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    let action = |description: &str| {
        let text = format!("name: act\nrunner_type: noop\ndescription: {description}\nenabled: true\n");
        place.write("parts/actions/act.yaml", &text);
    };
    let rule = |description: &str| {
        let text = format!(
            "name: hook\ndescription: {description}\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: hook}}}}\naction: {{ref: parts.act}}\n"
        );
        place.write("parts/rules/hook.yaml", &text);
    };
    let described = || {
        let of = |path: &str| host.get(path).json()["description"].as_str().unwrap_or("none").to_owned();
        [of("/actions/parts.act"), of("/rules/parts.hook")]
    };
    action("one");
    rule("one");
    let path = place.path("parts");
    let register = |body: Value| host.post("/packs/register", &body).with_status(200).json();
    let some = register(json!({"path": path, "types": ["actions"]}));
    assert_eq!((&some["actions"], &some["rules"]), (&json!(1), &json!(0)));
    assert_eq!(described(), ["one", "none"]);
    register(json!({"packs": ["parts"], "types": ["rule"]}));
    assert_eq!(described(), ["one", "one"]);
    action("two");
    rule("two");
    register(json!({"packs": ["parts"], "types": ["actions"]}));
    assert_eq!(described(), ["two", "one"]);
    // What is gone from a part that is not asked for is left as it is.
    std::fs::remove_file(place.path("parts/actions/act.yaml")).unwrap();
    let later = register(json!({"packs": ["parts"], "types": ["rules", "aliases"]}));
    assert_says(&later["notes"].to_string(), &["aliases are not registered"]);
    assert_eq!(described(), ["two", "two"]);
    host.ok(&["pack", "register", "parts", "--types", "actions"]);
    assert_eq!(described(), ["none", "two"]);
    host.stop();
}

#[test]
fn what_cannot_be_done_as_the_client_means_it_is_said_before_it_is_done() {
    let place = Place::default();
    let host = place.start(&[]);
    let packs = || host.list("/packs").len();
    let before = packs();
    for (path, body, says) in [
        (
            "/packs/install",
            json!({"packs": ["builtin:github"], "force": false, "skip_dependencies": false}),
            "nothing was installed of builtin:github: StackStorm's client",
        ),
        (
            "/packs/register",
            json!({"types": ["actions", "acts"]}),
            "`acts` is not a type of content; nothing was",
        ),
    ] {
        assert_says(&host.post(path, &body).with_status(400).body, &[says]);
    }
    assert_eq!(packs(), before);
    let registered = host.post("/packs/register", &json!({"types": ["all"], "packs": ["core"]}));
    let registered = registered.with_status(200).json();
    assert_eq!((&registered["sensors"], &registered["aliases"]), (&json!(0), &json!(0)));
    for (method, path, says) in [
        ("POST", "/actionalias/match", "no action aliases yet"),
        ("POST", "/packs/uninstall", "petrel pack remove"),
    ] {
        let refused = host.try_send(method, path, "", b"").unwrap().with_status(501);
        assert_says(&refused.body, &[says, "not_implemented"]);
    }
    host.get("/nosuch").with_status(404);
    host.stop();
}
