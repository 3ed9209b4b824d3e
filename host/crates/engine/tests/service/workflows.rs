//! Workflows in time: delays, retries, timeouts, windows of items, joins; by turning the clock.

use std::time::Duration;

use petrel_model::Status;
use serde_json::json;

use crate::support::script::{failed, succeeded};
use crate::support::store::ends;
use crate::support::{House, Plan, asks, asks_with, refused, result_of, settle};

#[tokio::test]
async fn a_task_begins_after_its_delay_and_not_before() {
    let definition = "
version: 1.0
tasks:
  now: {action: house.waits, next: [{do: late}]}
  late: {delay: 60, action: house.waits}
";
    let house = House::with("late", definition).await;
    let id = house.conduct("late").await;
    house.seconds(100).await;
    house.finish_task(id, "now").await;
    house.turn(Duration::from_millis(59_999)).await;
    assert_eq!((house.tasks(id).await.len(), house.script.open()), (2, 0));
    house.turn(Duration::from_millis(1)).await;
    house.finish_task(id, "late").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_delay_may_be_an_expression() {
    let definition = "
version: 1.0
input: [seconds]
tasks: {late: {delay: <% ctx().seconds * 2 %>, action: house.waits}}
";
    let plan = Plan::default().workflow_with("late", "{seconds: {type: integer}}", definition);
    let house = plan.open().await;
    let id = house.request(asks_with("late", &json!({"seconds": 30}))).await.unwrap().id;
    house.task(id, "late").await;
    house.seconds(59).await;
    assert_eq!(house.script.open(), 0);
    house.seconds(1).await;
    assert_eq!(house.script.open(), 1);
}

const TRIES: &str = "version: 1.0\ntasks: {one: {action: house.waits, retry: {count: 2, delay: 30}}}\n";

#[tokio::test]
async fn a_task_that_fails_is_tried_again_after_its_delay_as_often_as_it_says() {
    let house = House::with("tries", TRIES).await;
    let id = house.conduct("tries").await;
    for attempt in 0..3 {
        if attempt > 0 {
            house.task(id, "one").await;
            house.seconds(29).await;
            assert_eq!(house.script.open(), 0, "{attempt}");
            house.seconds(1).await;
        }
        let child = house.task(id, "one").await;
        house.finish_with(child, failed("on purpose")).await;
    }
    let ended = house.ended(id).await;
    assert_eq!((ended.status, house.age(&ended)), (Status::Failed, 60));
    assert_eq!(house.tasks(id).await, ["one failed"; 3]);
}

#[tokio::test]
async fn a_task_that_succeeds_is_not_tried_again() {
    let house = House::with("tries", TRIES).await;
    let id = house.conduct("tries").await;
    let child = house.task(id, "one").await;
    house.finish_with(child, failed("on purpose")).await;
    house.seconds(30).await;
    house.finish_task(id, "one").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    house.seconds(3600).await;
    assert_eq!(house.tasks(id).await, ["one failed", "one succeeded"]);
}

#[tokio::test]
async fn a_retry_may_ask_for_more_than_a_failure() {
    let definition = "
version: 1.0
tasks:
  one:
    action: house.waits
    retry: {count: 5, when: <% result().value = 'again' %>}
";
    let house = House::with("picky", definition).await;
    let id = house.conduct("picky").await;
    for value in ["again", "again", "enough"] {
        let child = house.task(id, "one").await;
        house.finish_with(child, succeeded(value)).await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["one succeeded"; 3]);
}

const TIMED: &str = "
version: 1.0
timeout: 100
tasks:
  one: {action: house.waits}
  late: {delay: 1000, action: house.waits}
";

#[tokio::test]
async fn a_workflow_that_takes_too_long_times_out_with_all_that_is_inside_it() {
    let house = House::with("timed", TIMED).await;
    let id = house.conduct("timed").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    house.seconds(99).await;
    assert_eq!(house.status(id).await, Status::Running);
    house.seconds(1).await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Timeout);
    assert!(result_of(&ended, "errors").to_string().contains("longer than the 100 s"), "{ended:?}");
    let mut tasks = house.tasks(id).await;
    tasks.sort_unstable();
    assert_eq!(tasks, ["late canceled", "one canceled"]);
}

