//! Purges of executions: what ended before a time goes, workflows as a whole, and nothing that is unfinished.

use std::time::Duration;

use petrel_engine::executions::{Purge, Purged};
use petrel_model::{ExecutionId, Status};
use petrel_persistence::{Change, Commit};

use crate::support::store::How;
use crate::support::{Again, House, again, refused, result_of};

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

#[tokio::test]
async fn a_purge_that_is_stopped_leaves_nothing_inside_a_workflow_that_is_gone() {
    let house = House::with("two", TWO).await;
    let id = house.ask("two").await;
    house.finish_task(id, "second").await;
    house.ended(id).await;
    house.seconds(10).await;
    let purge = Purge { before: house.now(), status: None, action: None };
    // What is inside goes first, and the workflow alone after that.
    let forgets_one = |commit: &Commit| {
        let is_deletion = |change: &&Change| matches!(change, Change::DeleteExecution(_));
        commit.changes.iter().filter(is_deletion).count() == 1
    };
    house.store().next(forgets_one, How::NoRoom);
    assert_eq!(refused(house.try_purge(&purge).await).0, "no_room");
    assert_eq!(left(&house).await, [id], "the workflow goes last");
    assert_eq!(house.purge(&purge, false).await.executions, 1);
    assert!(left(&house).await.is_empty());
}

#[tokio::test]
async fn a_rerun_of_tasks_whose_workflow_was_purged_meanwhile_says_so() {
    let house = House::with("two", TWO).await;
    let id = house.ask("two").await;
    house.finish_task(id, "second").await;
    house.ended(id).await;
    house.seconds(10).await;
    let tasks = Again { tasks: vec!["second".to_owned()], delay: Some(Duration::from_secs(60)), ..again() };
    let rerun = house.rerun(id, tasks).await.unwrap().id;
    let purge = Purge { before: house.now(), status: None, action: None };
    assert_eq!(house.purge(&purge, false).await.executions, 3);
    house.seconds(60).await;
    let failed = house.ended(rerun).await;
    let errors = result_of(&failed, "errors").to_string();
    assert!(errors.contains("was deleted before they began"), "{errors}");
}
