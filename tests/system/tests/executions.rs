//! Executions: asked for, waited for, listed, ended.

use std::time::{Duration, Instant};

use petrel_system_tests::{Place, assert_says, eventually};
use petrel_test_support::ProcessId;
use serde_json::json;

#[test]
fn a_cancel_ends_the_process_and_its_children() {
    let place = Place::default();
    let host = place.start(&[]);
    // A child of the command is ended too.
    let id = host.shell(&format!("(while :; do sleep 0.05; done) & echo $! > {}; wait", place.path("child")));
    let child = eventually("it runs", || place.read("child").trim().parse().ok().map(ProcessId));
    assert!(child.resident().is_some());
    let canceled = host.delete(&format!("/executions/{id}")).with_status(200).json();
    assert!(["canceling", "canceled"].contains(&canceled["status"].as_str().unwrap()), "{canceled:#}");
    host.until(&id, "canceled");
    eventually("its child is gone", || child.resident().is_none().then_some(()));
    // Once more is too late.
    let refused = host.cli(&["execution", "cancel", &id]).with_code(6);
    assert_says(&refused.stderr, &["cannot be canceled", "canceled"]);
    host.stop();
}

#[test]
fn a_waiting_execution_is_canceled_at_once() {
    let place = Place::default();
    let host = place.start(&[]);
    let body = json!({"action": "core.local", "parameters": {"cmd": "true"}, "delay": 600_000});
    let id = host.request(&body);
    assert_says(&host.ok(&["execution", "cancel", &id]).stderr, &["canceled"]);
    assert_eq!(host.execution(&id)["status"], "canceled");
    host.stop();
}

#[test]
fn a_command_may_take_its_time_and_no_more() {
    let place = Place::default();
    let host = place.start(&[]);
    let run =
        host.cli(&["run", "core.local", "cmd=echo begun; sleep 90", "timeout=3", "-j"]).with_code(1).json();
    assert_eq!((&run["status"], &run["result"]["stdout"]), (&json!("timeout"), &json!("begun")));
    assert_says(run["result"]["error"].as_str().unwrap(), &["3 seconds"]);
    assert!(run["elapsed_seconds"].as_f64().unwrap() < 60.0);
    host.stop();
}

#[test]
fn output_is_kept_as_it_comes() {
    let place = Place::default();
    let host = place.start(&[]);
    let gate = place.path("gate");
    let id = host
        .shell(&format!("echo one; echo two >&2; while [ ! -e {gate} ]; do sleep 0.05; done; echo three"));
    let output = || host.get(&format!("/executions/{id}/output")).with_status(200);
    eventually("the first lines", || (output().body.lines().count() == 2).then_some(()));
    assert_eq!(host.execution(&id)["status"], "running");
    place.write("gate", "");
    host.until(&id, "succeeded");
    assert_says(output().header("content-type"), &["text/plain"]);
    assert_eq!(output().body.lines().last(), Some("three"));
    assert_says(&host.ok(&["execution", "output", &id]).stdout, &["one\n", "two\n", "three\n"]);
    host.get("/executions/6a1e5c2f9b1d4e5f60718293/output").with_status(404);
    host.stop();
}

#[test]
fn a_delay_is_waited_for() {
    let place = Place::default();
    let host = place.start(&[]);
    let started = Instant::now();
    let id = host.request(&json!({"action": "core.noop", "delay": 6000}));
    // Until its time has come it is delayed, as StackStorm shows it.
    assert_eq!(host.execution(&id)["status"], "delayed");
    assert_eq!(host.ok(&["execution", "list", "--status", "delayed", "-j"]).json()[0]["id"], id.as_str());
    assert!(host.list("/executions?status=requested").is_empty());
    host.until(&id, "succeeded");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(6000), "{took:?}");
    host.stop();
}

