//! Workflows on the real host: what they give, and what pause, cancel, restart and rerun do to them.
#![expect(clippy::indexing_slicing, reason = "what is absent reads as null")]

use std::time::{Duration, Instant};

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const PACK: &str =
    "ref: flows\nname: flows\ndescription: Workflows.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";

/// Writes a pack with these workflows: name, parameters, definition.
fn pack(place: &Place, workflows: &[(&str, &str, &str)]) {
    place.write("flows/pack.yaml", PACK);
    for (name, parameters, definition) in workflows {
        let runner = if definition.contains("chain:") { "action-chain" } else { "orquesta" };
        let metadata = format!(
            "name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {parameters}\n"
        );
        place.write(&format!("flows/actions/{name}.yaml"), &metadata);
        place.write(&format!("flows/actions/workflows/{name}.yaml"), definition);
    }
}

fn register(host: &Host<'_>, place: &Place) {
    host.ok(&["pack", "register", &place.path("flows")]);
}

/// A host that knows a pack with these workflows.
fn serve<'a>(place: &'a Place, workflows: &[(&str, &str, &str)]) -> Host<'a> {
    pack(place, workflows);
    let host = place.start(&[]);
    register(&host, place);
    host
}

/// The executions that the tasks of a workflow have asked for, as `TASK STATUS`.
fn tasks(host: &Host<'_>, id: &str) -> Vec<String> {
    let children = host.list(&format!("/executions/{id}/children?depth=1"));
    let line = |child: &Value| {
        let task = child["context"]["orquesta"]["task_name"].as_str().unwrap_or_default();
        format!("{task} {}", child["status"].as_str().unwrap_or_default())
    };
    children.iter().map(line).collect()
}

fn start(host: &Host<'_>, action: &str, parameters: &Value) -> String {
    host.request(&json!({"action": action, "parameters": parameters}))
}

const EVERYTHING: &str = r#"
version: 1.0
input: [names, n]
vars:
  - greetings: []
  - who: <% ctx().st2.user %>
tasks:
  greet:
    with: {items: name in <% ctx().names %>, concurrency: 2}
    action: core.echo message="hello <% item(name) %>"
    next:
      - when: <% succeeded() %>
        publish:
          - greetings: <% result().select($.result.stdout) %>
        do: left, right
  left:
    action: core.local cmd="echo left {{ ctx().n }}"
    next:
      - publish: {left: x}
        do: both
  right:
    action: core.noop
    retry: {count: 2}
    next: [{do: both}]
  both:
    join: all
    action: core.echo
    input: {message: "{{ ctx().greetings | join(', ') }}"}
output:
  - greetings: <% ctx().greetings %>
  - key: <% st2kv('system.channel') %>
  - who: <% ctx().who %>
"#;

#[test]
fn a_workflow_runs_with_all_that_it_is_made_of() {
    let place = Place::default();
    let definition = EVERYTHING
        .replace("publish: {left: x}", "publish: [{left: x}]")
        .replace("$.result.stdout", "$.stdout");
    let host = serve(
        &place,
        &[("everything", "{names: {type: array}, n: {type: integer, default: 3}}", &definition)],
    );
    host.ok(&["key", "set", "channel", "#ops"]);
    let id = start(&host, "flows.everything", &json!({"names": ["ann", "bob", "cyd"]}));
    let ended = host.until(&id, "succeeded");
    let greetings = json!(["hello ann", "hello bob", "hello cyd"]);
    assert_eq!(ended["result"], json!({"output": {"greetings": greetings, "key": "#ops", "who": "admin"}}));
    let tasks = tasks(&host, &id);
    assert_eq!(tasks.len(), 6, "{tasks:?}");
    let shown = host.ok(&["execution", "get", &id]);
    assert_says(&shown.stdout, &["tasks", "greet[2]", "left", "core.local", "both", "succeeded"]);
    let tailed = host.ok(&["execution", "tail", &id]);
    assert_says(&tailed.stdout, &["hello ann", "left 3"]);
    assert_says(&tailed.stderr, &["greet[0]", "both", "succeeded"]);
    let children = host.list(&format!("/executions/{id}/children?depth=1"));
    let last = children.last().unwrap();
    assert_eq!(last["result"]["stdout"], "hello ann, hello bob, hello cyd");
    assert_eq!(last["parent"], json!(id));
    assert_eq!(last["context"]["parent"]["execution_id"], json!(id));
    host.stop();
}

