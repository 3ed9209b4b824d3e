//! Questions of the real host: the example asks before it deletes, and the answer comes from the command line, also after
//! a kill.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::path::Path;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/approval");

/// A host with the example, whose workflow asks about a directory. Gives the workflow and the question.
fn asks(place: &Place, host: &Host<'_>) -> (String, String) {
    host.ok(&["pack", "register", EXAMPLE]);
    place.write("old/file", "x");
    let parameters = json!({"path": place.path("old")});
    let id = host.request(&json!({"action": "approval.delete", "parameters": parameters}));
    host.until(&id, "paused");
    let open = host.list(&format!("/inquiries/?limit=50&parent={id}"));
    assert_eq!(open.len(), 1, "{open:?}");
    (id, open[0]["id"].as_str().unwrap().to_owned())
}

fn put(host: &Host<'_>, id: &str, body: &Value) -> petrel_system_tests::Answer {
    let head = "Content-Type: application/json\r\n";
    host.try_send("PUT", &format!("/inquiries/{id}"), head, body.to_string().as_bytes()).unwrap()
}

#[test]
fn the_example_asks_and_does_as_it_is_told_also_after_a_kill() {
    let place = Place::default();
    let host = place.start(&[]);
    let (id, ask) = asks(&place, &host);
    let shown = host.get(&format!("/inquiries/{ask}")).with_status(200).json();
    let names: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).take(6).collect();
    assert_eq!(names, ["id", "route", "ttl", "users", "roles", "schema"]);
    assert_eq!(
        (&shown["ttl"], &shown["route"], &shown["parent"]),
        (&json!(60), &json!("operations"), &json!(id))
    );
    assert_says(&host.ok(&["inquiry", "list"]).stdout, &[&ask, "approved, reason", "operations"]);
    for name in [&ask[..], "last"] {
        assert_says(&host.ok(&["inquiry", "get", name]).stdout, &[&ask, "Shall", "boolean"]);
    }
    for (words, says) in [
        (&["approved=perhaps"][..], "true or false"),
        (&["yes"], "NAME=VALUE"),
        (&["--response", "{\"reason\": \"x\"}"], "did not pass schema validation"),
        (&[], "approved, reason"),
    ] {
        let refused = host.cli(&[&["inquiry", "respond", &ask], words].concat()).with_code(2);
        assert_says(&refused.stderr, &[says]);
    }
    // It is killed.
    drop(host);
    let host = place.start(&[]);
    let waits = host.cli(&["run", "--wait", "2s", "core.ask"]).with_code(7);
    assert_says(&waits.stderr, &["waits for an answer: `petrel inquiry respond "]);
    let other = host.list("/inquiries?limit=1")[0]["id"].as_str().unwrap().to_owned();
    host.ok(&["execution", "cancel", &other]);
    host.until(&other, "canceled");
    let follows = host.cli(&["execution", "tail", &id, "--wait", "1"]).with_code(7);
    assert_says(&follows.stderr, &[&format!("{id} waits for an answer: `petrel inquiry respond {ask}`")]);
    let answered = host.ok(&["inquiry", "respond", "last", "approved=true", "reason=it is old"]);
    assert_says(&answered.stdout, &["Response accepted for inquiry", &ask]);
    let ended = host.until(&id, "succeeded");
    assert_eq!(ended["result"]["output"], json!({"decision": "approved"}));
    assert!(!Path::new(&place.path("old")).exists());
    assert_says(&host.cli(&["inquiry", "get", "last"]).with_code(3).stderr, &["no question is open"]);
    let late = host.cli(&["inquiry", "respond", &ask, "approved=false"]).with_code(2);
    assert_says(&late.stderr, &["has already been responded to"]);
    assert_eq!(host.execution(&ask)["context"]["answered_by"], "admin");
    host.stop();
}

#[test]
fn what_is_refused_stays_and_so_does_what_nobody_may_answer() {
    let place = Place::default();
    let host = place.start(&[]);
    let (id, ask) = asks(&place, &host);
    let answer = put(&host, &ask, &json!({"id": ask, "response": {"approved": false}})).with_status(200);
    assert_eq!(answer.json(), json!({"id": ask, "response": {"approved": false}}));
    assert_eq!(host.until(&id, "succeeded")["result"]["output"], json!({"decision": "refused"}));
    assert!(Path::new(&place.path("old/file")).exists());
    put(&host, &ask, &json!({"response": {"approved": true}})).with_status(400);
    put(&host, "5f0000000000000000000000", &json!({"response": {}})).with_status(404);
    put(&host, "nosuch", &json!({"response": {}})).with_status(404);
    put(&host, &ask, &json!({"id": id, "response": {}})).with_status(400);
    put(&host, &ask, &json!({})).with_status(400);
    let parameters = json!({"users": ["nobody"]});
    let closed = host.request(&json!({"action": "core.ask", "parameters": parameters}));
    host.until(&closed, "pending");
    let refused = put(&host, &closed, &json!({"response": {"continue": true}})).with_status(403);
    assert_says(&refused.body, &["does not have permission to respond to inquiry"]);
    host.ok(&["execution", "cancel", &closed]);
    host.until(&closed, "canceled");
    assert_says(&put(&host, &closed, &json!({"response": {}})).with_status(400).body, &["was canceled"]);
    assert!(host.list("/inquiries").is_empty());
    host.stop();
}

#[test]
fn a_secret_answer_is_masked() {
    let place = Place::default();
    let host = place.start(&[]);
    let schema = json!({"type": "object", "properties": {"pin": {"type": "string", "secret": true}}});
    let id = host.request(&json!({"action": "core.ask", "parameters": {"schema": schema}}));
    host.until(&id, "pending");
    let wrong = put(&host, &id, &json!({"response": {"pin": 987_654}})).with_status(400);
    assert!(!wrong.body.contains("987654"), "{wrong:?}");
    let answered = put(&host, &id, &json!({"response": {"pin": "hush hush"}})).with_status(200);
    assert_eq!(answered.json()["response"], json!({"pin": "********"}));
    let shown = eventually("it is answered", || {
        Some(host.execution(&id)).filter(|execution| execution["status"] == "succeeded")
    });
    assert_eq!(shown["result"]["response"], json!({"pin": "********"}));
    let clear = host.get(&format!("/executions/{id}?show_secrets=true")).with_status(200).json();
    assert_eq!(clear["result"]["response"], json!({"pin": "hush hush"}));
    host.stop();
}