#[tokio::test]
async fn a_workflow_that_has_ended_in_time_does_not_time_out() {
    let house =
        House::with("timed", "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.waits}}\n").await;
    let id = house.conduct("timed").await;
    house.seconds(99).await;
    house.finish_task(id, "one").await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Succeeded);
    house.seconds(1000).await;
    assert_eq!(house.execution(id).await, ended);
}

#[tokio::test]
async fn of_a_timeout_and_an_outcome_that_is_being_stored_both_are_kept() {
    let house =
        House::with("timed", "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.waits}}\n").await;
    let id = house.conduct("timed").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    let open = house.store().delay(ends);
    house.script.end(one, succeeded("done"));
    settle().await;
    // The time is up while the outcome is on its way, which also ends the workflow.
    house.seconds(200).await;
    drop(open);
    assert_eq!(house.ended(one).await.status, Status::Succeeded);
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_times_out_only_once_what_is_inside_it_has_ended() {
    let house =
        House::with("timed", "version: 1.0\ntimeout: 100\ntasks: {one: {action: house.deaf}}\n").await;
    let id = house.conduct("timed").await;
    let one = house.task(id, "one").await;
    house.begins(one).await;
    house.seconds(500).await;
    assert_eq!((house.status(id).await, house.status(one).await), (Status::Running, Status::Canceling));
    house.finish(one).await;
    assert_eq!((house.ended(id).await.status, house.status(one).await), (Status::Timeout, Status::Canceled));
}

#[tokio::test]
async fn so_many_items_run_at_once_as_the_task_says() {
    let definition = "
version: 1.0
tasks:
  many:
    with: {items: <% range(5).toList() %>, concurrency: 2}
    action: house.waits
";
    let house = House::with("many", definition).await;
    let id = house.conduct("many").await;
    for (ended, asked, open) in [(0, 2, 2), (1, 3, 2), (2, 4, 2), (3, 5, 2), (4, 5, 1)] {
        if ended > 0 {
            let first = house.children(id).await[ended - 1].id;
            house.finish(first).await;
        }
        settle().await;
        assert_eq!((house.tasks(id).await.len(), house.script.open()), (asked, open), "{ended}");
    }
    let last = house.children(id).await[4].id;
    house.finish(last).await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn no_task_asks_for_more_items_at_once_than_the_host_allows() {
    let definition = "version: 1.0\ntasks: {many: {with: '<% range(5).toList() %>', action: house.waits}}\n";
    let plan = Plan::default().options(|options| options.workflows.limits.items_window = 3);
    let house = plan.workflow("many", definition).open().await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    settle().await;
    assert_eq!(house.tasks(id).await.len(), 3);
    let first = house.children(id).await[0].id;
    house.finish(first).await;
    assert_eq!(house.tasks(id).await.len(), 4);
}

#[tokio::test]
async fn what_items_gave_stands_in_their_order_whichever_ended_first() {
    let definition = "
version: 1.0
tasks:
  many:
    with: <% range(3).toList() %>
    action: house.waits
    next: [{publish: [{all: <% result().select($.value) %>}]}]
output: [{all: <% ctx().all %>}]
";
    let house = House::with("many", definition).await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    let children = house.children(id).await;
    for number in [2, 0, 1] {
        house.finish_with(children[number].id, succeeded(number)).await;
    }
    assert_eq!(result_of(&house.ended(id).await, "output"), json!({"all": [0, 1, 2]}));
}

#[tokio::test]
async fn a_join_waits_for_all_that_lead_to_it_and_begins_once() {
    let definition = "
version: 1.0
tasks:
  left: {action: house.waits, next: [{do: both}]}
  right: {action: house.waits, next: [{do: both}]}
  both: {join: all, action: house.waits}
";
    let house = House::with("joins", definition).await;
    let id = house.conduct("joins").await;
    house.finish_task(id, "left").await;
    house.seconds(60).await;
    assert_eq!(house.tasks(id).await.len(), 2);
    house.finish_task(id, "right").await;
    house.finish_task(id, "both").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await.len(), 3);
}

#[tokio::test]
async fn what_ends_at_the_same_moment_is_taken_in_once() {
    let definition = "
version: 1.0
tasks:
  many: {with: '<% range(20).toList() %>', action: house.waits, next: [{do: after}]}
  after: {action: house.at_once}
";
    let house = House::with("many", definition).await;
    let id = house.conduct("many").await;
    house.task(id, "many").await;
    settle().await;
    for child in house.children(id).await {
        house.script.end(child.id, succeeded("done"));
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    let tasks = house.tasks(id).await;
    assert_eq!(tasks.iter().filter(|task| *task == "after succeeded").count(), 1);
    assert_eq!(tasks.len(), 21);
}

#[tokio::test]
async fn a_workflow_fails_once_what_runs_beside_the_failed_task_has_ended() {
    let definition = "
version: 1.0
tasks:
  fails: {action: house.fails}
  lasts: {action: house.waits, next: [{do: never}]}
  never: {action: house.waits}
";
    let house = House::with("uneven", definition).await;
    let id = house.conduct("uneven").await;
    let lasts = house.task(id, "lasts").await;
    house.begins(lasts).await;
    house.seconds(60).await;
    assert_eq!(house.status(id).await, Status::Running);
    house.finish(lasts).await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
    let mut tasks = house.tasks(id).await;
    tasks.sort_unstable();
    assert_eq!(tasks, ["fails failed", "lasts succeeded"]);
}

#[tokio::test]
async fn a_workflow_reads_the_datastore_as_it_is_at_each_step() {
    let definition = "
version: 1.0
tasks:
  one: {action: house.again, next: [{publish: [{first: <% st2kv('system.color') %>}], do: two}]}
  two: {action: house.again, next: [{publish: [{second: <% st2kv('system.color') %>}]}]}
output: [{first: <% ctx().first %>}, {second: <% ctx().second %>}]
";
    let house = House::with("reads", definition).await;
    house.set_key("color", "red").await;
    let id = house.conduct("reads").await;
    house.finish_task(id, "one").await;
    house.task(id, "two").await;
    house.set_key("color", "blue").await;
    // The log is read again, and gives what was read then.
    let house = house.next_process().await;
    house.finish_task(id, "two").await;
    let output = result_of(&house.ended(id).await, "output");
    assert_eq!(output, json!({"first": "red", "second": "blue"}));
}

#[tokio::test]
async fn a_chain_runs_its_tasks_one_after_the_other() {
    let definition = "
chain:
  - {name: one, ref: house.waits, on-success: two, on-failure: three}
  - {name: two, ref: house.waits}
  - {name: three, ref: house.waits}
";
    for (outcome, tasks) in [
        (succeeded("done"), ["one succeeded", "two succeeded"]),
        (failed("broken"), ["one failed", "three succeeded"]),
    ] {
        let house = House::with("steps", definition).await;
        let id = house.conduct("steps").await;
        let one = house.task(id, "one").await;
        house.finish_with(one, outcome).await;
        let next = tasks[1].split(' ').next().unwrap();
        house.finish_task(id, next).await;
        house.ended(id).await;
        assert_eq!(house.tasks(id).await, tasks);
    }
}

#[tokio::test]
async fn a_cycle_whose_actions_cannot_be_asked_for_ends() {
    let definition = "
version: 1.0
vars: [{action: house.nowhere}]
tasks:
  begin: {action: house.at_once, next: [{do: poll}]}
  poll: {action: <% ctx().action %>, next: [{when: <% failed() %>, do: poll}]}
";
    let house = House::with("poll", definition).await;
    let id = house.conduct("poll").await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(result_of(&ended, "errors").to_string().contains("workflows.max_tasks_in_step"), "{ended:?}");
    assert_eq!(house.tasks(id).await, ["begin succeeded"]);
}

#[tokio::test]
async fn a_workflow_whose_file_is_wrong_is_refused() {
    let wrong = "version: 1.0\ntasks: {one: {action: house.waits, next: [{do: nowhere}]}}\n";
    let house = House::with("wrong", wrong).await;
    let (code, message) = refused(house.request(asks("wrong")).await);
    assert!(code == "invalid" && message.contains("nowhere"), "{message}");
    assert!(house.executions().await.is_empty());
}
