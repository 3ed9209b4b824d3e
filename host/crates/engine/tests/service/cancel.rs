//! Cancels at each moment of an execution and of a workflow: each leads to one end, and an acknowledged
//! cancel holds.

use std::time::Duration;

use petrel_engine::executions::Canceled;
use petrel_model::{ExecutionId, Id, Status};
use petrel_persistence::Change;
use serde_json::json;

use crate::support::script::{failed, succeeded};
use crate::support::store::{cancels, ends, starts};
use crate::support::{House, Plan, in_time, refused, result_of, settle, statuses, too_late};

#[tokio::test]
async fn what_waits_ends_at_once_and_never_begins() {
    let mut house = Plan::default().resting().open().await;
    let asked = [house.ask("waits").await, house.ask_later("waits", 5).await, house.ask("again").await];
    for id in asked {
        let canceled = in_time(house.cancel(id).await);
        assert_eq!(canceled.status, Status::Canceled);
        assert_eq!(canceled.context.cancelled_by.as_deref(), Some("bob"));
        assert_eq!(canceled, house.execution(id).await, "what is answered is what is stored");
    }
    house.start().await;
    house.seconds(60).await;
    assert_eq!((house.report.waiting, house.script.begun()), (0, vec![]));
}

#[tokio::test]
async fn what_runs_is_told_and_ends_as_canceled() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    let ended = house.ended(id).await;
    assert_eq!(statuses(&ended), ["requested", "running", "canceling", "canceled"]);
    assert_eq!(ended.context.cancelled_by.as_deref(), Some("bob"));
    assert_eq!(result_of(&ended, "error"), "canceled");
}

#[tokio::test]
async fn what_pays_no_heed_is_canceled_when_it_ends_and_its_result_is_kept() {
    for outcome in [succeeded("done"), failed("broken")] {
        let house = House::new().await;
        let id = house.ask("deaf").await;
        house.begins(id).await;
        in_time(house.cancel(id).await);
        house.seconds(3600).await;
        assert_eq!(house.status(id).await, Status::Canceling);
        let ended = house.finish_with(id, outcome.clone()).await;
        assert_eq!((ended.status, ended.result.as_deref()), (Status::Canceled, Some(&outcome.result)));
    }
}

#[tokio::test]
async fn a_second_cancel_is_answered_with_how_it_stands() {
    let house = House::new().await;
    let id = house.ask("deaf").await;
    house.begins(id).await;
    let first = in_time(house.cancel(id).await);
    let second = in_time(house.cancel(id).await);
    assert_eq!(first, second);
}

#[tokio::test]
async fn what_has_ended_cannot_be_canceled_and_stays_as_it_is() {
    let house = House::new().await;
    for (action, status) in
        [("at_once", Status::Succeeded), ("fails", Status::Failed), ("panics", Status::Failed)]
    {
        let id = house.ask(action).await;
        let ended = house.ended(id).await;
        assert_eq!(ended.status, status);
        assert_eq!(too_late(house.cancel(id).await), ended);
        assert_eq!(house.execution(id).await, ended);
    }
}

#[tokio::test]
async fn of_many_those_that_match_are_canceled_and_a_trial_cancels_nothing() {
    let house = House::new().await;
    let (runs, waits) = (house.ask("waits").await, house.ask_later("waits", 60).await);
    house.begins(runs).await;
    let ended = house.ask("at_once").await;
    house.ended(ended).await;
    assert_eq!(house.cancel_many(None, true).await, [(waits, Status::Delayed), (runs, Status::Running)]);
    assert_eq!(house.status(runs).await, Status::Running);
    assert_eq!(house.cancel_many(Some(Status::Succeeded), false).await, []);
    assert_eq!(house.cancel_many(Some(Status::Delayed), false).await, [(waits, Status::Canceled)]);
    assert_eq!(house.cancel_many(None, false).await, [(runs, Status::Canceling)]);
    assert_eq!(house.ended(runs).await.status, Status::Canceled);
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_canceled() {
    let house = House::new().await;
    let id: ExecutionId = Id::from_parts(1, 1).into();
    assert_eq!(refused(house.cancel(id).await).0, "not_found");
}

#[tokio::test]
async fn what_is_canceled_while_its_start_is_stored_never_begins() {
    let house = House::new().await;
    let open = house.store().delay(starts);
    let id = house.ask("waits").await;
    settle().await;
    assert_eq!(house.status(id).await, Status::Requested);
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceled);
    drop(open);
    settle().await;
    assert_eq!((house.status(id).await, house.script.begun()), (Status::Canceled, vec![]));
}

