//! Maintenance windows: what one holds says so, and starts once the window is deleted and no other one holds it.

use petrel_model::{ExecutionId, Status};
use serde_json::json;

use crate::support::{House, rule};

/// A house with a rule for an action that ends at once.
async fn with_rule(action: &str) -> House {
    let house = House::new().await;
    house.rule(&rule("r", "sample", action, "")).await;
    house
}

/// Has the rule ask for its action.
async fn fire(house: &House) -> ExecutionId {
    house.post("sample", json!({})).await.unwrap().executions.remove(0)
}

#[tokio::test]
async fn what_is_held_says_so_and_starts_in_order_when_its_window_is_deleted() {
    let house = with_rule("at_once").await;
    house.window("w", 0).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(fire(&house).await);
        house.seconds(1).await;
    }
    assert!(house.script.begun().is_empty());
    let first = house.execution(held[0]).await;
    let until = first.ready_at.unwrap();
    assert_eq!(
        house.wait_reason(&first),
        Some(format!(
            "maintenance window w holds it until {until}; `petrel maintenance delete w` has it start before that"
        ))
    );
    house.delete_window("w").await;
    assert_eq!(house.script.begun(), held);
    let first = house.execution(held[0]).await;
    assert_eq!((house.wait_reason(&first), first.ready_at, first.attempt), (None, None, 0));
}

#[tokio::test]
async fn what_another_window_holds_waits_for_that_one() {
    // The beginnings of two windows of an hour, the one that is deleted, and the minute after which what was held starts.
    for (one, other, deleted, starts) in
        [(0, 0, "one", 60), (0, 60, "other", 60), (0, 30, "other", 60), (0, 30, "one", 0), (0, 60, "one", 0)]
    {
        let house = with_rule("at_once").await;
        house.window("one", one).await;
        house.window("other", other).await;
        let held = fire(&house).await;
        house.seconds(60).await;
        house.delete_window(deleted).await;
        let case = format!("{one} {other} {deleted}");
        if starts > 0 {
            house.seconds(60 * (starts - 1) - 1).await;
            let waits = house.execution(held).await;
            assert_eq!(waits.status, Status::Requested, "{case}");
            assert!(house.wait_reason(&waits).unwrap().starts_with("maintenance window "), "{case}");
            house.seconds(1).await;
        }
        assert_eq!(house.status(held).await, Status::Succeeded, "{case}");
    }
}
