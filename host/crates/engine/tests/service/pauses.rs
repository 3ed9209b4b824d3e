//! Workflows that are paused and resumed: running actions may finish, nothing else begins, and a resumed
//! workflow loses nothing.

use petrel_model::{ExecutionId, Id, Status};
use serde_json::json;

use crate::support::script::{failed, succeeded};
use crate::support::{House, Plan, in_time, refused, result_of, settle};

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.waits, next: [{publish: [{said: <% result().value %>}], do: second}]}
  second: {action: house.waits}
output: [{said: <% ctx().said %>}]
";

/// A house with a workflow whose first task runs.
async fn begun() -> (House, ExecutionId, ExecutionId) {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.begins(first).await;
    (house, id, first)
}

#[tokio::test]
async fn what_runs_is_let_finish_and_nothing_else_begins() {
    let (house, id, first) = begun().await;
    assert_eq!(house.pause(id).await.unwrap().status, Status::Pausing);
    house.seconds(3600).await;
    assert_eq!((house.status(id).await, house.status(first).await), (Status::Pausing, Status::Running));
    house.finish(first).await;
    house.reaches(id, Status::Paused).await;
    house.seconds(3600).await;
    assert_eq!(house.tasks(id).await, ["first succeeded"]);
}

#[tokio::test]
async fn what_is_resumed_goes_on_with_what_its_tasks_gave() {
    let (house, id, first) = begun().await;
    house.pause(id).await.unwrap();
    house.finish_with(first, succeeded("hello")).await;
    house.reaches(id, Status::Paused).await;
    let resumed = house.resume(id).await.unwrap();
    assert!(matches!(resumed.status, Status::Resuming | Status::Running), "{resumed:?}");
    house.finish_task(id, "second").await;
    assert_eq!(result_of(&house.ended(id).await, "output"), json!({"said": "hello"}));
}

#[tokio::test]
async fn what_is_resumed_before_it_rests_goes_on_as_if_nothing_had_been() {
    let (house, id, first) = begun().await;
    house.pause(id).await.unwrap();
    house.resume(id).await.unwrap();
    house.finish(first).await;
    house.finish_task(id, "second").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_that_is_paused_and_resumed_without_end_stays_small_and_goes_on() {
    let (house, id, first) = begun().await;
    for _ in 0..200 {
        house.pause(id).await.unwrap();
        house.resume(id).await.unwrap();
    }
    let execution = house.execution(id).await;
    let left_out: u32 = execution.log.iter().map(|entry| entry.left_out).sum();
    assert_eq!(execution.log.len(), 100);
    assert!(left_out >= 300, "{left_out}");
    assert_eq!(execution.log[0].status, Status::Requested, "how it began stays");
    house.finish(first).await;
    house.finish_task(id, "second").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn who_asks_for_what_is_so_already_hears_how_it_stands() {
    let (house, id, first) = begun().await;
    assert_eq!(house.resume(id).await.unwrap().status, Status::Running);
    house.pause(id).await.unwrap();
    house.finish(first).await;
    house.reaches(id, Status::Paused).await;
    assert_eq!(house.pause(id).await.unwrap().status, Status::Paused);
    assert_eq!(house.status(id).await, Status::Paused);
}

#[tokio::test]
async fn a_workflow_that_is_to_rest_fails_with_a_task_that_nothing_leads_on_from() {
    let house = House::with("one", "version: 1.0\ntasks: {one: {action: house.waits}}\n").await;
    let id = house.conduct("one").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    house.pause(id).await.unwrap();
    house.finish_with(one, failed("broken")).await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
}

#[tokio::test]
async fn what_leads_on_after_a_failure_waits_for_the_resume() {
    let definition = "
version: 1.0
tasks:
  one: {action: house.waits, next: [{when: <% failed() %>, do: clean}]}
  clean: {action: house.waits}
";
    let house = House::with("one", definition).await;
    let id = house.conduct("one").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    house.pause(id).await.unwrap();
    house.finish_with(one, failed("broken")).await;
    house.reaches(id, Status::Paused).await;
    assert_eq!(house.tasks(id).await, ["one failed"]);
    house.resume(id).await.unwrap();
    house.finish_task(id, "clean").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_retry_waits_for_the_resume() {
    let definition = "version: 1.0\ntasks: {one: {action: house.waits, retry: {count: 1}}}\n";
    let house = House::with("tries", definition).await;
    let id = house.conduct("tries").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    house.pause(id).await.unwrap();
    house.finish_with(one, failed("broken")).await;
    house.reaches(id, Status::Paused).await;
    house.resume(id).await.unwrap();
    house.finish_task(id, "one").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_pause_reaches_the_workflows_inside() {
    let outer = "version: 1.0\ntasks: {inner: {action: house.two}}\n";
    let house = Plan::default().workflow("two", TWO).workflow("outer", outer).open().await;
    let id = house.conduct("outer").await;
    let inner = house.task(id, "inner").await;
    let first = house.task(inner, "first").await;
    house.begins(first).await;
    house.pause(id).await.unwrap();
    house.reaches(inner, Status::Pausing).await;
    house.finish(first).await;
    house.reaches(inner, Status::Paused).await;
    house.reaches(id, Status::Paused).await;
    house.resume(id).await.unwrap();
    house.finish_task(inner, "second").await;
    assert_eq!(house.ended(inner).await.status, Status::Succeeded);
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_pause_stops_the_next_items() {
    let definition = "
version: 1.0
tasks:
  many: {with: {items: <% range(4).toList() %>, concurrency: 2}, action: house.waits}
";
    let house = House::with("many", definition).await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    settle().await;
    house.pause(id).await.unwrap();
    for child in house.children(id).await {
        house.finish(child.id).await;
    }
    house.reaches(id, Status::Paused).await;
    assert_eq!(house.tasks(id).await, ["many succeeded"; 2]);
    house.resume(id).await.unwrap();
    for _ in 0..2 {
        house.finish_task(id, "many").await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_paused_workflow_times_out() {
    let definition = "
version: 1.0
timeout: 100
tasks:
  first: {action: house.waits, next: [{do: second}]}
  second: {action: house.waits}
";
    let house = House::with("timed", definition).await;
    let id = house.conduct("timed").await;
    house.task(id, "first").await;
    house.pause(id).await.unwrap();
    house.finish_task(id, "first").await;
    house.reaches(id, Status::Paused).await;
    house.seconds(100).await;
    assert_eq!(house.ended(id).await.status, Status::Timeout);
}

#[tokio::test]
async fn what_cannot_rest_is_refused_with_what_can_be_done() {
    let (house, id, first) = begun().await;
    let nobody: ExecutionId = Id::from_parts(1, 1).into();
    assert_eq!(refused(house.pause(nobody).await).0, "not_found");
    for (answer, says) in
        [(house.pause(first).await, "cannot be paused"), (house.resume(first).await, "cannot be resumed")]
    {
        let (code, message) = refused(answer);
        assert!(code == "conflict" && message.contains(says), "{message}");
    }
    in_time(house.cancel(id).await);
    house.ended(id).await;
    for answer in [house.pause(id).await, house.resume(id).await] {
        let (code, message) = refused(answer);
        assert!(code == "conflict" && message.contains("canceled"), "{message}");
    }
    let waiting = Plan::default().workflow("two", TWO).resting().open().await;
    let id = waiting.ask("two").await;
    let (code, message) = refused(waiting.pause(id).await);
    assert!(code == "conflict" && message.contains("has not begun"), "{message}");
}
