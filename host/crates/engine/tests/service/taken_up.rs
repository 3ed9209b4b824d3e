//! Workflows that an earlier process was conducting, and what is inside them, until the next process knows where they
//! stand.

use std::time::Duration;

use petrel_model::{ExecutionId, Status};
use tokio::sync::oneshot::Sender;

use crate::support::store::{ends, requeues};
use crate::support::{House, Plan, in_time, refused, result_of, settle};

const MANY: &str =
    "version: 1.0\ntimeout: 100\ntasks: {many: {with: '<% range(3).toList() %>', action: house.again}}\n";

/// A house with a workflow that has timed out, as only its log says: one of the three that are inside it runs, the others
/// wait, and none of them has heard of it. The commit by which they would have is made once what is given is dropped.
async fn timed_out() -> (House, ExecutionId, Sender<()>) {
    let plan =
        Plan::default().options(|options| options.executions.component_slots = 1).workflow("many", MANY);
    let house = plan.open().await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    house.seconds(1).await;
    let told = house.store().delay(ends);
    house.seconds(200).await;
    assert!(house.tasks(id).await.iter().all(|task| task != "many canceled"));
    (house, id, told)
}

#[tokio::test]
async fn what_waits_inside_a_workflow_that_has_timed_out_does_not_begin_in_the_next_process() {
    let (house, id, told) = timed_out().await;
    let read = house.store().delay_log();
    let house = house.next_process().await;
    drop(told);
    settle().await;
    assert_eq!(house.script.begun(), vec![], "it is not known yet whether they may begin");
    drop(read);
    assert_eq!(house.ended(id).await.status, Status::Timeout);
    assert_eq!((house.tasks(id).await, house.script.begun()), (vec!["many canceled".to_owned(); 3], vec![]));
}

#[tokio::test]
async fn nor_does_it_when_it_is_let_go_on_after_a_restore() {
    let (house, id, told) = timed_out().await;
    let mut held: Vec<_> = house.children(id).await.iter().map(|child| child.id).collect();
    held.push(id);
    let plan = house.killed().await;
    drop(told);
    plan.turn(Duration::from_millis(1));
    let house = plan.holding(&held).open().await;
    // What waits may begin by now, and nobody has told the workflow that it goes on.
    let requeued = house.store().delay(requeues);
    let resumed = house.resume_all_later();
    settle().await;
    house.seconds(2).await;
    assert_eq!(house.script.begun(), vec![]);
    drop(requeued);
    assert_eq!(resumed.await.unwrap().unwrap().held, 4);
    assert_eq!(house.ended(id).await.status, Status::Timeout);
    assert_eq!((house.tasks(id).await, house.script.begun()), (vec!["many canceled".to_owned(); 3], vec![]));
}

