//! Events that come again with the same key: one is taken in, also of several at the same moment and after a restart.

use std::time::Duration;

use petrel_engine_core::Error;
use petrel_triggers::{Accepted, Event, Once, Options};
use serde_json::{Value, json};

use crate::{House, refused, rule};

/// Sends an event with a key to the webhook `sample`.
async fn send(house: &House, key: &str, body: Value) -> Result<Accepted, Error> {
    let once = Once::new("webhook sample", key).unwrap().with_fingerprint(body.to_string());
    let event = Event::from(json!({"body": body})).taken_once(Some(once));
    house.triggers.accept_webhook("sample", event).await
}

async fn listening() -> House {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house
}

/// Deletes expired keys, in steps of two.
async fn forget(house: &House, kept: Duration) {
    let (cutoff, mut after) = (house.core.now().minus(kept), None);
    loop {
        after = house.triggers.forget_keys(after, cutoff, 2).await.unwrap();
        if after.is_none() {
            return;
        }
    }
}

#[tokio::test]
async fn of_all_that_come_with_one_key_one_is_taken_in() {
    let house = listening().await;
    let first = send(&house, "a", json!({"n": 1})).await.unwrap();
    assert!(!first.is_repeat);
    let again = send(&house, "a", json!({"n": 1})).await.unwrap();
    assert_eq!(again, Accepted { is_repeat: true, ..first.clone() });
    let other = send(&house, "b", json!({"n": 1})).await.unwrap();
    assert!(!other.is_repeat && other.id != first.id);
    assert_eq!((house.events().await.len(), house.executions().await.len()), (2, 2));

    let house = house.next_process().await;
    assert_eq!(send(&house, "a", json!({"n": 1})).await.unwrap(), again);
    assert_eq!(house.events().await.len(), 2);
}

#[tokio::test]
async fn another_body_with_the_same_key_is_refused() {
    let house = listening().await;
    let first = send(&house, "a", json!({"n": 1})).await.unwrap();
    let (code, message) = refused(send(&house, "a", json!({"n": 2})).await);
    assert!(code == "conflict" && message.contains("`a`"), "{message}");
    assert!(message.contains(&first.id.to_string()), "{message}");
    assert_eq!(house.events().await.len(), 1);
}

#[tokio::test]
async fn what_comes_at_the_same_moment_is_one_event() {
    let house = listening().await;
    let send = || send(&house, "a", json!({}));
    let (one, two, three) = tokio::join!(send(), send(), send());
    let all = [one.unwrap(), two.unwrap(), three.unwrap()];
    assert_eq!(all.iter().filter(|accepted| !accepted.is_repeat).count(), 1);
    assert!(all.iter().all(|accepted| accepted.id == all[0].id && accepted.executions == all[0].executions));
    assert_eq!((house.events().await.len(), house.executions().await.len()), (1, 1));
}

#[tokio::test]
async fn what_was_not_stored_is_taken_in_when_it_comes_again() {
    let house = listening().await;
    house.store.refuse(1);
    assert_eq!(refused(send(&house, "a", json!({})).await).0, "no_room");
    assert!(!send(&house, "a", json!({})).await.unwrap().is_repeat);
    assert!(send(&house, "a", json!({})).await.unwrap().is_repeat);
}

#[tokio::test]
async fn a_repetition_needs_no_room() {
    let executions =
        petrel_executions::Options { waiting_limit: 1, waiting_share: 100, ..Default::default() };
    let house = House::with(Options::default(), executions).await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let first = send(&house, "a", json!({})).await.unwrap();
    assert_eq!(refused(send(&house, "b", json!({})).await).0, "busy");
    assert_eq!(send(&house, "a", json!({})).await.unwrap().id, first.id);
}

#[tokio::test]
async fn keys_are_forgotten_after_their_time_and_not_before() {
    let (house, window) = (listening().await, Duration::from_secs(100));
    for key in ["a", "b", "c", "d", "e"] {
        send(&house, key, json!({})).await.unwrap();
    }
    house.clock.turn(Duration::from_secs(60));
    send(&house, "late", json!({})).await.unwrap();
    for (seconds, a_is_known, late_is_known) in [(40, true, true), (1, false, true)] {
        house.clock.turn(Duration::from_secs(seconds));
        forget(&house, window).await;
        assert_eq!(send(&house, "late", json!({})).await.unwrap().is_repeat, late_is_known);
        assert_eq!(send(&house, "a", json!({})).await.unwrap().is_repeat, a_is_known, "after {seconds}");
    }
    assert_eq!(house.events().await.len(), 7);
}