const FAILING: &str = r#"
version: 1.0
tasks:
  first:
    action: core.local cmd="exit 3"
    next:
      - when: <% failed() %>
        publish: code=<% result().return_code %>
        do: clean, fail
  clean:
    action: core.echo message="cleaned up"
output:
  - code: <% ctx().code %>
"#;

const WRONG: &str = r"
version: 1.0
tasks:
  first:
    action: core.noop
    next: [{publish: [{a: <% result().nothing.here %>}], do: second}]
  second:
    action: core.noop
";

#[test]
fn a_failure_says_what_failed_and_what_follows_runs() {
    let place = Place::default();
    let unknown = "version: 1.0\nvars: [{action: flows.nowhere}]\ntasks: {a: {action: <% ctx().action %>, next: [{when: <% failed() %>, publish: [{why: <% result().error %>}], do: noop}]}}\noutput: [{why: <% ctx().why %>}]\n";
    let host =
        serve(&place, &[("failing", "{}", FAILING), ("wrong", "{}", WRONG), ("unknown", "{}", unknown)]);
    let id = start(&host, "flows.failing", &json!({}));
    let ended = host.until(&id, "failed");
    assert_eq!(ended["result"]["output"], json!({"code": 3}));
    assert_eq!(ended["result"]["errors"][0]["task_id"], "first");
    eventually("clean has run", || tasks(&host, &id).contains(&"clean succeeded".to_owned()).then_some(()));
    // An expression that fails is named, with its task.
    let wrong = host.until(&start(&host, "flows.wrong", &json!({})), "failed");
    let error = &wrong["result"]["errors"][0];
    assert_eq!(error["task_id"], "first");
    assert_says(error["message"].as_str().unwrap(), &["<% result().nothing.here %>", "nothing"]);
    // An action that only an expression names and that is not there fails its task, and that can be handled.
    let unknown = host.until(&start(&host, "flows.unknown", &json!({})), "succeeded");
    assert_says(unknown["result"]["output"]["why"].as_str().unwrap(), &["flows.nowhere", "does not exist"]);
    host.stop();
}

const SLOW: &str = r#"
version: 1.0
input: [file]
tasks:
  a:
    action: core.local cmd="while [ ! -e <% ctx().file %> ]; do sleep 0.05; done"
    next: [{do: b}]
  b:
    action: core.local cmd="echo b >> <% ctx().file %>"
    next: [{do: c}]
  c:
    action: core.local cmd="echo c >> <% ctx().file %>"
"#;

#[test]
fn a_paused_workflow_is_resumed_by_the_next_host() {
    let place = Place::default();
    let host = serve(&place, &[("slow", "{file: {type: string}}", SLOW)]);
    let file = place.path("go");
    let id = start(&host, "flows.slow", &json!({"file": file}));
    host.until(&id, "running");
    eventually("a runs", || (tasks(&host, &id) == ["a running"]).then_some(()));
    host.ok(&["execution", "pause", &id]);
    host.until(&id, "pausing");
    // Who thinks better of it need not wait until it rests.
    host.ok(&["execution", "resume", &id]);
    assert_eq!(host.execution(&id)["status"], "resuming");
    host.ok(&["execution", "pause", &id]);
    host.until(&id, "pausing");
    place.write("go", "");
    host.until(&id, "paused");
    assert_eq!(tasks(&host, &id), ["a succeeded"]);
    // What is so already is answered as it stands.
    host.ok(&["execution", "pause", &id]);
    assert_eq!(host.execution(&id)["status"], "paused");
    host.stop();

    let host = place.start(&[]);
    assert_eq!(host.execution(&id)["status"], "paused");
    host.ok(&["execution", "resume", &id]);
    host.until(&id, "succeeded");
    let refused = host.cli(&["execution", "resume", &id]).with_code(6);
    assert_says(&refused.stderr, &["is succeeded", "`petrel execution rerun`"]);
    assert_eq!(place.read("go"), "b\nc\n");
    host.stop();
}

