//! Purges of events, enforcements and dead letters: what is old goes, and nothing whose execution is unfinished.

use std::time::Duration;

use petrel_model::rule::EnforcementStatus;
use petrel_triggers::{Cleared, Which};
use serde_json::json;

use crate::{House, rule};

#[tokio::test]
async fn an_event_is_purged_once_its_executions_have_ended() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let open = house.post("sample", json!({"n": 1})).await.unwrap();
    let done = house.post("sample", json!({"n": 2})).await.unwrap();
    house.fail(&done, json!({})).await;
    house.clock.turn(Duration::from_secs(10));
    let before = house.core.now();
    let young = house.post("sample", json!({"n": 3})).await.unwrap();
    let expected = Cleared { events: 1, enforcements: 1, next: None };
    for is_trial in [true, false] {
        assert_eq!(
            house.triggers.purge(Which::Events, before, None, is_trial).await.unwrap(),
            expected,
            "{is_trial}"
        );
    }
    let mut left: Vec<_> = house.events().await.iter().map(|event| event.id).collect();
    left.sort_unstable();
    assert_eq!(left, [open.id, young.id]);
    assert_eq!(house.triggers.purge(Which::Events, before, None, false).await.unwrap(), Cleared::default());
}

#[tokio::test]
async fn dead_letters_are_purged_without_their_events() {
    let house = House::new().await;
    house.rule(&rule("fine", "sample", "act", "")).await;
    house.rule(&rule("fails", "sample", "gone", "")).await;
    let event = house.post("sample", json!({})).await.unwrap();
    house.fail(&event, json!({})).await;
    house.clock.turn(Duration::from_secs(10));
    let before = house.core.now();
    let one = Cleared { enforcements: 1, ..Cleared::default() };
    for which in [Which::DeadLetters, Which::Enforcements(Some(EnforcementStatus::Failed))] {
        assert_eq!(house.triggers.purge(which, before, None, true).await.unwrap(), one);
    }
    assert_eq!(house.triggers.purge(Which::DeadLetters, before, None, false).await.unwrap(), one);
    let all = house.triggers.purge(Which::Enforcements(None), before, None, true).await.unwrap();
    assert_eq!((all, house.events().await.len()), (one, 1), "that of the other rule is left");
    assert_eq!(house.triggers.purge(Which::Enforcements(None), before, None, false).await.unwrap(), one);
    let gone = Cleared { events: 1, ..Cleared::default() };
    assert_eq!(house.triggers.purge(Which::Events, before, None, false).await.unwrap(), gone);
}
