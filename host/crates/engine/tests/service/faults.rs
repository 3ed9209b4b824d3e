//! Stores that fail, once or for good: acknowledged changes are there for the next process, refused ones are
//! not, and nothing runs that might not be stored.

use std::time::Duration;

use petrel_model::Status;
use serde_json::json;

use crate::support::script::{failed, succeeded};
use crate::support::store::{How, any, cancels, ends, starts, steps};
use crate::support::{House, Plan, asks, refused, result_of, rule, settle, until};

#[tokio::test]
async fn a_store_that_fails_for_good_takes_in_nothing_and_says_so() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    assert!(house.not_ready().await.is_empty());
    house.store().break_down();
    for _ in 0..2 {
        assert_eq!(refused(house.request(asks("at_once")).await).0, "internal");
        assert_eq!(refused(house.post("sample", json!({})).await).0, "internal");
    }
    assert!(house.not_ready().await.iter().any(|why| why.contains("on purpose")));
    let house = house.killed().await.mended().open().await;
    assert_eq!((house.executions().await.len(), house.events().await.len()), (0, 0));
    assert!(house.not_ready().await.is_empty());
}

#[tokio::test]
async fn what_was_acknowledged_before_the_store_failed_runs_afterwards() {
    let house = Plan::default().resting().open().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    let mut asked = house.post("sample", json!({})).await.unwrap().executions;
    asked.push(house.ask("at_once").await);
    house.store().break_down();
    let house = house.killed().await.mended().open().await;
    for id in asked {
        assert_eq!(house.ended(id).await.status, Status::Succeeded);
    }
}

#[tokio::test]
async fn while_the_disk_is_nearly_full_nothing_is_started_and_what_runs_ends() {
    let mut house = Plan::default().workflow("two", TWO).resting().open().await;
    let runs = house.ask("waits").await;
    house.start().await;
    house.begins(runs).await;
    house.store().set_full(true);
    let mut waiting = Vec::new();
    for action in ["at_once", "waits", "two"] {
        waiting.push(house.ask(action).await);
    }
    settle().await;
    house.seconds(5).await;
    assert!(house.not_ready().await.iter().any(|why| why.contains("the disk is full")));
    assert_eq!(house.script.begun(), [runs], "nothing else");
    for id in &waiting {
        assert_eq!(house.status(*id).await, Status::Requested);
    }
    assert_eq!(house.finish(runs).await.status, Status::Succeeded);
    house.store().set_full(false);
    house.seconds(2).await;
    assert_eq!(house.ended(waiting[0]).await.status, Status::Succeeded);
    for id in &waiting[1..] {
        house.reaches(*id, Status::Running).await;
    }
}

#[tokio::test]
async fn an_action_whose_start_cannot_be_stored_does_not_begin() {
    for how in [How::Refused, How::NoRoom] {
        let house = House::new().await;
        house.store().next(starts, how);
        let id = house.ask("waits").await;
        settle().await;
        assert_eq!((house.status(id).await, house.script.begun()), (Status::Requested, vec![]));
        let house = house.next_process().await;
        assert_eq!(house.finish(id).await.status, Status::Succeeded);
        assert_eq!(house.script.attempts(id), [0]);
    }
}

#[tokio::test]
async fn an_outcome_that_cannot_be_stored_is_not_known_to_the_next_process() {
    for (action, status) in [("waits", Status::Abandoned), ("again", Status::Succeeded)] {
        let house = House::new().await;
        let id = house.ask(action).await;
        house.begins(id).await;
        house.seconds(1).await;
        house.store().next(ends, How::Refused);
        house.script.end(id, succeeded("lost"));
        settle().await;
        assert_eq!(house.status(id).await, Status::Running, "{action}");
        let house = house.next_process().await;
        if action == "again" {
            house.finish(id).await;
        }
        let ended = house.ended(id).await;
        assert_eq!(ended.status, status);
        assert_ne!(result_of(&ended, "value"), json!("lost"));
    }
}

#[tokio::test]
async fn an_outcome_that_was_stored_and_not_answered_counts() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.store().next(ends, How::Unanswered);
    house.script.end(id, succeeded("done"));
    settle().await;
    let house = house.next_process().await;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "value")), (Status::Succeeded, json!("done")));
    assert!(house.script.begun().is_empty());
}

