//! Circuit breakers of rules: a rule whose action fails again and again is paused, tries once after that, and all of it is
//! remembered over a restart.

use petrel_model::{ExecutionId, Status};
use serde_json::json;

use crate::support::script::failed;
use crate::support::store::{How, any, ends};
use crate::support::{House, RuleChange, refused, rule, settle};

const BREAKER: &str = "circuit_breaker: {failures: 2, within: 10m, pause: 15m}\n";

/// Sends an event, and returns the status of what it led to, or why it led to nothing.
async fn sent(house: &House) -> Result<Status, String> {
    let accepted = house.post("sample", json!({})).await.unwrap();
    match accepted.executions.first() {
        Some(id) => Ok(house.ended(*id).await.status),
        None => Err(house.enforcements(&accepted).await.remove(0).failure_reason.unwrap()),
    }
}

/// A house with a rule whose action has failed as often as it may.
async fn paused() -> House {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "fails", BREAKER)).await;
    for _ in 0..2 {
        assert_eq!(sent(&house).await, Ok(Status::Failed));
    }
    house
}

fn is_paused(sent: Result<Status, String>) -> bool {
    sent.is_err_and(|why| {
        why.starts_with("the circuit breaker pauses this rule until")
            && why.contains("petrel rule resume house.r")
    })
}

#[tokio::test]
async fn a_rule_whose_action_fails_again_and_again_is_paused() {
    let house = paused().await;
    assert!(is_paused(sent(&house).await));
    house.seconds(899).await;
    assert!(is_paused(sent(&house).await));
    house.seconds(2).await;
    assert_eq!(sent(&house).await, Ok(Status::Failed), "one tries");
    // Now the pause is twice as long.
    house.seconds(1700).await;
    assert!(is_paused(sent(&house).await));
    house.seconds(120).await;
    let mended = rule("r", "sample", "at_once", BREAKER);
    house.change(RuleChange::Update("house.r".into(), mended)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(sent(&house).await, Ok(Status::Succeeded));
    }
}

#[tokio::test]
async fn failures_that_are_too_far_apart_do_not_pause_a_rule() {
    let house = House::new().await;
    house.rule(&rule("r", "failing", "fails", BREAKER)).await;
    for _ in 0..4 {
        let accepted = house.post("failing", json!({})).await.unwrap();
        house.ended(accepted.executions[0]).await;
        house.seconds(601).await;
    }
    assert_eq!(house.post("failing", json!({})).await.unwrap().executions.len(), 1);
}

/// The execution that tries after the pause, and goes on for long.
async fn trying(house: &House) -> ExecutionId {
    let slow = rule("r", "sample", "waits", BREAKER);
    house.change(RuleChange::Update("house.r".into(), slow)).await.unwrap();
    house.seconds(901).await;
    let trial = *house.post("sample", json!({})).await.unwrap().executions.first().unwrap();
    house.begins(trial).await;
    trial
}

