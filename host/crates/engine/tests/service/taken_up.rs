//! Workflows that an earlier process was conducting, and what is inside them, until the next process knows where they
//! stand.

use petrel_model::Status;

use crate::support::store::ends;
use crate::support::{House, Plan, in_time, refused, settle};

/// Only its log says so of a workflow that waits for what is inside it.
#[tokio::test]
async fn what_waits_inside_a_workflow_that_has_timed_out_does_not_begin_in_the_next_process() {
    let many =
        "version: 1.0\ntimeout: 100\ntasks: {many: {with: '<% range(3).toList() %>', action: house.again}}\n";
    let plan =
        Plan::default().options(|options| options.executions.component_slots = 1).workflow("many", many);
    let house = plan.open().await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    house.seconds(1).await;
    // The host is killed after the timeout is stored, and before anything inside the workflow hears of it.
    let told = house.store().delay(ends);
    house.seconds(200).await;
    assert_eq!(house.tasks(id).await.iter().filter(|task| *task == "many canceled").count(), 0);
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
async fn who_cancels_a_workflow_hears_that_it_cannot_be_told_and_may_try_again() {
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
    settle().await;
    assert_eq!(refused(house.cancel(id).await).0, "unreadable");
    house.store().lose_logs(false);
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    assert_eq!((house.tasks(id).await, house.script.begun()), (vec!["one canceled".to_owned()], vec![]));
}
