//! Retention: nothing is deleted too early, everything in the end, and nothing is torn apart.

use std::time::Duration;

use petrel_engine::Retention;
use petrel_model::{ExecutionId, Status};
use serde_json::json;

use crate::support::store::{How, forgets};
use crate::support::{House, Plan, rule};

/// A plan by which things are kept for so many seconds.
fn keeping(executions: Option<u64>, trigger_instances: Option<u64>) -> Plan {
    let seconds = |kept: Option<u64>| kept.map(Duration::from_secs);
    let retention = Retention {
        executions: seconds(executions),
        trigger_instances: seconds(trigger_instances),
        dead_letters: seconds(trigger_instances),
    };
    Plan::default().options(move |options| options.retention = retention)
}

/// Lets seconds go by as they do: the service that deletes looks, and pauses after each step.
async fn pass(house: &House, seconds: u64) {
    for _ in 0..seconds.div_ceil(10) {
        house.seconds(10).await;
        for _ in 0..8 {
            house.turn(Duration::from_millis(2)).await;
        }
    }
}

async fn is_kept(house: &House, id: ExecutionId) -> bool {
    house.find(id).await.is_some()
}

#[tokio::test]
async fn an_execution_is_kept_from_its_end_for_as_long_as_it_says() {
    let house = keeping(Some(100), None).open().await;
    let id = house.ask("talks").await;
    house.begins(id).await;
    pass(&house, 500).await;
    house.finish(id).await;
    assert_eq!(house.output(id).await.len(), 2);
    pass(&house, 90).await;
    assert!(is_kept(&house, id).await);
    pass(&house, 30).await;
    assert!(!is_kept(&house, id).await);
    assert!(house.output(id).await.is_empty(), "its output goes with it");
}

#[tokio::test]
async fn what_has_not_ended_is_never_deleted() {
    let house = keeping(Some(100), None).open().await;
    let (running, delayed) = (house.ask("waits").await, house.ask_later("waits", 5000).await);
    house.begins(running).await;
    pass(&house, 1000).await;
    assert_eq!(house.status(running).await, Status::Running);
    assert_eq!(house.status(delayed).await, Status::Requested);
}

#[tokio::test]
async fn an_event_goes_with_its_enforcements_and_its_execution_by_its_own_time() {
    for (executions, events) in [(100, 200), (200, 100)] {
        let house = keeping(Some(executions), Some(events)).open().await;
        house.rule(&rule("r", "sample", "at_once", "")).await;
        let accepted = house.post("sample", json!({})).await.unwrap();
        let id = accepted.executions[0];
        house.ended(id).await;
        assert_eq!(house.enforcements(&accepted).await.len(), 1);
        let enforcement = house.enforcements(&accepted).await[0].id;
        for (seconds, event_is_kept, execution_is_kept) in
            [(80, true, true), (60, events > 140, executions > 140), (100, false, false)]
        {
            pass(&house, seconds).await;
            let kept = (house.events().await.len() == 1, is_kept(&house, id).await);
            assert_eq!(kept, (event_is_kept, execution_is_kept), "{executions} {events}");
            assert_eq!(house.has_enforcement(enforcement).await, event_is_kept);
        }
    }
}

#[tokio::test]
async fn what_is_kept_for_ever_is() {
    let house = keeping(None, None).open().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    let accepted = house.post("sample", json!({})).await.unwrap();
    house.ended(accepted.executions[0]).await;
    for _ in 0..10 {
        house.seconds(365 * 24 * 3600).await;
    }
    assert!(is_kept(&house, accepted.executions[0]).await && house.events().await.len() == 1);
}

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.at_once, next: [{do: second}]}
  second: {action: house.waits}
";

#[tokio::test]
async fn what_a_workflow_has_asked_for_is_kept_as_long_as_it_is() {
    let house = keeping(Some(100), None).workflow("two", TWO).open().await;
    let id = house.ask("two").await;
    let second = house.task(id, "second").await;
    house.begins(second).await;
    // The first task has ended long ago.
    pass(&house, 300).await;
    assert_eq!(house.tasks(id).await, ["first succeeded", "second running"]);
    house.finish(second).await;
    house.ended(id).await;
    pass(&house, 90).await;
    assert_eq!(house.tasks(id).await.len(), 2);
    pass(&house, 40).await;
    assert!(house.executions().await.is_empty());
}

#[tokio::test]
async fn what_is_old_goes_although_something_older_goes_on() {
    let house = keeping(Some(100), None).open().await;
    let running = house.ask("waits").await;
    let mut ended = Vec::new();
    for _ in 0..20 {
        let id = house.ask("at_once").await;
        house.ended(id).await;
        ended.push(id);
    }
    pass(&house, 130).await;
    let left: Vec<_> = house.executions().await.iter().map(|execution| execution.id).collect();
    assert_eq!(left, [running]);
}

#[tokio::test]
async fn more_than_one_step_is_deleted() {
    let house = keeping(Some(100), None).open().await;
    for _ in 0..2100 {
        house.ask_as("ada", "again_at_once").await;
    }
    let last = house.ask("at_once").await;
    house.ended(last).await;
    pass(&house, 140).await;
    assert!(house.executions().await.is_empty());
}

#[tokio::test]
async fn what_could_not_be_deleted_is_deleted_later() {
    let house = keeping(Some(100), None).open().await;
    let id = house.ask("at_once").await;
    house.ended(id).await;
    house.store().next(forgets, How::Refused);
    pass(&house, 110).await;
    assert_eq!(house.store().faults_left(), 0, "it was tried");
    pass(&house, 30).await;
    assert!(!is_kept(&house, id).await);
}

#[tokio::test]
async fn what_became_old_while_no_host_was_there_goes_at_the_start() {
    let house = keeping(Some(100), None).open().await;
    let id = house.ask("at_once").await;
    house.ended(id).await;
    let plan = house.killed().await;
    plan.turn(Duration::from_secs(200));
    let house = plan.open().await;
    pass(&house, 10).await;
    assert!(!is_kept(&house, id).await);
}