#[tokio::test]
async fn only_one_event_tries_while_the_try_is_not_over() {
    let house = paused().await;
    let trial = trying(&house).await;
    assert!(is_paused(sent(&house).await));
    house.seconds(120).await;
    assert!(is_paused(sent(&house).await));
    house.finish(trial).await;
    assert_eq!(house.ended(trial).await.status, Status::Succeeded);
    assert_eq!(house.post("sample", json!({})).await.unwrap().executions.len(), 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_does_not_keep_the_next_from_trying() {
    let house = paused().await;
    let mended = rule("r", "sample", "at_once", BREAKER);
    house.change(RuleChange::Update("house.r".into(), mended)).await.unwrap();
    house.seconds(901).await;
    house.store().next(any, How::NoRoom);
    assert_eq!(refused(house.post("sample", json!({})).await).0, "no_room");
    assert_eq!(sent(&house).await, Ok(Status::Succeeded));
}

#[tokio::test]
async fn an_event_that_requests_nothing_does_not_keep_the_next_from_trying() {
    let house = paused().await;
    let idle = rule("r", "sample", "idle", BREAKER);
    house.change(RuleChange::Update("house.r".into(), idle)).await.unwrap();
    house.seconds(901).await;
    assert!(sent(&house).await.is_err_and(|why| why.contains("house.idle")));
    let mended = rule("r", "sample", "at_once", BREAKER);
    house.change(RuleChange::Update("house.r".into(), mended)).await.unwrap();
    assert_eq!(sent(&house).await, Ok(Status::Succeeded));
}

#[tokio::test]
async fn an_end_that_could_not_be_stored_leaves_nothing_behind() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "waits", BREAKER)).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(house.post("sample", json!({})).await.unwrap().executions[0]);
    }
    for id in &asked {
        house.begins(*id).await;
    }
    // The failure is lost with the host, and so is what would have counted.
    house.store().next(ends, How::Refused);
    house.script.end(asked[0], failed("no"));
    settle().await;
    let house = house.next_process().await;
    for id in asked {
        assert_eq!(house.ended(id).await.status, Status::Abandoned);
    }
    let failing = rule("r", "sample", "fails", BREAKER);
    house.change(RuleChange::Update("house.r".into(), failing)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(sent(&house).await, Ok(Status::Failed));
    }
    assert!(is_paused(sent(&house).await));
}

#[tokio::test]
async fn failures_at_the_same_moment_count_one_by_one() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "waits", BREAKER)).await;
    let mut asked = Vec::new();
    for _ in 0..2 {
        asked.push(house.post("sample", json!({})).await.unwrap().executions[0]);
    }
    for id in &asked {
        house.begins(*id).await;
    }
    asked.iter().for_each(|id| house.script.end(*id, failed("no")));
    for id in asked {
        assert_eq!(house.ended(id).await.status, Status::Failed);
    }
    assert!(is_paused(sent(&house).await));
    let house = house.next_process().await;
    assert!(is_paused(sent(&house).await), "as it is stored");
}

#[tokio::test]
async fn a_pause_outlives_the_host_and_ends_when_somebody_says_so() {
    let house = paused().await.next_process().await;
    assert!(is_paused(sent(&house).await));
    house.resume_rule("house.r").await;
    assert_eq!(sent(&house).await, Ok(Status::Failed));
    let house = house.next_process().await;
    assert_eq!(sent(&house).await, Ok(Status::Failed), "the first failure counts, and the pause is gone");
    assert!(is_paused(sent(&house).await));
}

#[tokio::test]
async fn what_is_lost_with_the_host_is_no_failure_of_the_action() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "fails", BREAKER)).await;
    assert_eq!(sent(&house).await, Ok(Status::Failed));
    let slow = rule("r", "sample", "waits", BREAKER);
    house.change(RuleChange::Update("house.r".into(), slow)).await.unwrap();
    let lost = house.post("sample", json!({})).await.unwrap().executions[0];
    house.begins(lost).await;
    let house = house.next_process().await;
    assert_eq!(house.ended(lost).await.status, Status::Abandoned);
    let failing = rule("r", "sample", "fails", BREAKER);
    house.change(RuleChange::Update("house.r".into(), failing)).await.unwrap();
    assert_eq!(sent(&house).await, Ok(Status::Failed), "the second failure");
    assert!(is_paused(sent(&house).await));
}

#[tokio::test]
async fn after_a_try_that_is_lost_with_the_host_another_event_tries() {
    let house = paused().await;
    let trial = trying(&house).await;
    let house = house.next_process().await;
    assert_eq!(house.ended(trial).await.status, Status::Abandoned);
    let mended = rule("r", "sample", "at_once", BREAKER);
    house.change(RuleChange::Update("house.r".into(), mended)).await.unwrap();
    assert_eq!(sent(&house).await, Ok(Status::Succeeded));
}

#[tokio::test]
async fn a_rule_without_a_breaker_fires_as_ever() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "fails", "")).await;
    for _ in 0..4 {
        assert_eq!(sent(&house).await, Ok(Status::Failed));
    }
}