#[test]
fn a_canceled_workflow_ends_what_runs() {
    let place = Place::default();
    let inner = "version: 1.0\ntasks: {nap: {action: 'core.local cmd=\"sleep 61.25\"'}}\n";
    let outer = "version: 1.0\ntasks: {sub: {action: flows.inner}, late: {delay: 60, action: core.noop}}\n";
    let host = serve(&place, &[("inner", "{}", inner), ("outer", "{}", outer)]);
    let id = start(&host, "flows.outer", &json!({}));
    let naps = || {
        let ps = std::process::Command::new("pgrep").args(["-f", "^sleep 61.25"]).output().unwrap();
        String::from_utf8_lossy(&ps.stdout).lines().count()
    };
    eventually("it sleeps", || (naps() > 0).then_some(()));
    let started = Instant::now();
    host.ok(&["execution", "cancel", &id]);
    eventually("nobody sleeps", || (naps() == 0).then_some(()));
    assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
    host.until(&id, "canceled");
    assert_eq!(tasks(&host, &id), ["late canceled", "sub canceled"]);
    host.stop();
}

#[test]
fn a_workflow_or_a_task_that_takes_too_long_is_ended() {
    let place = Place::default();
    let late = "version: 1.0\ntimeout: 1\ntasks: {nap: {action: 'core.local cmd=\"sleep 61.75\"'}}\n";
    let slow = "version: 1.0\ntasks: {nap: {timeout: 1, action: 'core.local cmd=\"sleep 61.5\"', next: [{when: <% failed() %>, do: noop}]}}\n";
    let fatal = "version: 1.0\ntasks: {nap: {timeout: 1, action: 'core.local cmd=\"sleep 61.625\"'}}\n";
    let host = serve(&place, &[("late", "{}", late), ("slow", "{}", slow), ("fatal", "{}", fatal)]);
    let (late, slow) = (start(&host, "flows.late", &json!({})), start(&host, "flows.slow", &json!({})));
    let fatal = start(&host, "flows.fatal", &json!({}));
    let ended = host.until(&late, "timeout");
    assert_says(&ended["result"].to_string(), &["longer than the 1 s"]);
    eventually("the nap ends", || (tasks(&host, &late) == ["nap canceled"]).then_some(()));
    host.until(&slow, "succeeded");
    assert_eq!(tasks(&host, &slow), ["nap timeout"]);
    let errors = &host.until(&fatal, "failed")["result"]["errors"];
    assert_eq!(errors[0]["task_id"], "nap");
    assert_says(&errors.to_string(), &["timed out"]);
    host.stop();
}

#[test]
fn a_workflow_inside_another_one_is_paused_and_resumed_with_it() {
    let place = Place::default();
    let wait = "version: 1.0\ninput: [file]\ntasks: {wait: {action: 'core.local cmd=\"while [ ! -e <% ctx().file %> ]; do sleep 0.05; done\"'}}\n";
    let outer = "version: 1.0\ninput: [file]\ntasks: {sub: {action: flows.inner, input: {file: <% ctx().file %>}, next: [{do: after}]}, after: {action: core.noop}}\n";
    let file = "{file: {type: string}}";
    let host = serve(&place, &[("inner", file, wait), ("outer", file, outer)]);
    let id = start(&host, "flows.outer", &json!({"file": place.path("go")}));
    eventually("the inner one runs", || {
        let sub =
            host.list(&format!("/executions/{id}/children?depth=1")).first()?["id"].as_str()?.to_owned();
        (tasks(&host, &sub) == ["wait running"]).then_some(())
    });
    host.ok(&["execution", "pause", &id]);
    host.until(&id, "pausing");
    place.write("go", "");
    host.until(&id, "paused");
    assert_eq!(tasks(&host, &id), ["sub paused"]);
    host.ok(&["execution", "resume", &id]);
    host.until(&id, "succeeded");
    assert_eq!(tasks(&host, &id), ["sub succeeded", "after succeeded"]);
    host.stop();
}

