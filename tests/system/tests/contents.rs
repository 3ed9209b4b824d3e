//! Workflows beside what they call: one that calls what is not there, or otherwise than it is, does not begin, and says so
//! wherever it is looked at. What may be meant is told, and runs.

use std::path::Path;

use petrel_system_tests::{Place, assert_says};
use serde_json::json;

/// Writes the metadata of a pack.
fn pack(place: &Place, pack: &str) {
    let metadata = format!(
        "ref: {pack}\nname: {pack}\ndescription: Calls.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n"
    );
    place.write(&format!("{pack}/pack.yaml"), &metadata);
}

/// Writes a workflow, or a chain, and gives its file.
fn workflow(place: &Place, name: &str, definition: &str) -> String {
    let runner = if definition.starts_with("chain:") { "action-chain" } else { "orquesta" };
    let metadata =
        format!("name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\nenabled: true\n");
    place.write(&format!("calls/actions/{name}.yaml"), &metadata);
    place.write(&format!("calls/actions/workflows/{name}.yaml"), definition)
}

#[test]
fn a_workflow_whose_calls_are_wrong_does_not_begin() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place, "calls");
    let ran = place.path("ran");
    let cases = [
        (
            "unknown",
            "action: core.echoz message=\"x\"",
            "tasks.t2.action",
            "The action \"core.echoz\" is not registered in the database.",
        ),
        (
            "missing",
            "action: core.local timeout=5",
            "tasks.t2.input",
            "Action \"core.local\" is missing required input \"cmd\".",
        ),
        (
            "unexpected",
            "action: core.echo message=\"x\" messages=\"x\"",
            "tasks.t2.input.messages",
            "Action \"core.echo\" has unexpected input \"messages\".",
        ),
        (
            "misnamed",
            "action: echo",
            "tasks.t2.action",
            "The action reference \"echo\" is not formatted correctly.",
        ),
    ];
    for (name, second, _, _) in cases {
        let definition = format!(
            "version: 1.0\ntasks:\n  t1:\n    action: core.local cmd=\"touch {ran}\"\n    next: [{{when: <% succeeded() %>, do: t2}}]\n  t2:\n    {second}\n"
        );
        workflow(&place, name, &definition);
    }
    host.ok(&["pack", "register", &place.path("calls")]);
    for (name, _, at, message) in cases {
        let failed = host.until(&host.request(&json!({"action": format!("calls.{name}")})), "failed");
        let error = &failed["result"]["errors"][0];
        assert_eq!((&error["type"], &error["spec_path"]), (&json!("content"), &json!(at)), "{failed}");
        assert_eq!((&error["message"], &error["line"]), (&json!(message), &json!(7)), "{failed}");
        let file = place.path(&format!("calls/actions/workflows/{name}.yaml"));
        let inspected = host.cli(&["workflow", "inspect", &file]).with_code(1);
        assert_says(&inspected.stdout, &[":7:5: ", message]);
        let text = place.read(&format!("calls/actions/workflows/{name}.yaml"));
        let answer = host.try_send("POST", "/workflows/inspect", "", text.as_bytes()).unwrap();
        assert_eq!(answer.with_status(200).json(), failed["result"]["errors"], "{name}");
        // Without a host nothing is known of actions; but that one is no name is.
        let inspected = host.cli(&["workflow", "inspect", "--offline", &file]);
        inspected.with_code(i32::from(name == "misnamed"));
    }
    assert!(!Path::new(&ran).exists(), "a task ran");
    host.stop();
}

#[test]
fn an_action_may_come_after_the_workflow_that_calls_it() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place, "calls");
    workflow(&place, "early", "version: 1.0\ntasks: {a: {action: later.act}}\n");
    host.ok(&["pack", "register", &place.path("calls")]);
    let run = |status: &str| host.until(&host.request(&json!({"action": "calls.early"})), status);
    assert_eq!(run("failed")["result"]["errors"][0]["type"], "content");
    pack(&place, "later");
    place.write(
        "later/actions/act.yaml",
        "name: act\nrunner_type: local-shell-cmd\nentry_point: ''\nenabled: true\nparameters: {cmd: {immutable: true, default: 'true'}}\n",
    );
    host.ok(&["pack", "register", &place.path("later")]);
    run("succeeded");
    host.ok(&["pack", "remove", "later"]);
    assert_eq!(run("failed")["result"]["errors"][0]["type"], "content");
    host.stop();
}

#[test]
fn what_always_fails_is_told_before_it_runs_and_what_may_be_meant_runs() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place, "calls");
    let odd = "version: 1.0
tasks:
  say:
    action: core.local cmd=\"echo 'done'\" timeout=30s
    next: [{publish: path=ok}]
