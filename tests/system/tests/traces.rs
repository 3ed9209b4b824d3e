//! One event followed through the log of a real host, by the trace that the README tells to search for.
#![expect(clippy::indexing_slicing, reason = "what is absent reads as null")]

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
