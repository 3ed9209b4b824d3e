//! Recovery by a process that takes over from one that was killed or has stopped: nothing is lost, nothing
//! runs twice unless that is known to be harmless, and times go on.

use std::time::Duration;

use petrel_model::Status;
use serde_json::json;

use crate::support::script::{failed, succeeded};
use crate::support::store::any;
use crate::support::{House, Plan, asks, in_time, refused, result_of, rule, settle, statuses};

#[tokio::test]
async fn what_had_not_begun_runs_in_the_next_process() {
    let house = Plan::default().resting().open().await;
    let asked =
        [house.ask("at_once").await, house.ask("again_at_once").await, house.ask("heavy_at_once").await];
    let house = house.next_process().await;
    assert_eq!((house.report.waiting, house.report.abandoned, house.report.requeued), (3, 0, 0));
    for id in asked {
        let ended = house.ended(id).await;
        assert_eq!((ended.status, ended.attempt), (Status::Succeeded, 0));
    }
}

#[tokio::test]
async fn what_had_begun_is_abandoned_and_says_so() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    let house = house.next_process().await;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "code")), (Status::Abandoned, json!("host.lost")));
    assert_eq!((house.report.abandoned, house.script.begun()), (1, vec![]));
}

#[tokio::test]
async fn what_may_be_run_again_is_run_again() {
    let house = House::new().await;
    let id = house.ask("again").await;
    house.begins(id).await;
    house.seconds(1).await;
    assert_eq!(house.status(id).await, Status::Running);
    let house = house.next_process().await;
    assert_eq!(house.report.requeued, 1);
    let ended = house.finish(id).await;
    assert_eq!((ended.status, house.script.attempts(id)), (Status::Succeeded, vec![1]));
    assert_eq!(statuses(&ended), ["requested", "running", "requested", "running", "succeeded"]);
}

#[tokio::test]
async fn what_had_begun_before_its_start_was_stored_begins_anew() {
    let house = House::new().await;
    let id = house.ask("again").await;
    house.begins(id).await;
    let house = house.next_process().await;
    assert_eq!((house.report.waiting, house.report.requeued), (1, 0));
    house.finish(id).await;
    assert_eq!(house.script.attempts(id), [0]);
}

#[tokio::test]
async fn each_host_that_is_lost_is_counted() {
    let mut house = House::new().await;
    let id = house.ask("again").await;
    for lost in 0..3 {
        house.begins(id).await;
        assert_eq!(house.script.attempts(id), [lost]);
        house.seconds(1).await;
        house = house.next_process().await;
    }
    assert_eq!(house.finish(id).await.attempt, 3);
}

#[tokio::test]
async fn what_was_being_canceled_is_canceled() {
    let house = House::new().await;
    let id = house.ask("deaf").await;
    house.begins(id).await;
    in_time(house.cancel(id).await);
    let house = house.next_process().await;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, house.report.canceled), (Status::Canceled, 1));
    assert_eq!(ended.context.cancelled_by.as_deref(), Some("bob"));
}

#[tokio::test]
async fn what_has_ended_is_left_alone() {
    let house = House::new().await;
    let mut ended = Vec::new();
    for action in ["at_once", "fails", "panics"] {
        let id = house.ask(action).await;
        ended.push(house.ended(id).await);
    }
    let house = house.next_process().await;
    assert_eq!(house.executions().await, ended);
    assert_eq!(house.report, petrel_engine::executions::Recovered::default());
}

#[tokio::test]
async fn a_second_start_finds_nothing_more_to_do() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    let house = house.next_process().await;
    let ended = house.ended(id).await;
    let house = house.next_process().await;
    assert_eq!((house.report.abandoned, house.execution(id).await), (0, ended));
}

#[tokio::test]
async fn a_delay_goes_on_over_a_restart() {
    let house = House::new().await;
    let id = house.ask_later("waits", 10).await;
    house.seconds(4).await;
    let house = house.next_process().await;
    house.turn(Duration::from_millis(5_998)).await;
    assert!(house.script.begun().is_empty());
    house.turn(Duration::from_millis(1)).await;
    house.begins(id).await;
}