#[test]
fn listings_are_narrowed_and_paged() {
    let place = Place::default();
    let host = place.start(&[]);
    let ids: Vec<_> = ["true", "false", "true", "exit 3", "true"].map(|cmd| host.shell(cmd)).into();
    for id in &ids {
        eventually("it has ended", || host.execution(id).get("end_timestamp").map(drop));
    }
    host.ok(&["run", "core.noop"]);
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    let listed = |query: &str| -> Vec<String> {
        let found = host.list(&format!("/executions?action=core.local{query}"));
        found.iter().map(|execution| execution["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("", &newest_first[..]),
        ("&limit=2", &newest_first[..2]),
        ("&limit=2&offset=2", &newest_first[2..4]),
        ("&limit=-1&offset=4", &newest_first[4..]),
        (&format!("&limit=2&before={}", newest_first[1]), &newest_first[2..4]),
        (&format!("&before={}", newest_first[4]), &[]),
        ("&status=failed", &[ids[3].clone(), ids[1].clone()]),
        ("&status=failed&limit=1", &ids[3..4]),
        ("&status=succeeded&offset=2", &ids[..1]),
        ("&rule=examples.none", &[]),
    ] {
        assert_eq!(listed(query), expected, "{query}");
    }
    assert_eq!(host.list("/executions").len(), 6);
    let narrow = host.list("/executions?action=core.local&limit=1&include_attributes=status,result.stdout");
    let names: Vec<_> = narrow[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "status", "result"]);
    let without = host.list("/executions?action=core.local&limit=1&exclude_attributes=result,action");
    assert!(without[0].get("result").is_none() && without[0]["status"] == "succeeded", "{without:?}");
    assert_eq!(host.get("/executions?limit=2").header("x-limit"), "2");
    let table = host.ok(&["execution", "list", "--status", "failed", "-n", "1"]).stdout;
    assert_eq!(table.lines().count(), 2, "{table}");
    assert_says(&table, &["ID", "STATUS", &ids[3], "core.local"]);
    host.stop();
}

#[test]
fn the_sender_of_an_event_may_wait() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = "name: wait\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: wait}}\naction: {ref: core.local, parameters: {cmd: 'sleep {{ trigger.body.s | shell_quote }}'}}\n";
    host.ok(&["rule", "create", &place.write("rule.yaml", rule)]);
    for (prefer, body, statuses) in [
        ("wait=30", r#"{"s": 0.5}"#, "succeeded"),
        ("wait=30", r#"{"s": "soon"}"#, "failed"),
        ("wait=1", r#"{"s": 20}"#, "running"),
    ] {
        let head = format!("Prefer: respond-async, {prefer}\r\n");
        let answer =
            host.try_send("POST", "/webhooks/wait", &head, body.as_bytes()).unwrap().with_status(202);
        assert_eq!(answer.header("x-execution-statuses"), statuses);
        assert_eq!(answer.header("preference-applied"), "wait");
    }
    host.ok(&["execution", "cancel", host.execution("last")["id"].as_str().unwrap()]);
    host.stop();
}

#[test]
fn processes_wait_for_a_slot() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "1"]);
    let first = host.shell("sleep 60");
    host.until(&first, "running");
    let second = host.shell("true");
    // Components do not wait for processes.
    host.ok(&["run", "core.noop"]);
    assert_eq!(host.execution(&second)["status"], "requested");
    assert_eq!(host.get("/status").json()["waiting"], 1);
    host.delete(&format!("/executions/{first}")).with_status(200);
    host.until(&second, "succeeded");
    host.stop();
}

#[test]
fn too_much_is_refused_and_nothing_is_lost() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "1", "--waiting-limit", "2", "--waiting-share", "100"]);
    let rule = "name: many\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: many}}\naction: {ref: core.local, parameters: {cmd: 'echo one >> FILE'}}\n";
    host.ok(&["rule", "create", &place.write("rule.yaml", &rule.replace("FILE", &place.path("out")))]);
    let first = host.shell("sleep 60");
    host.until(&first, "running");
    let answers: Vec<_> = (0..6).map(|_| host.post("/webhooks/many", &json!({}))).collect();
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!((accepted.len(), refused.len()), (2, 4));
    for answer in refused {
        let answer = answer.with_status(503);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(
            answer.error(),
            [
                "busy",
                "2 executions are waiting, and 2 is the limit (`engine.waiting_limit`)",
                "try again in a moment"
            ]
        );
    }
    let run = host.cli(&["run", "core.noop"]).with_code(8);
    assert_says(&run.stderr, &["2 is the limit", "try again in a moment"]);
    assert_eq!(host.list("/triggerinstances").len(), 2);
    host.delete(&format!("/executions/{first}")).with_status(200);
    for answer in accepted {
        host.until(answer.header("x-execution-ids"), "succeeded");
    }
    assert_eq!(place.read("out"), "one\none\n");
    host.post("/webhooks/many", &json!({})).with_status(202);
    host.stop();
}

