//! Executions that were in flight when a store was restored from a backup: they rest until somebody lets them go on, and
//! nothing of them runs a second time by itself.

use petrel_engine::executions::Resumed;
use petrel_model::{ExecutionId, Status};
use serde_json::json;

use crate::support::{House, Plan, in_time, refused, result_of, settle};

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.again, next: [{do: second}]}
  second: {action: house.again}
";

/// What was in flight: one that waited, two that had begun, a workflow with the task that it runs.
struct InFlight {
    waiting: ExecutionId,
    running: ExecutionId,
    again: ExecutionId,
    workflow: ExecutionId,
    task: ExecutionId,
}

impl InFlight {
    fn all(&self) -> [ExecutionId; 5] {
        [self.waiting, self.running, self.again, self.workflow, self.task]
    }
}

/// A house over a store that was restored with all of that, and nothing of it let go on.
async fn restored() -> (House, InFlight) {
    let house = Plan::default().workflow("two", TWO).open().await;
    let (running, again) = (house.ask("waits").await, house.ask("again").await);
    let workflow = house.conduct("two").await;
    let task = house.task(workflow, "first").await;
    for id in [running, again, task] {
        house.begins(id).await;
    }
    house.seconds(1).await;
    let waiting = house.ask_later("waits", 60).await;
    let in_flight = InFlight { waiting, running, again, workflow, task };
    let house = house.killed().await.holding(&in_flight.all()).open().await;
    (house, in_flight)
}

#[tokio::test]
async fn what_was_in_flight_rests_and_what_is_new_runs() {
    let (house, in_flight) = restored().await;
    assert_eq!((house.report.held, house.report.abandoned, house.report.requeued), (5, 0, 0));
    house.seconds(3600).await;
    for (id, status) in in_flight.all().into_iter().zip([
        Status::Requested,
        Status::Running,
        Status::Running,
        Status::Running,
        Status::Running,
    ]) {
        assert_eq!(house.status(id).await, status);
    }
    assert!(house.script.begun().is_empty());
    let new = house.ask("at_once").await;
    assert_eq!(house.ended(new).await.status, Status::Succeeded);
}

#[tokio::test]
async fn what_is_let_go_on_runs_and_what_may_not_be_run_twice_is_abandoned() {
    let (house, in_flight) = restored().await;
    house.seconds(3600).await;
    let resumed = house.resume_all().await.unwrap();
    assert_eq!((resumed.held, resumed.report.abandoned, resumed.report.requeued), (5, 1, 2));
    assert_eq!((resumed.report.workflows, resumed.going_on()), (1, 4));
    let lost = house.ended(in_flight.running).await;
    assert_eq!((lost.status, result_of(&lost, "code")), (Status::Abandoned, json!("host.lost")));
    for id in [in_flight.waiting, in_flight.again, in_flight.task] {
        assert_eq!(house.finish(id).await.status, Status::Succeeded);
    }
    house.finish_task(in_flight.workflow, "second").await;
    assert_eq!(house.ended(in_flight.workflow).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_hold_outlives_the_process() {
    let (house, in_flight) = restored().await;
    let house = house.next_process().await;
    assert_eq!(house.report.held, 5);
    house.seconds(3600).await;
    assert_eq!(house.status(in_flight.running).await, Status::Running);
    house.resume_all().await.unwrap();
    let house = house.next_process().await;
    assert_eq!(house.report.held, 0);
}

#[tokio::test]
async fn where_nothing_is_held_nothing_is_let_go_on() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    assert_eq!(house.resume_all().await.unwrap(), Resumed::default());
    assert_eq!(house.finish(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn of_two_who_let_go_on_at_once_one_tells_what_it_did() {
    let (house, _in_flight) = restored().await;
    let (one, other) = tokio::join!(house.resume_all(), house.resume_all());
    let mut held = [one.unwrap().held, other.unwrap().held];
    held.sort_unstable();
    assert_eq!(held, [0, 5]);
}

#[tokio::test]
async fn what_is_held_is_canceled_at_once() {
    let (house, in_flight) = restored().await;
    for id in [in_flight.waiting, in_flight.running, in_flight.again] {
        assert_eq!(in_time(house.cancel(id).await).status, Status::Canceled);
    }
    in_time(house.cancel(in_flight.workflow).await);
    assert_eq!(house.ended(in_flight.workflow).await.status, Status::Canceled);
    assert_eq!(house.status(in_flight.task).await, Status::Canceled);
    settle().await;
    assert_eq!(house.resume_all().await.unwrap(), Resumed::default());
    house.seconds(3600).await;
    assert!(house.script.begun().is_empty());
}

#[tokio::test]
async fn what_is_held_cannot_be_paused_or_resumed() {
    let (house, in_flight) = restored().await;
    for answer in [house.pause(in_flight.workflow).await, house.resume(in_flight.workflow).await] {
        let (code, message) = refused(answer);
        assert!(code == "conflict" && message.contains("is held"), "{message}");
    }
    assert_eq!(house.status(in_flight.workflow).await, Status::Running);
}
