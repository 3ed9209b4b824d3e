//! The limits of what is taken in: of what may wait, and of the memory of requests. What is refused leaves nothing behind.

use std::net::IpAddr;
use std::time::Duration;

use petrel_triggers::Options;
use serde_json::json;

use crate::{House, refused, rule};

/// Settings of executions by which so many may wait, and this part of them on one account.
fn at_most(waiting_limit: usize, waiting_share: usize) -> petrel_executions::Options {
    petrel_executions::Options { waiting_limit, waiting_share, ..Default::default() }
}

#[tokio::test]
async fn no_event_is_taken_in_while_too_much_waits() {
    let house = House::with(Options::default(), at_most(2, 100)).await;
    house.rule(&rule("r", "sample", "act", "")).await;
    for n in 0..2 {
        house.post("sample", json!({"n": n})).await.unwrap();
    }
    let (code, message) = refused(house.post("sample", json!({})).await);
    assert!(code == "busy" && message.contains("`engine.waiting_limit`"), "{message}");
    assert_eq!((house.events().await.len(), house.executions().await.len()), (2, 2));
}

#[tokio::test]
async fn one_rule_has_no_more_than_a_share_of_what_may_wait() {
    let house = House::with(Options::default(), at_most(4, 50)).await;
    house.rule(&rule("busy", "busy", "act", "")).await;
    house.rule(&rule("other", "other", "act", "")).await;
    for _ in 0..2 {
        house.post("busy", json!({})).await.unwrap();
    }
    let (code, message) = refused(house.post("busy", json!({})).await);
    assert!(code == "busy" && message.contains("house.busy"), "{message}");
    assert_eq!(house.events().await.len(), 2, "the event that was refused is not stored");
    house.post("other", json!({})).await.unwrap();
}

#[tokio::test]
async fn requests_take_no_more_memory_than_there_is_and_one_address_not_all_of_it() {
    let options = Options { bytes_in_flight: 1 << 20, ..Options::default() };
    let triggers = House::with(options, at_most(10, 100)).await.triggers;
    assert_eq!(refused(triggers.claim(2 << 20)).0, "too_large");
    let all = triggers.claim(1 << 20).unwrap();
    assert_eq!(refused(triggers.claim(1 << 10)).0, "busy");
    drop(all);
    let [one, other] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
    let mut large = triggers.claim_for(700 << 10, one).unwrap();
    let (code, message) = refused(triggers.claim_for(100 << 10, one));
    assert!(code == "busy" && message.contains("192.0.2.1"), "{message}");
    let _other = triggers.claim_for(100 << 10, other).unwrap();
    large.shrink_to(1 << 10);
    triggers.claim_for(100 << 10, one).unwrap();
}

#[tokio::test]
async fn no_event_is_taken_in_once_the_host_stops() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.core.stop(Duration::ZERO).await;
    assert_eq!(refused(house.post("sample", json!({})).await).0, "stopping");
    assert!(house.events().await.is_empty());
}