#[test]
fn a_request_is_an_action() {
    let place = Place::default();
    let host = place.start(&[]);
    let url = format!("url=http://{}/api/v1/actions/core.http", host.address);
    let refused = host.cli(&["run", "core.http", &url, "-j"]).with_code(1).json();
    assert_eq!((&refused["status"], &refused["result"]["status_code"]), (&json!("failed"), &json!(401)));
    let token = format!("auth=X-Auth-Token={}", host.token);
    let made = host.ok(&["run", "core.http", &url, &token, "-j"]).json();
    assert_eq!(made["result"]["body"]["ref"], "core.http", "{made:#}");
    assert_eq!((&made["result"]["parsed"], &made["parameters"]["auth"]), (&json!(true), &json!("********")));
    host.stop();
}

#[test]
fn executions_and_enforcements_are_found_by_what_is_known_of_them() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["pack", "install", "builtin:github"]);
    let answer = host.post("/webhooks/github", &json!({"repository": {"full_name": "a/b"}})).with_status(202);
    let by_rule = answer.header("x-execution-ids").to_owned();
    let event = answer.header("x-trigger-instance-id").to_owned();
    host.until(&by_rule, "succeeded");
    let asked = host.request(&json!({"action": "core.local", "parameters": {"cmd": "echo hello"}}));
    let ended = host.until(&asked, "succeeded");
    let time = ended["start_timestamp"].as_str().unwrap();
    for (query, expected) in [
        ("user=stanley".to_owned(), vec![&by_rule]),
        ("user=admin".to_owned(), vec![&asked]),
        ("runner=local-shell-cmd".to_owned(), vec![&asked]),
        (format!("timestamp_lt={time}"), vec![&by_rule]),
        (format!("timestamp_gt={time}"), vec![]),
        ("parent=null".to_owned(), vec![&asked, &by_rule]),
        (format!("parent={asked}"), vec![]),
        (format!("trigger_instance={event}"), vec![&by_rule]),
    ] {
        let found = host.list(&format!("/executions?{query}"));
        let found: Vec<_> = found.iter().map(|execution| execution["id"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
    }
    host.get("/executions?timestamp_gt=yesterday").with_status(400);
    let get = |path: &str| host.get(&format!("/executions/{asked}{path}"));
    assert_eq!(get("/attribute/status").json(), "succeeded");
    assert_eq!(get("/attribute/result").json()["stdout"], "hello");
    assert_eq!(get("/result").json()["stdout"], "hello");
    assert_eq!(get("/children").json(), json!([]));
    assert_eq!(get("/children").header("x-total-count"), "0");
    get("/attribute/context").with_status(400);
    host.get("/executions/000000000000000000000000/children").with_status(404);

    for (query, count) in [
        (String::new(), 1),
        (format!("trigger_instance={event}"), 1),
        (format!("execution={by_rule}"), 1),
        (format!("execution={asked}"), 0),
        ("rule_ref=github.on_push".to_owned(), 1),
        ("rule_ref=github.other".to_owned(), 0),
    ] {
        assert_eq!(host.list(&format!("/ruleenforcements?{query}")).len(), count, "{query}");
    }
    let triggers = host.list("/triggers?type=core.st2.webhook");
    let reference = triggers[0]["ref"].as_str().unwrap();
    assert_eq!(host.get(&format!("/triggers/{reference}")).json()["parameters"]["url"], "github");
    host.get("/triggers/core.other").with_status(404);
    host.stop();
}

#[test]
fn all_that_are_named_are_canceled_whatever_becomes_of_the_others() {
    let place = Place::default();
    let host = place.start(&[]);
    let (first, second) = (host.shell("sleep 600"), host.shell("sleep 600"));
    let ended = host.shell("true");
    host.until(&ended, "succeeded");
    let unknown = "0123456789abcdef01234567";
    let told = host.cli(&["execution", "cancel", &first, unknown, "no-id", &second]);
    assert_eq!(told.code, 1, "{told:?}");
    assert_says(&told.stderr, &[&format!("{first}: cancel"), unknown, "no-id", &format!("{second}: cancel")]);
    for id in [&first, &second] {
        host.until(id, "canceled");
    }
    // What has ended stays as it ended.
    host.cli(&["execution", "cancel", &ended]);
    assert_eq!(host.execution(&ended)["status"], "succeeded");
    host.stop();
}