#[tokio::test]
async fn what_is_canceled_between_its_claim_and_its_start_never_begins() {
    for action in ["waits", "again"] {
        let house = House::new().await;
        let open = house.store().delay_claim();
        let id = house.ask(action).await;
        settle().await;
        let canceled = in_time(house.cancel(id).await);
        assert_eq!(canceled.status, Status::Canceled, "{action}");
        drop(open);
        settle().await;
        assert_eq!((house.script.begun(), house.execution(id).await), (vec![], canceled), "{action}");
        // Nothing of it is left behind that would keep others from running.
        let next = house.ask("at_once").await;
        assert_eq!(house.ended(next).await.status, Status::Succeeded, "{action}");
    }
}

#[tokio::test]
async fn what_has_begun_before_its_start_is_stored_is_ended() {
    let house = House::new().await;
    // It may be run again, so its start is stored only once it has run for a while.
    let id = house.ask("again").await;
    house.begins(id).await;
    assert_eq!(house.status(id).await, Status::Requested);
    let canceled = in_time(house.cancel(id).await);
    assert_eq!(canceled.status, Status::Canceled);
    settle().await;
    assert!(!house.script.is_open(id));
    assert_eq!(house.execution(id).await, canceled);
}

#[tokio::test]
async fn of_a_cancel_and_an_outcome_that_is_being_stored_the_cancel_counts() {
    let house = House::new().await;
    let open = house.store().delay(ends);
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.script.end(id, succeeded("done"));
    settle().await;
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    drop(open);
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "value")), (Status::Canceled, json!("done")));
}

#[tokio::test]
async fn of_a_cancel_that_is_being_stored_and_an_outcome_the_outcome_counts() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    let open = house.store().delay(cancels);
    let cancel = house.cancel_later(id);
    settle().await;
    let ended = house.finish(id).await;
    assert_eq!(ended.status, Status::Succeeded);
    drop(open);
    assert_eq!(too_late(cancel.await.unwrap()), ended);
    assert_eq!(house.execution(id).await, ended);
}

#[tokio::test]
async fn of_many_cancels_at_once_one_end_comes() {
    let house = House::new().await;
    for action in ["waits", "again", "deaf"] {
        let id = house.ask(action).await;
        house.begins(id).await;
        let cancels: Vec<_> = (0..8).map(|_| house.cancel_later(id)).collect();
        if action == "deaf" {
            settle().await;
            house.script.end(id, succeeded("done"));
        }
        for cancel in cancels {
            let answer = cancel.await.unwrap().unwrap();
            // Whoever comes late hears that it is canceled already.
            let (Canceled::Ends(told) | Canceled::TooLate(told)) = answer;
            assert!(matches!(told.status, Status::Canceling | Status::Canceled), "{told:?}");
        }
        let ended = house.ended(id).await;
        let canceled = statuses(&ended).iter().filter(|status| **status == "canceled").count();
        assert_eq!((ended.status, canceled), (Status::Canceled, 1), "{action}");
    }
}

#[tokio::test]
async fn a_cancel_goes_on_although_its_caller_goes_away() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    let open = house.store().delay(cancels);
    let cancel = house.cancel_later(id);
    settle().await;
    cancel.abort();
    assert!(cancel.await.is_err());
    drop(open);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
}

const TWO: &str = "
version: 1.0
tasks:
  first:
    action: house.waits
    next: [{when: <% succeeded() %>, do: second}]
  second:
    action: house.waits
";

#[tokio::test]
async fn a_workflow_that_is_canceled_ends_what_is_inside_it_first() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.begins(first).await;
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Canceled);
    let inside = house.execution(first).await;
    assert_eq!((inside.status, inside.ended_at <= ended.ended_at), (Status::Canceled, true));
    for one in [ended, inside] {
        assert_eq!(one.context.cancelled_by.as_deref(), Some("bob"), "{one:?}");
    }
    assert_eq!(house.tasks(id).await, ["first canceled"], "no other task has begun");
}

#[tokio::test]
async fn a_workflow_that_ends_with_a_canceled_task_says_who_canceled_that() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.begins(first).await;
    in_time(house.cancel(first).await);
    let ended = house.ended(id).await;
    assert_eq!((ended.status, ended.context.cancelled_by.as_deref()), (Status::Canceled, Some("bob")));
}

#[tokio::test]
async fn a_workflow_is_canceled_only_when_nothing_is_open_inside_it() {
    let house = House::with("one", "version: 1.0\ntasks: {one: {action: house.deaf}}\n").await;
    let id = house.conduct("one").await;
    let inside = house.task(id, "one").await;
    house.begins(inside).await;
    in_time(house.cancel(id).await);
    house.seconds(3600).await;
    assert_eq!((house.status(id).await, house.status(inside).await), (Status::Canceling, Status::Canceling));
    house.finish(inside).await;
    assert_eq!(house.ended(id).await.status, Status::Canceled);
}