output: [{said: <% task(say).result.stdout %>}]
";
    let odd = workflow(&place, "odd", odd);
    let chain = "chain:\n  - {name: one, ref: core.noop, on-success: two}\n  - {name: two, description: says what it is for, ref: core.noop}\n";
    let chain = workflow(&place, "chain", chain);
    host.ok(&["pack", "register", &place.path("calls")]);
    for (file, notes) in [
        (
            &odd,
            &[
                "odd.yaml:4:5: note: ",
                "of `timeout=30s` only `30` is read",
                "odd.yaml:5:13: note: ",
                "`path=ok` is dropped",
            ][..],
        ),
        (&chain, &["note: chain[1].description", "is not known here and means nothing"]),
    ] {
        assert_says(&host.cli(&["workflow", "inspect", file]).with_code(0).stdout, notes);
    }
    host.until(&host.request(&json!({"action": "calls.chain"})), "succeeded");
    let ended = host.until(&host.request(&json!({"action": "calls.odd"})), "succeeded");
    assert_eq!(ended["result"]["output"], json!({"said": "done"}));
    for (condition, code, mark, said) in [
        ("<% succeded() %>", 1, "", "did you mean \"succeeded\"?"),
        ("<% succeeded()", 0, "note: ", "end it with `%>`"),
    ] {
        let wrong = format!(
            "version: 1.0\ntasks:\n  a:\n    action: core.noop\n    next:\n      - when: {condition}\n"
        );
        let file = place.write("wrong.yaml", &wrong);
        let inspected = host.cli(&["workflow", "inspect", &file]).with_code(code);
        let begin = format!("wrong.yaml:6:9: {mark}tasks.a.next[0].when: ");
        assert_says(&inspected.stdout, &[&begin, said]);
        let answer = host.try_send("POST", "/workflows/inspect", "", wrong.as_bytes()).unwrap();
        assert_says(&answer.with_status(200).json().to_string(), &["\"type\":\"expression\"", "\"line\":6"]);
    }
    host.stop();
}

/// Calls what is there wrongly, and what is not.
const CALLS: &str = "version: 1.0
tasks:
  own:
    action: calls.act wich=\"x\"
    next: [{publish: path=ok, do: gone}]
  gone:
    action: calls.gone
    next: [{do: foreign}]
  foreign:
    action: core.echo messages=\"x\"
    next: [{do: later}]
  later:
    action: later.act x=1
    next: [{do: kept}]
  kept:
    action: linux.dig host=\"x\"
    next: [{do: unread}]
  unread:
    action: calls.unread x=1
";

#[test]
fn check_and_registration_note_what_is_called_wrongly() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place, "calls");
    workflow(&place, "flow", CALLS);
    workflow(
        &place,
        "chain",
        "chain:\n  - {name: one, ref: calls.act, parameters: {wich: x}, on-success: two, descripton: x}\n  - {name: two, ref: calls.gone, on-success: three}\n  - {name: three, ref: core.nop}\n",
    );
    place.write(
        "calls/actions/act.yaml",
        "name: act\nrunner_type: local-shell-cmd\nenabled: true\nparameters: {cmd: {immutable: true, default: 'true'}, which: {type: string, required: true}}\n",
    );
    place.write("calls/actions/unread.yaml", "name: unread\nrunner_typ: noop\n");
    let own = [
        "actions/workflows/flow.yaml:4:5: tasks.own.input: Action \"calls.act\" is missing required input \"which\". Correct it, \
         or `calls.flow` fails before its first task.",
        "actions/workflows/flow.yaml:4:5: tasks.own.input.wich: Action \"calls.act\" has unexpected input \"wich\".",
        "actions/workflows/flow.yaml:5:13: tasks.own.next[0].publish: `path=ok` is dropped",
        "actions/workflows/flow.yaml:7:5: tasks.gone.action: The action \"calls.gone\" is not registered in the database.",
        "actions/workflows/chain.yaml:2:",
        "chain[0].descripton: `descripton` is not known here and means nothing",
        "chain[0].parameters: Action \"calls.act\" is missing required input \"which\". Correct it, or `calls.chain` fails at \
         this task.",
        "chain[1].ref: The action \"calls.gone\" is not registered in the database.",
        // What every host has is known without one.
        "flow.yaml:10:5: tasks.foreign.input.messages: Action \"core.echo\" has unexpected input \"messages\". Did you mean \
         \"message\"? Correct it, or \
         `calls.flow` fails before its first task.",
        "flow.yaml:16:5: tasks.kept.action: The action \"linux.dig\" is not registered in the database; the pack \"linux\" is \
         not part of this version of petrel",
        "chain[2].ref: The action \"core.nop\" is not registered in the database. Did you mean \"core.noop\"? Correct it, or `calls.chain` fails at this \
         task.",
    ];
    let checked = place.petrel(&["pack", "check", &place.path("calls")]).with_code(1);
    let registered = host.ok(&["pack", "register", &place.path("calls")]);
    for says in own {
        assert_says(&checked.stdout, &[says]);
        assert_says(&registered.stderr, &[says]);
    }
    // What other packs hold is known where there is a host. What cannot be read is told as such, and no more.
    let foreign = [
        "flow.yaml:13:5: tasks.later.action: The action \"later.act\" is not registered in the database; register the pack \
         \"later\" before the workflow is run.",
    ];
    assert_says(&registered.stderr, &foreign);
    for says in ["later.act", "tasks.unread"] {
        assert!(!checked.stdout.contains(says), "{says}: {}", checked.stdout);
    }
    assert!(!registered.stderr.contains("tasks.unread"), "{}", registered.stderr);
    // Notes keep nothing from being registered, nor an action that comes later from being called.
    host.ok(&["action", "get", "calls.flow"]);
    host.stop();
}
