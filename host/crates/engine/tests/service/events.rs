//! The consequences of an event: the matching rules, their requests, and one commit for all of it.

use petrel_model::Status;
use petrel_model::rule::EnforcementStatus;
use serde_json::json;

use crate::support::store::{How, any};
use crate::support::{House, asks_with, refused, result_of, rule};

#[tokio::test]
async fn an_event_its_enforcement_and_its_execution_are_stored_together() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    let accepted = house.post("sample", json!({"n": 1})).await.unwrap();
    let enforcements = house.enforcements(&accepted).await;
    let [enforcement] = enforcements.as_slice() else { panic!("{enforcements:?}") };
    assert_eq!(enforcement.status, EnforcementStatus::Succeeded);
    assert_eq!(enforcement.execution_id.into_iter().collect::<Vec<_>>(), accepted.executions);
    let ended = house.ended(accepted.executions[0]).await;
    assert_eq!((ended.status, ended.context.user.as_str()), (Status::Succeeded, "stanley"));
    assert_eq!(ended.context.trigger_instance.map(|origin| origin.id), Some(accepted.id));
    assert_eq!(ended.context.rule.map(|origin| origin.name).as_deref(), Some("house.r"));
}

#[tokio::test]
async fn of_an_event_that_cannot_be_stored_nothing_is() {
    for how in [How::Refused, How::NoRoom] {
        let house = House::new().await;
        house.rule(&rule("r", "sample", "at_once", "")).await;
        house.store().next(any, how);
        assert!(["internal", "no_room"].contains(&refused(house.post("sample", json!({})).await).0));
        assert_eq!((house.events().await.len(), house.executions().await.len()), (0, 0));
        assert!(house.script.begun().is_empty());
    }
}

#[tokio::test]
async fn an_event_that_was_stored_and_not_answered_runs_all_the_same() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    house.store().next(any, How::Unanswered);
    assert_eq!(refused(house.post("sample", json!({})).await).0, "internal");
    let house = house.next_process().await;
    assert_eq!(house.events().await.len(), 1);
    let id = house.executions().await[0].id;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.script.begun(), [id]);
}

/// A criterion on the field `color` of the body.
fn criterion(operator: &str, pattern: &str) -> String {
    format!("criteria: {{trigger.body.color: {{type: {operator}, pattern: \"{pattern}\"}}}}\n")
}

#[tokio::test]
async fn why_a_rule_did_not_match_can_be_asked_afterwards() {
    let house = House::new().await;
    house.rule(&rule("blue", "sample", "at_once", &criterion("equals", "blue"))).await;
    house.rule(&rule("red", "sample", "fails", &criterion("equals", "red"))).await;
    let accepted = house.post("sample", json!({"color": "red"})).await.unwrap();
    house.ended(accepted.executions[0]).await;
    let told = house.explain(&accepted).await;
    let told: Vec<_> = told.iter().map(|one| (one.rule.name(), one.matched, one.verdict.as_str())).collect();
    let [(_, false, blue), (_, true, _)] = told.as_slice() else { panic!("{told:?}") };
    assert!(blue.contains("\"red\"") && blue.contains("\"blue\""), "{blue}");
    assert!(house.explain(&accepted).await[1].came_of_it.contains("failed: on purpose"));
}

fn with_value(name: &str, action: &str, value: &str) -> String {
    let plain = rule(name, "sample", action, "");
    let (before, _) = plain.split_once("action:").unwrap();
    format!("{before}action: {{ref: house.{action}, parameters: {{value: \"{value}\"}}}}\n")
}

#[tokio::test]
async fn the_parameters_of_a_rule_are_rendered_of_the_event() {
    let house = House::new().await;
    house.rule(&with_value("r", "at_once", "{{ trigger.body.name }} and {{ st2kv.system.color }}")).await;
    for color in ["red", "blue"] {
        house.set_key("color", color).await;
        let accepted = house.post("sample", json!({"name": "{{ 1 + 1 }}"})).await.unwrap();
        let ended = house.ended(accepted.executions[0]).await;
        // What came out of an event is data, and is not evaluated again.
        assert_eq!(result_of(&ended, "value"), json!(format!("{{{{ 1 + 1 }}}} and {color}")));
    }
}

#[tokio::test]
async fn a_key_that_parameters_read_in_vain_is_noted_and_told_with_the_nearest() {
    let house = House::new().await;
    house.set_key("limit", "5").await;
    house.rule(&with_value("r", "at_once", "more than {{ st2kv.system.limt }}")).await;
    house.rule(&with_value("s", "at_once", "more than {{ st2kv.system.limit }}")).await;
    let accepted = house.post("sample", json!({})).await.unwrap();
    for id in &accepted.executions {
        house.ended(*id).await;
    }
    let notes: Vec<_> = house.enforcements(&accepted).await.into_iter().map(|one| one.note).collect();
    let note = "an empty text was put into value: the datastore has no key st2kv.system.limt";
    assert_eq!(notes, [Some(note.to_owned()), None]);
    let told = house.explain(&accepted).await;
    let told: Vec<_> = told.iter().map(|one| one.came_of_it.as_str()).collect();
    assert!(told[0].ends_with(&format!("succeeded; {note}; did you mean st2kv.system.limit?")), "{told:?}");
    assert!(told[1].ends_with("succeeded"), "{told:?}");
}

#[tokio::test]
async fn who_asks_for_what_reads_a_key_in_vain_is_told_the_nearest() {
    let house = House::new().await;
    house.set_key("limit", "5").await;
    let asked = asks_with("at_once", &json!({"number": "{{ st2kv.system.limt }}"}));
    let (_, message) = refused(house.request(asked).await);
    for says in ["parameter number", "no key st2kv.system.limt", "did you mean st2kv.system.limit?"] {
        assert!(message.contains(says), "{message}");
    }
}
