//! One event followed through the log of a real host, by the trace that the README tells to search for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::collections::BTreeSet;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const SENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const LEVEL: &str = "info,petrel=debug";
const PACK: &str =
    "ref: traced\nname: traced\ndescription: Two tasks.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const METADATA: &str =
    "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\nenabled: true\nparameters: {}\n";
const FLOW: &str = r#"
version: 1.0
tasks:
  first:
    action: core.noop
    next: [{do: second}]
  second:
    action: core.local cmd="echo second"
"#;

/// A host with a rule that has a workflow of two tasks run for what is sent to the webhook `traced`.
fn serve<'a>(place: &'a Place, format: &str) -> Host<'a> {
    place.write("traced/pack.yaml", PACK);
    place.write("traced/actions/flow.yaml", METADATA);
    place.write("traced/actions/workflows/flow.yaml", FLOW);
    let host = place.start(&["--log-format", format, "--log-level", LEVEL]);
    host.ok(&["pack", "register", &place.path("traced")]);
    let trigger = json!({"type": "core.st2.webhook", "parameters": {"url": "traced"}});
    let rule = json!({
        "name": "r", "pack": "examples", "enabled": true, "trigger": trigger, "action": {"ref": "traced.flow"},
    });
    host.post("/rules", &rule).with_status(201);
    host
}

/// What is said in the lines of a trace, line by line: those in which one of the spans names it.
fn said(place: &Place, trace: &str) -> Vec<String> {
    let lines = place.read("log");
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    let is_in = |line: &Value| {
        let spans = line["spans"].as_array().into_iter().flatten();
        spans.chain([&line["span"]]).any(|span| span["trace"] == trace)
    };
    let message = |line: Value| line["fields"]["message"].as_str().unwrap_or_default().to_owned();
    lines.filter(is_in).map(message).collect()
}

#[test]
fn an_event_is_followed_by_the_trace_of_its_sender_from_the_webhook_to_the_last_task_and_its_rerun() {
    let place = Place::default();
    let host = serve(&place, "json");
    let head = format!("Content-Type: application/json\r\ntraceparent: 00-{SENT}-00f067aa0ba902b7-01\r\n");
    let answer = host.try_send("POST", "/webhooks/traced", &head, b"{}").unwrap().with_status(202);
    let (event, id) = (answer.header("x-trigger-instance-id"), answer.header("x-execution-ids"));
    host.until(id, "succeeded");
    let count = |message: &str| said(&place, SENT).iter().filter(|said| *said == message).count();
    eventually("the last line is written", || (count("the execution has ended") == 2).then_some(()));
    let expected = [
        "the event is accepted",
        "the execution is claimed",
        "the execution has started",
        "the workflow has made a step",
        "the execution has ended",
    ];
    assert_eq!(
        said(&place, SENT).iter().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(expected)
    );
    assert_eq!(count("the execution is claimed"), 3, "the workflow and its tasks");
    assert_eq!(host.get(&format!("/triggerinstances/{event}")).with_status(200).json()["trace"], SENT);
    let children = host.list(&format!("/executions/{id}/children?depth=1"));
    assert_eq!(children.len(), 2);
    assert!(children.iter().all(|child| child["trace"] == SENT), "{children:?}");
    assert_says(&host.ok(&["execution", "get", id]).stdout, &[SENT]);
    host.stop();

    let host = place.start(&["--log-format", "json", "--log-level", LEVEL]);
    let again = host.post(&format!("/executions/{id}/re_run"), &json!({})).with_status(201).json();
    assert_eq!(again["trace"], SENT);
    host.until(again["id"].as_str().unwrap(), "succeeded");
    eventually("what is done again is logged too", || (count("the execution has ended") == 4).then_some(()));
    host.stop();
}