#[test]
fn items_that_are_workflows_are_paused_and_resumed_with_the_one_they_are_in() {
    let place = Place::default();
    let wait = "version: 1.0\ninput: [file, n]\ntasks:\n  wait: {action: 'core.local cmd=\"while [ ! -e <% ctx().file %> ]; do sleep 0.05; done\"', next: [{when: <% ctx().n > 1 %>, do: more}]}\n  more: {action: core.noop}\n";
    let outer = "version: 1.0\ninput: [file, items]\ntasks:\n  each: {with: {items: <% ctx().items %>}, action: flows.inner, input: {file: <% ctx().file %>, n: <% item() %>}, next: [{do: after}]}\n  after: {action: core.noop}\n";
    let host = serve(
        &place,
        &[
            ("inner", "{file: {type: string}, n: {type: integer}}", wait),
            ("outer", "{file: {type: string}, items: {type: array}}", outer),
        ],
    );
    // Those of 1 only end when they are resumed, the others go on.
    for (round, items) in
        [json!([1]), json!([1, 1]), json!([1, 1, 1]), json!([1, 2]), json!([2, 1, 2])].iter().enumerate()
    {
        let file = format!("go{round}");
        let count = items.as_array().map_or(0, Vec::len);
        let id = start(&host, "flows.outer", &json!({"file": place.path(&file), "items": items}));
        eventually("all items run", || {
            let all = host.list(&format!("/executions/{id}/children"));
            let waiting =
                all.iter().filter(|one| one["action"]["ref"] == "core.local" && one["status"] == "running");
            (waiting.count() == count).then_some(())
        });
        host.ok(&["execution", "pause", &id]);
        place.write(&file, "");
        host.until(&id, "paused");
        assert_eq!(tasks(&host, &id), vec!["each paused"; count], "{items}");
        host.ok(&["execution", "resume", &id]);
        host.until(&id, "succeeded");
        let mut ended = vec!["each succeeded"; count];
        ended.push("after succeeded");
        assert_eq!(tasks(&host, &id), ended, "{items}");
        let log = host.execution(&id)["log"].clone();
        let statuses: Vec<_> = log.as_array().into_iter().flatten().map(|entry| &entry["status"]).collect();
        let pauses = statuses.iter().filter(|status| **status == "paused").count();
        assert_eq!(pauses, 1, "{items}: {statuses:?}");
    }
    host.stop();
}

#[test]
fn a_workflow_inside_another_one_goes_on_with_it_when_its_host_is_lost_at_that_moment() {
    let place = Place::default();
    let inner = "version: 1.0\ninput: [file]\ntasks:\n  one: {action: 'core.local cmd=\"while [ ! -e <% ctx().file %> ]; do sleep 0.05; done\"', next: [{do: two}]}\n  two: {action: 'core.local cmd=\"while [ ! -e <% ctx().file %>.end ]; do sleep 0.05; done\"', next: [{do: noop}]}\n";
    let outer =
        "version: 1.0\ninput: [file]\ntasks: {sub: {action: flows.inner, input: {file: <% ctx().file %>}}}\n";
    let file = "{file: {type: string}}";
    let mut host = serve(&place, &[("inner", file, inner), ("outer", file, outer)]);
    for round in 0..4 {
        let go = format!("go{round}");
        let id = start(&host, "flows.outer", &json!({"file": place.path(&go)}));
        let sub = eventually("the inner one runs", || {
            let sub =
                host.list(&format!("/executions/{id}/children?depth=1")).first()?["id"].as_str()?.to_owned();
            (tasks(&host, &sub) == ["one running"]).then_some(sub)
        });
        host.ok(&["execution", "pause", &id]);
        place.write(&go, "");
        host.until(&id, "paused");
        // The answer comes when the outer one goes on; the inner one is told behind it.
        let head = "Content-Type: application/json\r\n";
        let resumed = host.try_send("PUT", &format!("/executions/{id}"), head, b"{\"status\": \"resuming\"}");
        resumed.unwrap().with_status(200);
        drop(host);
        host = place.start(&[]);
        eventually("the inner one goes on", || {
            tasks(&host, &sub).iter().any(|task| task.starts_with("two")).then_some(())
        });
        place.write(&format!("{go}.end"), "");
        eventually("it ends", || {
            let status = host.execution(&id)["status"].clone();
            (status == "succeeded" || status == "failed").then_some(())
        });
    }
    host.stop();
}

