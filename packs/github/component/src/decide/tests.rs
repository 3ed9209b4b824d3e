//! Runs the action natively, on what GitHub sends, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;
use serde_json::{Value, json};

use super::*;
use crate::petrel_actions;

fn push() -> Value {
    serde_json::from_str(include_str!("../../../../../examples/github/push.json")).unwrap()
}

fn decided(payload: &Value, branches: Option<Value>) -> Value {
    let mut parameters = json!({"payload": payload});
    if let Some(branches) = branches {
        parameters["branches"] = branches;
    }
    Host::new().run(&petrel_actions()[0], &parameters).unwrap()
}

fn with(key: &str, value: Value) -> Value {
    let mut payload = push();
    payload[key] = value;
    payload
}

#[test]
fn a_push_to_main_is_deployed() {
    assert_eq!(
        decided(&push(), None),
        json!({
            "decision": "deploy",
            "reason": "branch main was pushed",
            "repository": "octocat/hello-world",
            "branch": "main",
            "revision": "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",
            "commits": 1,
            "pusher": "octocat",
        })
    );
}

#[test]
fn a_push_to_another_branch_is_ignored_unless_it_is_listed() {
    let payload = with("ref", json!("refs/heads/release/2.0"));
    let ignored = decided(&payload, None);
    assert_eq!(ignored["decision"], "ignore");
    assert_eq!(ignored["reason"], "branch release/2.0 is not one of main");
    assert_eq!(ignored["revision"], Value::Null);
    assert_eq!(decided(&payload, Some(json!(["main", "release/*"])))["decision"], "deploy");
}

#[test]
fn a_deleted_branch_is_removed() {
    let mut payload = with("deleted", json!(true));
    payload["head_commit"] = Value::Null;
    payload["commits"] = json!([]);
    let decided = decided(&payload, None);
    assert_eq!((&decided["decision"], &decided["commits"]), (&json!("delete"), &json!(0)));
}

#[test]
fn tags_and_pings_are_ignored() {
    assert_eq!(decided(&with("ref", json!("refs/tags/v1")), None)["reason"], "v1 is a tag");
    let ping =
        json!({"zen": "Keep it logically awesome.", "repository": {"full_name": "octocat/hello-world"}});
    assert_eq!(decided(&ping, None)["reason"], "nothing was pushed");
}

#[test]
fn what_is_no_webhook_of_github_is_refused() {
    let error = Host::new().run(&petrel_actions()[0], &json!({"payload": {"hello": "world"}})).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("github.not_a_push"));
}

#[test]
fn the_reason_is_logged() {
    let host = Host::new();
    let input = DecidePush { payload: serde_json::from_value(push()).unwrap(), branches: main_only() };
    decide_push(&host.context("decide_push"), input).unwrap();
    assert_eq!(host.logged(), ["INFO octocat/hello-world: branch main was pushed"]);
}
