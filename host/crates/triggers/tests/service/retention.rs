//! The deletion of old events: what is older than the cutoff goes with its enforcements, step by step, and nothing else.

use std::time::Duration;

use serde_json::json;

use crate::{House, rule};

#[tokio::test]
async fn an_event_before_the_cutoff_goes_with_its_enforcements_and_leaves_its_execution() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let old = house.post("sample", json!({"n": 1})).await.unwrap();
    let enforcement = house.enforcements(&old).await[0].id;
    house.clock.turn(Duration::from_secs(10));
    let cutoff = house.core.now();
    let kept = house.post("sample", json!({"n": 2})).await.unwrap();
    assert_eq!(house.triggers.delete_old(None, cutoff, 10).await.unwrap(), None);
    assert_eq!(house.events().await.iter().map(|event| event.id).collect::<Vec<_>>(), [kept.id]);
    assert!(house.triggers.reads().enforcement(enforcement).await.unwrap().is_none());
    assert_eq!((house.enforcements(&kept).await.len(), house.executions().await.len()), (1, 2));
}

#[tokio::test]
async fn a_step_looks_at_no_more_than_its_limit_and_says_where_to_go_on() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    for n in 0..5 {
        house.post("sample", json!({"n": n})).await.unwrap();
        house.clock.turn(Duration::from_secs(10));
    }
    let cutoff = house.core.now();
    let (mut after, mut left) = (None, Vec::new());
    loop {
        after = house.triggers.delete_old(after, cutoff, 2).await.unwrap();
        left.push(house.events().await.len());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(left, [3, 1, 0]);
}

#[tokio::test]
async fn an_event_on_which_a_rule_failed_is_kept_until_it_is_replayed() {
    let house = House::new().await;
    house.rule(&rule("fails", "failing", "gone", "")).await;
    house.rule(&rule("fine", "sample", "act", "")).await;
    let letter = house.post("failing", json!({})).await.unwrap();
    house.post("sample", json!({})).await.unwrap();
    house.clock.turn(Duration::from_secs(10));
    let cutoff = house.core.now();
    assert_eq!(house.triggers.delete_old_but_letters(None, cutoff, 10).await.unwrap(), None);
    assert_eq!(house.events().await.iter().map(|event| event.id).collect::<Vec<_>>(), [letter.id]);
    let enforcement = house.enforcements(&letter).await[0].id;
    house.triggers.replay(enforcement, None, false).await.unwrap();
    house.triggers.delete_old_but_letters(None, cutoff, 10).await.unwrap();
    assert!(house.events().await.iter().all(|event| event.id != letter.id));
}