#[tokio::test]
async fn a_workflow_that_has_not_begun_is_canceled_at_once() {
    let mut house = Plan::default().workflow("two", TWO).resting().open().await;
    let id = house.ask("two").await;
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceled);
    house.start().await;
    assert!(house.children(id).await.is_empty());
}

#[tokio::test]
async fn what_waits_inside_a_workflow_that_is_canceled_never_begins() {
    let many = "version: 1.0\ntasks: {many: {with: '<% range(6).toList() %>', action: house.waits}}\n";
    let plan =
        Plan::default().options(|options| options.executions.component_slots = 2).workflow("many", many);
    let house = plan.open().await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    settle().await;
    in_time(house.cancel(id).await);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    settle().await;
    assert_eq!(house.tasks(id).await, ["many canceled"; 6]);
    assert_eq!(house.script.begun().len(), 2);
}

#[tokio::test]
async fn a_workflow_inside_another_ends_with_it() {
    let outer = "version: 1.0\ntasks: {inner: {action: house.two}, beside: {action: house.two}}\n";
    let house = Plan::default().workflow("two", TWO).workflow("outer", outer).open().await;
    let id = house.conduct("outer").await;
    let inner = house.task(id, "inner").await;
    let first = house.task(inner, "first").await;
    house.begins(first).await;
    let beside = house.task(id, "beside").await;
    house.task(beside, "first").await;
    in_time(house.cancel(id).await);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    let all = house.executions().await;
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|execution| execution.status == Status::Canceled), "{all:?}");
}

#[tokio::test]
async fn a_task_that_is_canceled_cancels_its_workflow() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.begins(first).await;
    in_time(house.cancel(first).await);
    assert_eq!(house.ended(first).await.status, Status::Canceled);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    assert_eq!(house.tasks(id).await, ["first canceled"]);
}

#[tokio::test]
async fn a_workflow_that_is_paused_can_be_canceled() {
    let house = House::with("two", TWO).await;
    let id = house.conduct("two").await;
    house.task(id, "first").await;
    house.pause(id).await.unwrap();
    house.finish_task(id, "first").await;
    house.reaches(id, Status::Paused).await;
    in_time(house.cancel(id).await);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    assert_eq!(house.tasks(id).await, ["first succeeded"]);
}

#[tokio::test]
async fn a_task_that_is_delayed_ends_at_once_when_its_workflow_is_canceled() {
    let house = House::with("late", "version: 1.0\ntasks: {late: {delay: 60, action: house.waits}}\n").await;
    let id = house.conduct("late").await;
    house.task(id, "late").await;
    house.turn(Duration::from_secs(30)).await;
    in_time(house.cancel(id).await);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    house.turn(Duration::from_secs(60)).await;
    assert!(house.script.begun().is_empty());
}

/// What comes while a commit is under way is taken together by the next.
#[tokio::test]
async fn a_cancel_and_a_timeout_in_one_step_end_a_workflow_as_canceled() {
    let definition =
        "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.waits}, two: {action: house.deaf}}\n";
    for is_cancel_first in [true, false] {
        let house = House::with("timed", definition).await;
        let id = house.conduct("timed").await;
        let (one, two) = (house.task(id, "one").await, house.task(id, "two").await);
        house.begins(one).await;
        house.begins(two).await;
        let open = house.store().delay(ends);
        house.script.end(one, succeeded("done"));
        settle().await;
        if !is_cancel_first {
            house.seconds(200).await;
        }
        let cancel = house.cancel_later(id);
        settle().await;
        house.seconds(200).await;
        drop(open);
        let answered = in_time(cancel.await.unwrap());
        assert_eq!(answered.status, Status::Canceling, "the cancel is first: {is_cancel_first}");
        house.finish(two).await;
        assert_eq!(house.ended(id).await.status, Status::Canceled, "the cancel is first: {is_cancel_first}");
    }
}

#[tokio::test]
async fn who_cancels_a_workflow_again_while_it_is_being_told_starts_nothing_more() {
    let house = House::with("one", "version: 1.0\ntasks: {one: {action: house.waits}}\n").await;
    let id = house.conduct("one").await;
    let inside = house.task(id, "one").await;
    house.begins(inside).await;
    let open = house.store().delay(|commit| {
        let is_inside =
            |change: &Change| matches!(change, Change::UpdateExecution(one) if one.parent.is_some());
        commit.changes.iter().any(is_inside)
    });
    assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
    settle().await;
    let read = house.store().reads();
    for _ in 0..8 {
        assert_eq!(in_time(house.cancel(id).await).status, Status::Canceling);
        settle().await;
    }
    let read = house.store().reads() - read;
    assert_eq!(read, 8, "each request reads the workflow, and nothing that is inside it");
    drop(open);
    assert_eq!(house.ended(id).await.status, Status::Canceled);
    assert_eq!(house.tasks(id).await, ["one canceled"]);
}