#[test]
fn what_cannot_go_well_ends_all_the_same() {
    let place = Place::default();
    let host = place.start(&[]);
    let unsound =
        "version: 1.0\ninput: [x]\nvars: [{y: <% ctx().x.nothing %>}]\ntasks: {a: {action: core.noop}}\n";
    let outer = "version: 1.0\ntasks: {sub: {action: flows.unsound}}\n";
    let poll = "version: 1.0\nvars: [{action: flows.nowhere}]\ntasks: {begin: {action: core.noop, next: [{do: poll}]}, poll: {action: <% ctx().action %>, next: [{when: <% failed() %>, do: poll}]}}\n";
    let late = "chain: [{name: nap, ref: core.local, params: {cmd: sleep 62, timeout: 1}}]\n";
    let deep = "version: 1.0\ntasks: {again: {action: flows.deep}}\n";
    pack(
        &place,
        &[
            ("unsound", "{x: {type: integer}}", unsound),
            ("outer", "{}", outer),
            ("poll", "{}", poll),
            ("late", "{}", late),
            ("deep", "{}", deep),
        ],
    );
    register(&host, &place);
    for (action, status, says) in [
        ("outer", "failed", "Execution failed"),
        ("poll", "failed", "cannot be started followed each other"),
        ("late", "timeout", "nap"),
        ("deep", "failed", "Execution failed"),
    ] {
        let id = start(&host, &format!("flows.{action}"), &json!({}));
        let ended = host.until(&id, status);
        assert_says(&ended["result"].to_string(), &[says]);
    }
    // A rerun of what never began says so.
    place.write("flows/actions/workflows/poll.yaml", "version: 1.0\n");
    let id = start(&host, "flows.poll", &json!({}));
    host.until(&id, "failed");
    let again = host.ok(&["execution", "rerun", &id, "--tasks", "a"]);
    let ended = host.until(again.stdout.trim(), "failed");
    assert_says(&ended["result"].to_string(), &["the workflow has no `tasks`; add it"]);
    host.stop();
}

#[test]
fn a_workflow_goes_on_by_the_definition_it_began_with() {
    let place = Place::default();
    let host = serve(&place, &[("slow", "{file: {type: string}}", SLOW)]);
    let file = place.path("go");
    let id = start(&host, "flows.slow", &json!({"file": file}));
    eventually("a runs", || (tasks(&host, &id) == ["a running"]).then_some(()));
    place.write("flows/actions/workflows/slow.yaml", "version: 1.0\ntasks: {x: {action: core.noop}}\n");
    register(&host, &place);
    place.write("go", "");
    host.until(&id, "succeeded");
    assert_eq!(place.read("go"), "b\nc\n");
    let next = start(&host, "flows.slow", &json!({}));
    host.until(&next, "succeeded");
    assert_eq!(tasks(&host, &next), ["x succeeded"]);
    host.stop();
}

const FLAKY: &str = r#"
version: 1.0
input: [file]
tasks:
  before:
    action: core.local cmd="echo before >> <% ctx().file %>"
    next: [{when: <% succeeded() %>, do: check}]
  check:
    action: core.local cmd="echo check >> <% ctx().file %>; test -e <% ctx().file %>.ok"
    next: [{when: <% succeeded() %>, do: after}]
  after:
    action: core.local cmd="echo after >> <% ctx().file %>"
"#;