#[test]
fn without_a_sender_s_trace_lines_of_text_name_one_that_holds_the_id() {
    let place = Place::default();
    let host = serve(&place, "text");
    let head = "Content-Type: application/json\r\ntraceparent: 00-not-a-trace\r\n";
    let answer = host.try_send("POST", "/webhooks/traced", head, b"{}").unwrap().with_status(202);
    let (event, id) = (answer.header("x-trigger-instance-id"), answer.header("x-execution-ids"));
    host.until(id, "succeeded");
    let asked = host.shell("true");
    host.until(&asked, "succeeded");
    for (begins_with, ends) in [(event, 2), (asked.as_str(), 1)] {
        let trace = format!("00000000{begins_with}");
        let is_end = |line: &&str| {
            line.contains(&format!("trace={trace}")) && line.contains("the execution has ended")
        };
        eventually("the last line is written", || {
            (place.read("log").lines().filter(is_end).count() == ends).then_some(())
        });
    }
    assert_eq!(host.execution(&asked)["trace"], format!("00000000{asked}"));
    host.stop();
}

/// The numbers of events, rules and executions of a trace.
fn counted(trace: &Value) -> [usize; 3] {
    ["trigger_instances", "rules", "action_executions"].map(|kind| trace[kind].as_array().map_or(0, Vec::len))
}

/// The trace of an event, once it has so many members.
fn whole(host: &Host<'_>, event: &str, expected: [usize; 3]) -> Value {
    eventually("all of it has happened", || {
        let trace = host.get(&format!("/traces/00000000{event}")).with_status(200).json();
        (counted(&trace) == expected).then_some(trace)
    })
}

/// As [`serve`], with a rule that has something run after the second task; and what is sent to the webhook with the tag
/// `release-7`: the id of the event, and of the workflow.
fn tagged(place: &Place) -> (Host<'_>, String, String) {
    let host = serve(place, "text");
    let after = json!({
        "name": "after", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.generic.actiontrigger"},
        "criteria": {"trigger.action_ref": {"type": "equals", "pattern": "core.local"}},
        "action": {"ref": "core.noop"},
    });
    host.post("/rules", &after).with_status(201);
    let head = "Content-Type: application/json\r\nSt2-Trace-Tag: release-7\r\n";
    let answer = host.try_send("POST", "/webhooks/traced", head, b"{}").unwrap().with_status(202);
    let [event, id] = ["x-trigger-instance-id", "x-execution-ids"].map(|name| answer.header(name).to_owned());
    (host, event, id)
}

#[test]
fn the_whole_story_of_an_event_is_a_tree() {
    let place = Place::default();
    let (host, event, id) = tagged(&place);
    // The webhook, and the ends of the workflow, of its two tasks and of what the other rule has run.
    let trace = whole(&host, &event, [5, 2, 4]);
    assert_eq!((&trace["trace_tag"], trace["uid"].is_string()), (&json!("release-7"), true));
    assert_eq!(trace["trigger_instances"][0]["caused_by"], json!({}));
    assert_eq!(trace["rules"][0]["caused_by"], json!({"type": "trigger_instance", "id": event}));
    let rule = trace["rules"][0]["object_id"].as_str().unwrap();
    let flow = &trace["action_executions"][0];
    assert_eq!(flow["caused_by"], json!({"type": "rule", "id": format!("{rule}:{event}")}));
    assert_eq!((&flow["object_id"], &flow["ref"]), (&json!(id), &json!("traced.flow")));
    assert_eq!(host.execution(&id)["context"]["trace_context"]["trace_tag"], "release-7");

    let told = host.ok(&["trace", "get", "release-7"]).stdout;
    let indent = |says: &str| {
        let line = told.lines().find(|line| line.contains(says)).unwrap_or_default();
        line.len() - line.trim_start().len()
    };
    for (says, expected) in [
        ("event core.st2.webhook", 0),
        ("rule examples.r ", 2),
        ("execution traced.flow", 4),
        ("(task second)", 6),
        // Below the event of the end of that task.
        ("rule examples.after", 10),
        // Not the first task.
        ("execution core.noop  ", 12),
    ] {
        assert_eq!(indent(says), expected, "{says}:\n{told}");
    }
    for name in [&event, &id] {
        assert_eq!(host.ok(&["trace", "get", name, "-j"]).json()["id"], trace["id"]);
    }
    let cut = host.ok(&["trace", "get", &event, "-n", "3"]);
    assert_says(&cut.stderr, &["only the first 3 members are shown"]);
    host.stop();
}