#[tokio::test]
async fn what_was_due_while_no_host_was_there_runs_at_once() {
    let house = House::new().await;
    let id = house.ask_later("waits", 10).await;
    let plan = house.killed().await;
    plan.turn(Duration::from_secs(3600));
    let house = plan.open().await;
    house.begins(id).await;
}

#[tokio::test]
async fn a_process_that_was_replaced_stores_nothing_more() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.lose_store();
    assert_eq!(refused(house.request(asks("waits")).await).0, "internal");
    assert_eq!(refused(house.post("sample", json!({})).await).0, "internal");
    assert_eq!(refused(house.cancel(id).await).0, "internal");
    house.script.end(id, succeeded("done"));
    settle().await;
    assert_eq!(house.executions().await.len(), 1);
    assert_eq!(house.status(id).await, Status::Running, "whoever has replaced it decides");
}

#[tokio::test]
async fn rules_and_packs_are_there_in_the_next_process() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    let (rules, actions) = (house.rules().await, house.actions().await);
    let house = house.next_process().await;
    assert_eq!((house.rules().await, house.actions().await), (rules, actions));
    let accepted = house.post("sample", json!({})).await.unwrap();
    assert_eq!(accepted.executions.len(), 1);
}

#[tokio::test]
async fn what_runs_may_end_while_the_host_stops() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    let stop = house.stop();
    settle().await;
    assert!(!stop.is_finished());
    assert_eq!(house.finish(id).await.status, Status::Succeeded);
    stop.await.unwrap();
}

#[tokio::test]
async fn what_runs_for_longer_is_ended_and_abandoned_or_handed_back() {
    let plan = Plan::default().options(|options| options.drain = Duration::from_secs(10));
    let house = plan.open().await;
    let (once, again) = (house.ask("waits").await, house.ask("again").await);
    house.begins(once).await;
    house.begins(again).await;
    house.seconds(1).await;
    let stop = house.stop();
    settle().await;
    house.seconds(9).await;
    assert_eq!((house.status(once).await, house.status(again).await), (Status::Running, Status::Running));
    house.seconds(1).await;
    stop.await.unwrap();
    let ended = house.execution(once).await;
    assert_eq!((ended.status, result_of(&ended, "code")), (Status::Abandoned, json!("host.stopped")));
    assert_eq!(house.status(again).await, Status::Requested);
    let house = house.next_process().await;
    assert_eq!(house.finish(again).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_what_cannot_be_written() {
    let plan = Plan::default().options(|options| options.drain = Duration::from_secs(600));
    let house = plan.open().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.store().set_full(true);
    let stop = house.stop();
    settle().await;
    assert!(!stop.is_finished(), "it may pass");
    for _ in 0..6 {
        house.seconds(1).await;
    }
    assert!(stop.is_finished(), "600 seconds are not waited for");
}

#[tokio::test]
async fn nothing_begins_while_the_host_stops() {
    let plan = Plan::default().options(|options| options.executions.component_slots = 1);
    let house = plan.open().await;
    let (running, waiting) = (house.ask("waits").await, house.ask("waits").await);
    house.begins(running).await;
    let stop = house.stop();
    settle().await;
    house.finish(running).await;
    stop.await.unwrap();
    assert_eq!(house.status(waiting).await, Status::Requested);
    house.next_process().await.begins(waiting).await;
}

#[tokio::test]
async fn a_request_that_was_not_stored_before_the_end_is_not_there_after_it() {
    let house = House::new().await;
    let open = house.store().delay(any);
    let request = house.request_later(asks("waits"));
    settle().await;
    let plan = house.killed().await;
    drop(open);
    assert_eq!(refused(request.await.unwrap()).0, "internal");
    assert!(plan.open().await.executions().await.is_empty());
}

const TWO: &str = "
version: 1.0
tasks:
  first:
    action: house.again
    next: [{when: <% succeeded() %>, publish: [{said: <% result().value %>}], do: second}]
  second:
    action: house.again
output: [{said: <% ctx().said %>}]
";

#[tokio::test]
async fn a_workflow_goes_on_where_it_was() {
    let mut house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    for task in ["first", "second"] {
        let child = house.task(id, task).await;
        house.begins(child).await;
        house.seconds(1).await;
        house = house.next_process().await;
        assert_eq!((house.report.workflows, house.report.requeued), (1, 1));
        house.finish_with(child, succeeded(task)).await;
    }
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "output")), (Status::Succeeded, json!({"said": "first"})));
    assert_eq!(house.tasks(id).await, ["first succeeded", "second succeeded"]);
}