#[test]
fn a_failed_workflow_is_run_again_from_a_task_on() {
    let place = Place::default();
    let host = serve(&place, &[("flaky", "{file: {type: string}}", FLAKY)]);
    let id = start(&host, "flows.flaky", &json!({"file": place.path("log")}));
    host.until(&id, "failed");
    let stranger = host.post(&format!("/executions/{id}/re_run"), &json!({"tasks": ["nobody"]}));
    assert_says(&stranger.with_status(400).body, &["has no task `nobody`", "after, before, check"]);
    // It is one of its tasks, but it was never reached.
    let unreached = host.ok(&["execution", "rerun", &id, "--tasks", "after"]);
    let unreached = host.until(unreached.stdout.trim(), "failed");
    assert_says(&unreached["result"].to_string(), &["after", "were not run"]);
    place.write("log.ok", "");
    let again = host.ok(&["execution", "rerun", &id, "--tasks", "check"]);
    assert_says(&again.stderr, &[&format!("runs flows.flaky of {id} again from check on")]);
    let again = again.stdout.trim();
    host.until(again, "succeeded");
    assert_says(&host.ok(&["execution", "get", again]).stdout, &["context.re-run.ref:", &id]);
    assert_says(&host.ok(&["execution", "output", again]).stderr, &["shows its tasks"]);
    assert_eq!(place.read("log"), "before\ncheck\ncheck\nafter\n");
    assert_eq!(tasks(&host, again), ["check succeeded", "after succeeded"]);
    let anew = host.ok(&["execution", "rerun", &id]);
    host.until(anew.stdout.trim(), "succeeded");
    assert_eq!(place.read("log"), "before\ncheck\ncheck\nafter\nbefore\ncheck\nafter\n");
    let ran = host.ok(&["run", "flows.flaky", &format!("file={}", place.path("log"))]);
    assert_says(&ran.stdout, &["tasks\n", "before", "check", "after", "core.local"]);
    host.stop();
}

const CHAIN: &str = r#"
vars: {who: "{{ name }}"}
chain:
  - name: first
    ref: core.local
    parameters: {cmd: "echo {{ who }}; exit {{ code }}"}
    publish: {said: "{{ first.stdout }}"}
    on-success: good
    on-failure: bad
  - {name: good, ref: core.echo, params: {message: "well, {{ said }}"}}
  - {name: bad, ref: core.echo, parameters: {message: "no, {{ first.return_code }}"}}
"#;

#[test]
fn an_action_chain_follows_how_its_actions_end() {
    let place = Place::default();
    let host =
        serve(&place, &[("chained", "{name: {type: string}, code: {type: integer, default: 0}}", CHAIN)]);
    for (code, task, said) in [(0, "good", "well, ann"), (4, "bad", "no, 4")] {
        let id = start(&host, "flows.chained", &json!({"name": "ann", "code": code}));
        let result = host.until(&id, "succeeded")["result"].clone();
        assert_eq!(result["published"], json!({"said": "ann"}));
        assert_eq!(result["tasks"][1]["name"], task);
        assert_eq!(result["tasks"][1]["result"]["stdout"], said);
    }
    host.stop();
}

#[test]
fn what_is_wrong_with_a_workflow_is_said_by_line_before_it_runs() {
    let place = Place::default();
    let host = place.start(&[]);
    let broken = "version: 1.0\ntasks:\n  a:\n    action: core.echo message=<% ctx().nope %>\n    next:\n      - when: <% 1 +/ 2 %>\n        do: missing\n    bogus: 1\n";
    pack(&place, &[("broken", "{}", broken)]);
    let refused = host.ok(&["pack", "register", &place.path("flows")]);
    let said =
        ["broken.yaml:4:5", "nope", "broken.yaml:6:9", "<% 1 +/ 2 %>", "broken.yaml:7:9", "missing", "bogus"];
    assert_says(&refused.stderr, &said);
    let file = place.path("flows/actions/workflows/broken.yaml");
    let inspected = host.cli(&["workflow", "inspect", &file]).with_code(1);
    assert_says(&inspected.stdout, &said);
    let errors = host.send_plain(
        "POST",
        "/api/v1/workflows/inspect",
        "Content-Type: text/plain\r\n",
        broken.as_bytes(),
    );
    assert_eq!(errors.with_status(401).status, 401);
    host.stop();
}

