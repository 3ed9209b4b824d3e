//! The order of waiting executions: as slots get free, of each account in turn, the earliest first, and none
//! before it is due.

use std::time::Duration;

use petrel_engine::Options;
use petrel_model::{ExecutionId, Status};
use serde_json::json;

use crate::support::{House, Plan, in_time, rule, settle};

/// One slot of each kind.
fn one_slot(options: &mut Options) {
    options.executions.component_slots = 1;
    options.executions.process_slots = 1;
}

/// A house with one slot of each kind in which nothing runs yet.
async fn resting() -> House {
    Plan::default().options(one_slot).resting().open().await
}

/// Ends one after the other of what runs, until nothing does; gives the order in which they began.
async fn run_all(house: &House) -> Vec<ExecutionId> {
    let mut done = 0;
    loop {
        settle().await;
        let begun = house.script.begun();
        let Some(id) = begun.get(done).copied() else { return begun };
        assert_eq!(begun.len(), done + 1, "one slot, one run");
        house.finish(id).await;
        done += 1;
    }
}

#[tokio::test]
async fn what_was_asked_for_first_runs_first() {
    let mut house = resting().await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(house.ask("waits").await);
    }
    house.start().await;
    assert_eq!(run_all(&house).await, asked);
}

#[tokio::test]
async fn users_take_turns_however_much_each_has_waiting() {
    let mut house = resting().await;
    let mut asked = Vec::new();
    for user in ["ada", "ada", "ada", "ada", "bob", "bob"] {
        asked.push(house.ask_as(user, "waits").await);
    }
    house.start().await;
    let [a1, a2, a3, a4, b1, b2] = asked.try_into().unwrap();
    assert_eq!(run_all(&house).await, [a1, b1, a2, b2, a3, a4]);
}

#[tokio::test]
async fn a_rule_takes_turns_with_users_and_other_rules() {
    let mut house = resting().await;
    house.rule(&rule("one", "one", "waits", "")).await;
    house.rule(&rule("two", "two", "waits", "")).await;
    let mut asked = Vec::new();
    for url in ["one", "one", "one", "two"] {
        asked.extend(house.post(url, json!({})).await.unwrap().executions);
    }
    asked.push(house.ask("waits").await);
    house.start().await;
    let [one, again, last, two, ada] = asked.try_into().unwrap();
    assert_eq!(run_all(&house).await, [one, two, ada, again, last]);
}

const MANY: &str = "version: 1.0\ntasks: {many: {with: '<% range(3).toList() %>', action: house.waits}}\n";

#[tokio::test]
async fn all_that_is_inside_a_workflow_takes_the_turns_of_one() {
    let house = Plan::default().options(one_slot).workflow("many", MANY).open().await;
    let first = house.ask_as("cyd", "waits").await;
    house.begins(first).await;
    let workflow = house.ask_as("ada", "many").await;
    house.task(workflow, "many").await;
    let mut asked = vec![first];
    asked.extend(house.children(workflow).await.iter().map(|child| child.id));
    asked.push(house.ask_as("bob", "waits").await);
    asked.push(house.ask_as("bob", "waits").await);
    let [first, item1, item2, item3, bob1, bob2] = asked.try_into().unwrap();
    assert_eq!(run_all(&house).await, [first, item1, bob1, item2, bob2, item3]);
    assert_eq!(house.status(workflow).await, Status::Succeeded);
}

#[tokio::test]
async fn processes_and_components_do_not_wait_for_each_other() {
    for (busy, free) in [("waits", "heavy"), ("heavy", "waits")] {
        let house = Plan::default().options(one_slot).open().await;
        let first = house.ask(busy).await;
        let second = house.ask(busy).await;
        let other = house.ask(free).await;
        house.begins(other).await;
        settle().await;
        assert_eq!(house.script.begun().len(), 2, "{busy}");
        assert!(house.script.is_open(first) && !house.script.is_open(second), "{busy}");
    }
}

#[tokio::test]
async fn as_many_run_at_once_as_there_are_slots() {
    let house = Plan::default().options(|options| options.executions.component_slots = 3).open().await;
    for _ in 0..5 {
        house.ask("waits").await;
    }
    settle().await;
    for (ended, open, begun) in [(0, 3, 3), (1, 3, 4), (1, 3, 5), (1, 2, 5)] {
        for id in house.script.begun().into_iter().filter(|id| house.script.is_open(*id)).take(ended) {
            house.finish(id).await;
        }
        assert_eq!((house.script.open(), house.script.begun().len()), (open, begun));
    }
}

#[tokio::test]
async fn what_is_delayed_begins_when_it_is_due_and_not_before() {
    let house = House::new().await;
    let id = house.ask_later("waits", 10).await;
    house.turn(Duration::from_millis(9_999)).await;
    assert_eq!((house.status(id).await, house.script.begun()), (Status::Requested, vec![]));
    house.turn(Duration::from_millis(1)).await;
    house.begins(id).await;
    assert_eq!(house.finish(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn of_what_is_delayed_the_one_that_is_due_first_begins_first() {
    let house = Plan::default().options(one_slot).open().await;
    let mut asked = Vec::new();
    for seconds in [3, 1, 2] {
        asked.push(house.ask_later("waits", seconds).await);
    }
    house.seconds(3).await;
    let [third, first, second] = asked.try_into().unwrap();
    assert_eq!(run_all(&house).await, [first, second, third]);
}

#[tokio::test]
async fn what_is_delayed_holds_up_nobody_who_is_due() {
    let house = Plan::default().options(one_slot).open().await;
    house.ask_later("waits", 3600).await;
    let due = house.ask("waits").await;
    house.begins(due).await;
}

#[tokio::test]
async fn what_ends_early_gives_its_slot_to_the_next() {
    let house = Plan::default().options(one_slot).open().await;
    for action in ["fails", "panics", "at_once", "again_at_once"] {
        let id = house.ask(action).await;
        house.ended(id).await;
    }
    let running = house.ask("waits").await;
    house.begins(running).await;
    in_time(house.cancel(running).await);
    let next = house.ask("waits").await;
    house.begins(next).await;
}

#[tokio::test]
async fn a_thousand_that_wait_all_run() {
    let mut house = Plan::default().resting().open().await;
    for number in 0..1000 {
        house.ask_as(["ada", "bob", "cyd"][number % 3], "again_at_once").await;
    }
    house.start().await;
    let ids: Vec<_> = house.executions().await.iter().map(|execution| execution.id).collect();
    for id in ids {
        assert_eq!(house.ended(id).await.status, Status::Succeeded);
    }
    assert_eq!(house.script.begun().len(), 1000);
}
