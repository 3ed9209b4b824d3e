//! What an event leads to: the rules that it meets, what they ask for, and that all of it is one commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_model::Status;
use petrel_model::rule::EnforcementStatus;
use serde_json::{Value, json};

use crate::{House, criterion, refused, rule, with_value};

#[tokio::test]
async fn an_event_its_enforcement_and_its_execution_name_each_other() {
    let house = House::new().await;
    house.rule(&with_value("r", "{{ trigger.body.name }} and {{ st2kv.system.color }}")).await;
    house.set_key("color", "red").await;
    let accepted = house.post("sample", json!({"name": "{{ 1 + 1 }}"})).await.unwrap();
    let enforcements = house.enforcements(&accepted).await;
    let [enforcement] = enforcements.as_slice() else { panic!("{enforcements:?}") };
    let execution = house.execution(&accepted).await;
    assert_eq!(
        (enforcement.status, enforcement.execution_id),
        (EnforcementStatus::Succeeded, Some(execution.id))
    );
    assert_eq!((execution.status, execution.context.user.as_str()), (Status::Requested, "stanley"));
    assert_eq!(execution.context.trigger_instance.map(|origin| origin.id), Some(accepted.id));
    assert_eq!(execution.context.rule.map(|origin| origin.name).as_deref(), Some("house.r"));
    // What came out of an event is data.
    assert_eq!(execution.parameters["value"], json!("{{ 1 + 1 }} and red"));
}

#[tokio::test]
async fn nobody_listens_to_a_webhook_that_no_rule_names() {
    let house = House::new().await;
    assert_eq!(refused(house.post("sample", json!({})).await).0, "not_found");
    house.rule(&rule("r", "/sample/", "act", "")).await;
    house.post("sample", json!({})).await.unwrap();
    assert_eq!(refused(house.post("other", json!({})).await).0, "not_found");
    house.catalog.delete_rule("house.r").await.unwrap();
    assert_eq!(refused(house.post("sample", json!({})).await).0, "not_found");
    assert_eq!(house.events().await.len(), 1);
}

#[tokio::test]
async fn of_a_rule_that_does_not_match_nothing_is_stored() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "red"))).await;
    for (color, matches) in [("red", 1), ("blue", 0), ("", 0)] {
        let accepted = house.post("sample", json!({"color": color})).await.unwrap();
        assert_eq!(
            (accepted.executions.len(), house.enforcements(&accepted).await.len()),
            (matches, matches)
        );
    }
    assert_eq!((house.events().await.len(), house.executions().await.len()), (3, 1));
}

#[tokio::test]
async fn each_rule_that_matches_asks_for_an_execution_in_the_order_of_their_names() {
    let house = House::new().await;
    for name in ["b", "c", "a"] {
        house.rule(&rule(name, "sample", "act", "")).await;
    }
    house.rule(&rule("other", "elsewhere", "act", "")).await;
    house.catalog.set_rule_enabled("house.b", false).await.unwrap();
    let accepted = house.post("sample", json!({})).await.unwrap();
    let rules: Vec<_> = house.enforcements(&accepted).await.into_iter().map(|one| one.rule).collect();
    assert_eq!(rules.iter().map(petrel_model::Ref::as_str).collect::<Vec<_>>(), ["house.a", "house.c"]);
    assert_eq!(accepted.executions.len(), 2);
}

#[tokio::test]
async fn a_pattern_reads_the_datastore_as_it_is_when_the_event_comes() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "{{ st2kv.system.wanted }}"))).await;
    for (wanted, matches) in [("red", 1), ("blue", 0), ("red", 1)] {
        house.set_key("wanted", wanted).await;
        let accepted = house.post("sample", json!({"color": "red"})).await.unwrap();
        assert_eq!(accepted.executions.len(), matches, "{wanted}");
    }
}

#[tokio::test]
async fn parameters_that_cannot_be_used_make_a_failed_execution_that_says_why() {
    let house = House::new().await;
    house.rule(&with_value("r", "{{ trigger.body.nothing.at.all }}")).await;
    let accepted = house.post("sample", json!({})).await.unwrap();
    let failed = house.execution(&accepted).await;
    assert_eq!(
        (failed.status, failed.result.unwrap()["code"].as_str()),
        (Status::Failed, Some("parameters"))
    );
    let enforcement = &house.enforcements(&accepted).await[0];
    assert_eq!(enforcement.status, EnforcementStatus::Failed);
    assert!(enforcement.failure_reason.as_ref().unwrap().contains("house.r"), "{enforcement:?}");
}

#[tokio::test]
async fn a_match_whose_action_cannot_be_run_is_recorded_as_failed() {
    let house = House::new().await;
    for action in ["nowhere", "switched_off", "elsewhere"] {
        house.rule(&rule(action, action, action, "")).await;
        let accepted = house.post(action, json!({})).await.unwrap();
        let enforcement = &house.enforcements(&accepted).await[0];
        assert_eq!((enforcement.status, enforcement.execution_id), (EnforcementStatus::Failed, None));
        let reason = enforcement.failure_reason.as_deref().unwrap();
        assert!(reason.contains(&format!("house.{action}")), "{reason}");
    }
    assert!(house.executions().await.is_empty());
}

#[tokio::test]
async fn a_payload_that_does_not_fit_its_trigger_is_refused() {
    let schema = json!({"type": "object", "properties": {"body": {"type": "object", "required": ["id"]}}});
    let house = House::new().await;
    house.webhook(&schema).await;
    house.rule(&rule("r", "sample", "act", "")).await;
    for body in [json!({}), json!("text"), json!([1])] {
        let (code, message) = refused(house.post("sample", body).await);
        assert!(code == "invalid" && message.contains("core.st2.webhook"), "{message}");
    }
    assert!(house.events().await.is_empty());
    house.post("sample", json!({"id": 1})).await.unwrap();
}

#[tokio::test]
async fn a_payload_that_is_nested_too_deep_is_refused() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner: Value, _| json!({"a": inner}));
    assert_eq!(refused(house.post("sample", nested(200)).await).0, "invalid");
    house.post("sample", nested(50)).await.unwrap();
    assert_eq!(house.events().await.len(), 1);
}

/// Whoever waits for work must hear of it also if the sender has gone away between the commit and its answer.
#[tokio::test]
async fn what_follows_a_commit_is_done_although_nobody_waits_for_it() {
    let house = House::new().await;
    house.store.linger();
    let is_done = Arc::new(AtomicBool::new(false));
    let then = {
        let is_done = Arc::clone(&is_done);
        move || is_done.store(true, Ordering::SeqCst)
    };
    tokio::select! {
        biased;
        _ = house.core.commit_then(Vec::new(), Vec::new(), then) => panic!("the commit is answered at once"),
        () = std::future::ready(()) => {}
    }
    assert!(!is_done.load(Ordering::SeqCst));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(is_done.load(Ordering::SeqCst));
}