const TEST: &str = r"
workflow: flows/actions/workflows/flaky.yaml
input: {file: x}
tests:
  - name: it is fine
    expect: {status: succeeded, tasks: [before, check, after], variables: {file: x}}
  - name: it is not
    actions: {check: {status: failed}}
    expect: {status: failed, tasks: [before, check], errors: [Execution failed]}
";

#[test]
fn a_workflow_is_tested_without_a_host() {
    let place = Place::default();
    pack(&place, &[("flaky", "{file: {type: string}}", FLAKY)]);
    let file = place.write("test.yaml", TEST);
    let passed = place.petrel(&["workflow", "test", &file]).with_code(0);
    assert_says(&passed.stdout, &["ok", "it is fine", "it is not", "2 passed, 0 failed"]);
    place.write("test.yaml", &TEST.replace("tasks: [before, check, after]", "tasks: [before, after]"));
    let failed = place.petrel(&["workflow", "test", &file]).with_code(1);
    let said =
        ["FAILED", "tasks[1] differs", "expected \"after\"", "got      \"check\"", "file: \"x\"", "1 failed"];
    assert_says(&failed.stdout, &said);
    // One that speaks of what is not there tests nothing.
    for (part, slip, says) in [
        ("{check: {status", "{chek: {status", "did you mean check?"),
        ("input: {file: x}", "input: {fil: x}", "did you mean file?"),
        ("{status: failed}}", "{stats: failed}}", "did you mean status?"),
    ] {
        place.write("test.yaml", &TEST.replace(part, slip));
        assert_says(&place.petrel(&["workflow", "test", &file]).with_code(1).stdout, &["FAILED", says]);
    }
    let drawn = place.petrel(&["workflow", "graph", &place.path("flows/actions/workflows/flaky.yaml")]);
    assert_says(&drawn.with_code(0).stdout, &["digraph", "\"before\" -> \"check\"", "succeeded()"]);
    let svg =
        place.petrel(&["workflow", "graph", "--svg", &place.path("flows/actions/workflows/flaky.yaml")]);
    assert_says(&svg.with_code(0).stdout, &["<svg", "check", "</svg>"]);
}

#[test]
fn a_workflow_is_inspected_up_to_a_mebibyte() {
    const LARGEST: usize = 1 << 20;
    let place = Place::default();
    let host = place.start(&[]);
    let text = "version: 1.0\ntasks: {a: {action: core.noop}}\n";
    let of_length = |length: usize| format!("{text}# {}", "x".repeat(length - text.len() - 2));
    let inspect = |length: usize| {
        host.try_send("POST", "/workflows/inspect", "", of_length(length).as_bytes()).unwrap()
    };
    assert_eq!(inspect(LARGEST).with_status(200).json(), json!([]));
    let [code, message, hint] = inspect(LARGEST + 1).with_status(413).error();
    assert_eq!(code, "too_large");
    assert_says(&message, &["a workflow of 1048577 bytes", "1048576 is the limit"]);
    assert_says(&hint, &["split it"]);
    // Very much that is wrong is not all told.
    let names: String = (0..20_000).map(|number| format!("<% ctx().a{number} %>")).collect();
    let wrong = format!("version: 1.0\ntasks: {{a: {{action: core.noop, input: {{x: '{names}'}}}}}}\n");
    let answer = host.try_send("POST", "/workflows/inspect", "", wrong.as_bytes()).unwrap().with_status(200);
    assert!(answer.body.len() < 16 << 20, "{}", answer.body.len());
    let told = answer.json();
    assert_says(
        &told.as_array().unwrap().last().unwrap().to_string(),
        &["more problems; correct these first"],
    );
    // Nor is each of very many actions compared with all that there are.
    let tasks: String =
        (0..20_000).map(|number| format!("  t{number}: {{action: core.zorg{number}}}\n")).collect();
    let wrong = format!("version: 1.0\ntasks:\n{tasks}");
    let answer = host.try_send("POST", "/workflows/inspect", "", wrong.as_bytes()).unwrap().with_status(200);
    let told = answer.json();
    assert_eq!(told.as_array().unwrap().len(), 1_001);
    assert_says(&told[1_000].to_string(), &["and more problems; correct these first"]);
    host.stop();
}