#[tokio::test]
async fn what_waits_inside_a_workflow_that_goes_on_begins_once_that_is_taken_up() {
    let house = House::with("one", "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.again}}\n").await;
    let id = house.conduct("one").await;
    let task = house.task(id, "one").await;
    house.begins(task).await;
    let read = house.store().delay_log();
    let house = house.next_process().await;
    assert_eq!(house.script.begun(), vec![]);
    drop(read);
    house.finish(task).await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_that_was_canceled_and_cannot_be_read_ends_without_its_log() {
    let one = "version: 1.0\ntasks: {one: {action: house.again}}\n";
    let plan = Plan::default().options(|options| options.executions.component_slots = 1).workflow("one", one);
    let house = plan.open().await;
    let busy = house.ask("deaf").await;
    house.begins(busy).await;
    let id = house.conduct("one").await;
    house.task(id, "one").await;
    // The cancel is stored, and what is inside does not hear of it before the host is killed.
    let told = house.store().delay(ends);
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    house.store().lose_logs(true);
    let house = house.next_process().await;
    drop(told);
    let ended = house.ended(id).await;
    assert_eq!((ended.status, ended.context.cancelled_by.as_deref()), (Status::Canceled, Some("bob")));
    assert!(result_of(&ended, "errors")[0]["message"].as_str().unwrap().contains("cannot be read"));
    assert_eq!((house.tasks(id).await, house.script.begun()), (vec!["one canceled".to_owned()], vec![]));
}

#[tokio::test]
async fn a_workflow_that_cannot_be_read_can_be_canceled_with_all_that_runs_inside_it() {
    let inner = "version: 1.0\ntasks: {two: {action: house.again}}\n";
    let outer = "version: 1.0\ntasks: {one: {action: house.again}, inner: {action: house.inner}}\n";
    let house = Plan::default().workflow("inner", inner).workflow("outer", outer).open().await;
    let id = house.conduct("outer").await;
    let (one, inside) = (house.task(id, "one").await, house.task(id, "inner").await);
    let two = house.task(inside, "two").await;
    house.begins(one).await;
    house.begins(two).await;
    house.store().lose_logs(true);
    let house = house.next_process().await;
    settle().await;
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    for _ in 0..60 {
        house.seconds(1).await;
    }
    for canceled in [one, two, inside, id] {
        let ended = house.execution(canceled).await;
        assert_eq!((ended.status, ended.context.cancelled_by.as_deref()), (Status::Canceled, Some("bob")));
    }
}

#[tokio::test]
async fn a_pause_of_a_canceled_workflow_that_cannot_be_read_is_refused_with_the_reason() {
    let house = House::with("one", "version: 1.0\ntasks: {one: {action: house.again}}\n").await;
    let id = house.conduct("one").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    house.store().lose_logs(true);
    let house = house.next_process().await;
    settle().await;
    let told = house.store().delay(ends);
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    for result in [house.pause(id).await, house.resume(id).await] {
        assert_eq!(refused(result).0, "unreadable");
    }
    drop(told);
    for _ in 0..60 {
        house.seconds(1).await;
    }
    assert_eq!(house.ended(id).await.status, Status::Canceled);
}

#[tokio::test]
async fn a_workflow_inside_one_that_cannot_be_read_is_not_taken_for_unreadable() {
    let inner = "version: 1.0\ntasks: {two: {action: house.again, next: [{do: two_more}]}, two_more: {action: house.again}}\n";
    let outer = "version: 1.0\ntasks: {inner: {action: house.inner}}\n";
    let house = Plan::default().workflow("inner", inner).workflow("outer", outer).open().await;
    let id = house.conduct("outer").await;
    let inside = house.task(id, "inner").await;
    house.task(inside, "two").await;
    house.pause(inside).await.unwrap();
    house.finish_task(inside, "two").await;
    house.reaches(inside, Status::Paused).await;
    house.store().lose_log(id);
    let house = house.next_process().await;
    settle().await;
    assert_eq!(refused(house.cancel(inside).await).0, "unreadable");
    assert_eq!(house.status(inside).await, Status::Paused);
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    for _ in 0..60 {
        house.seconds(1).await;
    }
    for canceled in [inside, id] {
        assert_eq!(house.ended(canceled).await.status, Status::Canceled);
    }
}

#[tokio::test]
async fn a_workflow_that_cannot_be_read_for_the_moment_times_out_a_little_later() {
    let timed = "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.again}}\n";
    let other = "version: 1.0\ntasks: {one: {action: house.waits}}\n";
    let plan = Plan::default().options(|options| options.workflows.waiting_memory = 0);
    let house = plan.workflow("timed", timed).workflow("other", other).open().await;
    let id = house.conduct("timed").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    // The first workflow leaves memory for it.
    house.conduct("other").await;
    house.store().starve(true);
    house.seconds(200).await;
    assert!(house.script.is_open(one));
    house.store().starve(false);
    house.seconds(5).await;
    assert_eq!((house.ended(id).await.status, house.status(one).await), (Status::Timeout, Status::Canceled));
}
