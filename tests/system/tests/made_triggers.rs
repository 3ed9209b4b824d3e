//! Trigger types and triggers that are made by hand: by API and command line, over a restart and registrations of packs, and
//! with rules and events in between.

#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

use crate::mine;

/// The head of a request with JSON.
const JSON: &str = "Content-Type: application/json\r\n";

#[track_caller]
fn sent(host: &Host<'_>, method: &str, path: &str, body: &Value, status: u16) -> Value {
    let answer = host.try_send(method, path, JSON, body.to_string().as_bytes()).unwrap();
    let answer = answer.with_status(status);
    if status == 204 { Value::Null } else { answer.json() }
}

fn order() -> Value {
    json!({
        "name": "order",
        "pack": "mine",
        "description": "An order.",
        "parameters_schema": {"type": "object", "properties": {"size": {"type": "string"}}},
        "payload_schema": {"type": "object", "properties": {"id": {"type": "integer", "required": true}}},
    })
}

#[test]
fn what_is_made_by_hand_stays_until_it_is_deleted() {
    let place = Place::default();
    mine::write_pack(&place);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("mine")]);
    let made = sent(&host, "POST", "/triggertypes", &order(), 201);
    for (field, value) in [
        ("ref", json!("mine.order")),
        ("id", json!("mine.order")),
        ("uid", json!("trigger_type:mine:order")),
        ("made_by", json!("admin")),
    ] {
        assert_eq!(made[field], value, "{made}");
    }
    let refused = sent(&host, "POST", "/triggertypes", &order(), 409);
    assert_says(&refused.to_string(), &["mine.order", "exists already"]);
    let large = json!({"type": "mine.order", "parameters": {"size": "large"}, "description": "Large ones."});
    let trigger = sent(&host, "POST", "/triggers", &large, 201);
    assert_eq!((&trigger["description"], &trigger["listeners"]), (&json!("Large ones."), &json!(0)));
    assert_eq!(sent(&host, "POST", "/triggers", &large, 201)["ref"], trigger["ref"]);
    let misfit = json!({"type": "mine.order", "parameters": {"size": 5}});
    assert_says(&sent(&host, "POST", "/triggers", &misfit, 400).to_string(), &["do not fit", "size"]);

    host.ok(&["pack", "register", &place.path("mine")]);
    host.stop();
    let host = place.start(&[]);
    assert_eq!(host.get("/triggertypes/mine.order").with_status(200).json()["description"], "An order.");
    let reference = trigger["ref"].as_str().unwrap();
    let rule = json!({
        "name": "large", "pack": "mine", "enabled": true, "action": {"ref": "core.noop"},
        "trigger": {"type": "mine.order", "parameters": {"size": "large"}},
    });
    host.ok(&["rule", "create", &place.write("large.json", &rule.to_string())]);
    host.ok(&["trigger", "emit", reference, "--payload", r#"{"id": 7}"#]);
    let shown = host.ok(&["trigger", "get", "mine.order", "--json"]).json();
    assert_eq!((&shown["listeners"], &shown["rules"]), (&json!(1), &json!(["mine.large"])));
    assert!(shown["last_event_at"].is_string(), "{shown}");
    assert_eq!(host.ok(&["trigger", "get", reference, "--json"]).json()["listeners"], 1);

    // What a rule listens to stays.
    for reference in ["mine.order", reference] {
        let refused = host.cli(&["trigger", "delete", reference]);
        assert!(refused.code != 0, "{reference}");
        assert_says(&refused.stderr, &["mine.large"]);
    }
    let narrow = json!({"name": "order", "parameters_schema": {"size": {"type": "integer"}}});
    assert_says(&sent(&host, "PUT", "/triggertypes/mine.order", &narrow, 409).to_string(), &["mine.large"]);
    let wide = json!({"name": "order", "pack": "mine", "description": "Any order."});
    assert_eq!(sent(&host, "PUT", "/triggertypes/mine.order", &wide, 200)["description"], "Any order.");
    host.ok(&["rule", "delete", "mine.large"]);
    host.ok(&["trigger", "delete", reference]);
    host.ok(&["trigger", "delete", "mine.order"]);
    host.get(&format!("/triggers/{reference}")).with_status(404);
    host.get("/triggertypes/mine.order").with_status(404);
    // Its event is there, and says why it cannot come once more.
    let again = host.cli(&["trigger", "re-emit", "last"]);
    assert!(again.code != 0);
    assert_says(&again.stderr, &["mine.order"]);
    host.stop();
}