#[tokio::test]
async fn a_task_that_was_lost_fails_its_workflow() {
    let house = House::with("one", "version: 1.0\ntasks: {one: {action: house.waits}}\n").await;
    let id = house.conduct("one").await;
    let child = house.task(id, "one").await;
    house.begins(child).await;
    let house = house.next_process().await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
    assert_eq!(house.tasks(id).await, ["one abandoned"]);
}

#[tokio::test]
async fn a_workflow_can_see_that_a_task_was_lost_and_go_on() {
    let definition = "
version: 1.0
tasks:
  one:
    action: house.waits
    next: [{when: <% completed() %>, do: other}]
  other:
    action: house.at_once
";
    let house = House::with("one", definition).await;
    let id = house.conduct("one").await;
    let child = house.task(id, "one").await;
    house.begins(child).await;
    let house = house.next_process().await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["one abandoned", "other succeeded"]);
}

#[tokio::test]
async fn the_delay_of_a_task_goes_on_over_a_restart() {
    let house = House::with("late", "version: 1.0\ntasks: {late: {delay: 60, action: house.waits}}\n").await;
    let id = house.conduct("late").await;
    let child = house.task(id, "late").await;
    house.seconds(30).await;
    let house = house.next_process().await;
    house.seconds(29).await;
    assert!(house.script.begun().is_empty());
    house.seconds(1).await;
    house.finish(child).await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn the_timeout_of_a_workflow_counts_from_its_beginning_in_whichever_process() {
    let definition = "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.again}}\n";
    let house = House::with("timed", definition).await;
    let id = house.conduct("timed").await;
    let child = house.task(id, "one").await;
    house.begins(child).await;
    house.seconds(60).await;
    let house = house.next_process().await;
    house.begins(child).await;
    house.seconds(39).await;
    assert_eq!(house.status(id).await, Status::Running);
    house.seconds(1).await;
    assert_eq!(house.ended(id).await.status, Status::Timeout);
    assert_eq!(house.status(child).await, Status::Canceled);
}

#[tokio::test]
async fn a_workflow_whose_time_was_up_while_no_host_was_there_ends_at_once() {
    let definition = "version: 1.0\ntimeout: 100\ntasks: {late: {delay: 1000, action: house.waits}}\n";
    let house = House::with("timed", definition).await;
    let id = house.conduct("timed").await;
    house.task(id, "late").await;
    let plan = house.killed().await;
    plan.turn(Duration::from_secs(200));
    let house = plan.open().await;
    assert_eq!(house.ended(id).await.status, Status::Timeout);
    assert_eq!(house.tasks(id).await, ["late canceled"]);
}

#[tokio::test]
async fn a_paused_workflow_rests_on_and_can_be_resumed() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    house.task(id, "first").await;
    house.pause(id).await.unwrap();
    house.finish_task(id, "first").await;
    house.reaches(id, Status::Paused).await;
    let house = house.next_process().await;
    house.seconds(3600).await;
    assert_eq!((house.status(id).await, house.script.begun()), (Status::Paused, vec![]));
    house.resume(id).await.unwrap();
    house.finish_task(id, "second").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_that_was_being_canceled_ends_as_canceled() {
    let house = House::with("one", "version: 1.0\ntasks: {one: {action: house.deaf}}\n").await;
    let id = house.conduct("one").await;
    let child = house.task(id, "one").await;
    house.begins(child).await;
    in_time(house.cancel(id).await);
    let house = house.next_process().await;
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    assert_eq!(house.tasks(id).await, ["one canceled"]);
}

#[tokio::test]
async fn a_retry_goes_on_over_a_restart() {
    let definition = "version: 1.0\ntasks: {one: {action: house.waits, retry: {count: 2, delay: 30}}}\n";
    let mut house = House::with("tries", definition).await;
    let id = house.conduct("tries").await;
    for _ in 0..2 {
        let child = house.task(id, "one").await;
        house.finish_with(child, failed("not yet")).await;
        house.task(id, "one").await;
        house = house.next_process().await;
        house.seconds(30).await;
    }
    house.finish_task(id, "one").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["one failed", "one failed", "one succeeded"]);
}