#[tokio::test]
async fn a_request_that_was_stored_and_not_answered_runs_once() {
    let house = House::new().await;
    house.store().next(any, How::Unanswered);
    assert_eq!(refused(house.request(asks("at_once")).await).0, "internal");
    let house = house.next_process().await;
    let id = house.executions().await[0].id;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.script.begun(), [id]);
}

#[tokio::test]
async fn a_cancel_that_cannot_be_stored_ends_nothing() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.store().next(cancels, How::Refused);
    assert_eq!(refused(house.cancel(id).await).0, "internal");
    assert_eq!(house.status(id).await, Status::Running);
    assert!(house.script.is_open(id));
    assert_eq!(house.finish(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_cancel_of_what_waits_that_cannot_be_stored_lets_it_run() {
    let mut house = Plan::default().resting().open().await;
    let id = house.ask("at_once").await;
    house.store().next(ends, How::NoRoom);
    assert_eq!(refused(house.cancel(id).await).0, "no_room");
    house.start().await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.again, next: [{when: <% succeeded() %>, do: second}]}
  second: {action: house.again}
";

#[tokio::test]
async fn a_workflow_that_finds_no_room_to_begin_is_tried_again_after_a_second() {
    let mut house = Plan::default().workflow("two", TWO).resting().open().await;
    let id = house.ask("two").await;
    for _ in 0..2 {
        house.store().next(steps, How::NoRoom);
    }
    house.start().await;
    for left in [1, 0] {
        until("it is tried", || house.store().faults_left() == left).await;
        settle().await;
        house.turn(Duration::from_millis(999)).await;
        assert_eq!((house.status(id).await, house.store().faults_left()), (Status::Requested, left));
        house.turn(Duration::from_millis(1)).await;
    }
    for task in ["first", "second"] {
        house.finish_task(id, task).await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_that_cannot_be_begun_for_another_reason_fails() {
    let house = House::with("two", TWO).await;
    house.store().next(steps, How::Refused);
    let id = house.conduct("two").await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(result_of(&ended, "errors").to_string().contains("on purpose"), "{ended:?}");
    assert!(house.children(id).await.is_empty());
}

#[tokio::test]
async fn a_step_that_cannot_be_stored_has_not_happened() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.begins(first).await;
    house.seconds(1).await;
    house.store().next(steps, How::Refused);
    house.script.end(first, succeeded("lost"));
    settle().await;
    assert_eq!(house.tasks(id).await, ["first running"], "neither the outcome nor what it leads to");
    let house = house.next_process().await;
    for task in ["first", "second"] {
        house.finish_task(id, task).await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["first succeeded", "second succeeded"]);
}

#[tokio::test]
async fn a_step_that_was_stored_and_not_answered_is_not_taken_twice() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.begins(first).await;
    house.store().next(steps, How::Unanswered);
    house.script.end(first, succeeded("done"));
    settle().await;
    let house = house.next_process().await;
    house.finish_task(id, "second").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["first succeeded", "second succeeded"]);
}

#[tokio::test]
async fn a_pause_that_cannot_be_stored_does_not_hold_the_workflow_up() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    house.task(id, "first").await;
    house.store().next(steps, How::Refused);
    assert_eq!(refused(house.pause(id).await).0, "internal");
    assert_eq!(house.status(id).await, Status::Running);
    for task in ["first", "second"] {
        house.finish_task(id, task).await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn what_ends_beside_a_step_that_failed_is_still_taken_in() {
    let definition = "
version: 1.0
tasks:
  left: {action: house.again, next: [{do: both}]}
  right: {action: house.again, next: [{do: both}]}
  both: {join: all, action: house.at_once}
";
    let house = House::with("joins", definition).await;
    let id = house.conduct("joins").await;
    let left = house.task(id, "left").await;
    house.begins(left).await;
    house.store().next(steps, How::Refused);
    house.script.end(left, failed("lost"));
    settle().await;
    house.finish_task(id, "right").await;
    // The end of the other was lost with the commit, and it may be run again.
    let house = house.next_process().await;
    house.finish(left).await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}