#[test]
fn a_trace_is_found_by_what_is_in_it_and_gets_more_members_also_after_a_restart() {
    let place = Place::default();
    let (host, event, id) = tagged(&place);
    let trace = whole(&host, &event, [5, 2, 4]);
    let rule = trace["rules"][0]["object_id"].as_str().unwrap();
    let child = host.list(&format!("/executions/{id}/children?depth=1"))[0]["id"].clone();
    for filter in [
        "trace_tag=release-7".to_owned(),
        "rule=examples.after".to_owned(),
        format!("rule={rule}"),
        format!("trigger_instance={event}"),
        format!("execution={}", child.as_str().unwrap()),
    ] {
        let found = host.list(&format!("/traces/?limit=50&sort_desc=True&{filter}"));
        assert_eq!(found.iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&trace["id"]], "{filter}");
    }
    assert_says(&host.ok(&["trace", "list"]).stdout, &["release-7", &event]);

    // What is run by hand in the same trace has its tag, and so has what comes of it.
    let joined = host.ok(&["run", "core.noop", "--trace-id", &event, "-j"]).json();
    assert_eq!(joined["trace"], trace["id"]);
    assert_eq!(joined["context"]["trace_context"]["trace_tag"], "release-7");
    whole(&host, &event, [6, 2, 5]);
    let again = host.post(&format!("/executions/{id}/re_run"), &json!({})).with_status(201).json();
    let trace = whole(&host, &event, [10, 3, 9]);
    let members = trace["action_executions"].as_array().unwrap();
    let again = members.iter().find(|member| member["object_id"] == again["id"]).unwrap();
    assert_eq!(again["caused_by"], json!({"type": "action_execution", "id": id}));
    let own = host.ok(&["run", "core.noop", "--trace-tag", "another tag", "-j"]).json();
    let found = host.ok(&["trace", "list", "--trace-tag", "another tag", "-j"]).json();
    assert_eq!(found[0]["id"], own["trace"]);
    host.stop();

    let host = place.start(&[]);
    assert_eq!(counted(&host.ok(&["trace", "get", "release-7", "-j"]).json()), [10, 3, 9]);
    host.stop();
}

#[test]
fn what_names_no_trace_is_refused_with_a_remedy() {
    let place = Place::default();
    let host = serve(&place, "text");
    let id = "0123456789abcdef01234567";
    let unknown = json!({"action": "core.noop", "context": {"trace_context": {"id_": id}}});
    for (refused, says) in [
        (host.post("/executions", &unknown).with_status(400), "does not exist"),
        (host.get(&format!("/traces/{id}")).with_status(404), "petrel trace list"),
        (host.get("/traces/none").with_status(400), "petrel trace list"),
        (host.get(&format!("/traces/{id}?limit=0")).with_status(400), "between 1 and 10000"),
        (host.get("/traces?execution=none").with_status(400), "is not an id"),
    ] {
        assert_says(&refused.body, &[says]);
    }
    let long = format!("Content-Type: application/json\r\nSt2-Trace-Tag: {}\r\n", "x".repeat(300));
    let refused = host.try_send("POST", "/webhooks/traced", &long, b"{}").unwrap().with_status(400);
    assert_says(&refused.body, &["300 bytes, and 256 is the limit"]);
    assert_says(&host.cli(&["trace", "get", "none"]).with_code(3).stderr, &["petrel trace list"]);
    host.stop();
}
