//! Purges of executions: what ended before a time goes, workflows as a whole, and nothing that is unfinished.

use petrel_engine::executions::{Purge, Purged};
use petrel_model::{ExecutionId, Status};

use crate::support::House;

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.at_once, next: [{do: second}]}
  second: {action: house.waits}
";

/// The executions that are left, oldest first.
async fn left(house: &House) -> Vec<ExecutionId> {
    let mut left: Vec<_> = house.executions().await.iter().map(|execution| execution.id).collect();
    left.sort_unstable();
    left
}

#[tokio::test]
async fn what_has_ended_goes_by_status_and_action() {
    let house = House::new().await;
    let (failed, fine) = (house.ask("fails").await, house.ask("at_once").await);
    house.ended(failed).await;
    house.ended(fine).await;
    let running = house.ask("waits").await;
    house.begins(running).await;
    house.seconds(10).await;
    let purge = Purge { before: house.now(), status: None, action: None };
    let young = house.ask("at_once").await;
    house.ended(young).await;
    let of_status = Purge { status: Some(Status::Failed), ..purge.clone() };
    let of_action = Purge { action: Some("house.at_once".parse().unwrap()), ..purge.clone() };
    let one = Purged { executions: 1, next: None };
    for narrow in [&of_status, &of_action] {
        assert_eq!(house.purge(narrow, true).await, one);
    }
    assert_eq!(house.purge(&purge, true).await.executions, 2);
    assert_eq!(left(&house).await.len(), 4, "it was only counted");
    assert_eq!(house.purge(&of_status, false).await, one);
    assert_eq!(left(&house).await, [fine, running, young]);
    assert_eq!(house.purge(&purge, false).await, one);
    assert_eq!(left(&house).await, [running, young]);
}

#[tokio::test]
async fn a_workflow_goes_as_a_whole_once_it_has_ended() {
    let house = House::with("two", TWO).await;
    let id = house.ask("two").await;
    let second = house.task(id, "second").await;
    house.begins(second).await;
    house.seconds(10).await;
    let purge = |house: &House| Purge { before: house.now(), status: None, action: None };
    assert_eq!(house.purge(&purge(&house), false).await, Purged::default(), "its first task has ended");
    house.finish(second).await;
    house.ended(id).await;
    house.seconds(10).await;
    // What is inside is no execution of its own.
    let inside = Purge { action: Some("house.at_once".parse().unwrap()), ..purge(&house) };
    assert_eq!(house.purge(&inside, false).await, Purged::default());
    for is_trial in [true, false] {
        assert_eq!(house.purge(&purge(&house), is_trial).await.executions, 3);
    }
    assert!(left(&house).await.is_empty());
}
