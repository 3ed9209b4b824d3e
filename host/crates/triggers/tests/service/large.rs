//! Large events: only what rules and the schema read of them becomes values, the text is stored as it was sent, and what
//! cannot be read is refused with the reason.

use petrel_engine_core::Error;
use petrel_model::{Object, size};
use petrel_triggers::{Accepted, Event, LargeEvent, Options, SMALL};
use serde_json::{Value, json};

use crate::{House, criterion, refused, rule};

/// A body that is too large to be parsed as a whole.
fn large(color: &str) -> String {
    json!({"ballast": "x".repeat(SMALL), "color": color}).to_string()
}

/// Reads a large event as the API does; the claim of its memory goes with the answer.
async fn read(house: &House, url: &str, body: &str) -> Result<Event, Error> {
    let sent = LargeEvent { headers: Object::new(), headers_lower: Object::new(), body: body.into() };
    let claim = house.triggers.claim(body.len())?;
    house.triggers.read_large(url, sent, claim).await.map(|(event, _claim)| event)
}

async fn post(house: &House, body: &str) -> Result<Accepted, Error> {
    let event = read(house, "sample", body).await?;
    house.triggers.accept_webhook("sample", event).await
}

#[tokio::test]
async fn rules_decide_on_a_large_event_as_on_a_small_one() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "red"))).await;
    for (color, matches) in [("red", 1), ("blue", 0)] {
        let body = large(color);
        let accepted = post(&house, &body).await.unwrap();
        assert_eq!(accepted.executions.len(), matches, "{color}");
        assert!(
            house.event(&accepted).await.payload.text().contains(&body),
            "the body is stored as it was sent"
        );
        assert_eq!(house.explain(&accepted).await[0].matched, color == "red");
    }
}

#[tokio::test]
async fn only_what_is_read_of_a_large_event_becomes_values() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "red"))).await;
    let event = read(&house, "sample", &large("red")).await.unwrap();
    assert_eq!(event.values()["body"]["color"], json!("red"));
    assert!(size::of_value(event.values()) < 4096, "the rest of it takes no memory");
}

#[tokio::test]
async fn an_event_that_was_read_for_other_rules_is_refused_as_busy() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "red"))).await;
    let event = read(&house, "sample", &large("red")).await.unwrap();
    let other = "criteria: {trigger.body.ballast: {type: exists}}\n";
    house.rule(&rule("more", "sample", "act", other)).await;
    let (code, message) = refused(house.triggers.accept_webhook("sample", event).await);
    assert!(code == "busy" && message.contains("changed"), "{message}");
    assert!(house.events().await.is_empty());
}

#[tokio::test]
async fn what_is_no_event_is_refused_with_the_reason() {
    let house = House::with(
        Options { bytes_in_flight: 8 << 20, ..Options::default() },
        petrel_executions::Options::default(),
    )
    .await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "red"))).await;
    let text = format!("\"{}\"", "x".repeat(SMALL));
    let deep = format!("{}1{}", "[".repeat(SMALL), "]".repeat(SMALL));
    let cut = large("red").replace('}', "");
    for (url, body, code, says) in [
        ("sample", text.as_str(), "invalid", "neither an object nor a list"),
        ("sample", &deep, "invalid", ""),
        ("sample", &cut, "invalid", "not JSON"),
        ("elsewhere", &large("red"), "not_found", "elsewhere"),
    ] {
        let told = refused(read(&house, url, body).await);
        assert!(told.0 == code && told.1.contains(says), "{code} {says}: {told:?}");
    }
    // What they took is given back.
    drop(house.triggers.claim(8 << 20).unwrap());
    assert_eq!(house.events().await.len(), 0);
}

#[tokio::test]
async fn values_that_need_more_memory_than_there_is_are_refused() {
    let house = House::with(
        Options { bytes_in_flight: 1 << 20, ..Options::default() },
        petrel_executions::Options::default(),
    )
    .await;
    house
        .rule(&rule("r", "sample", "act", "criteria: {trigger.body.list: {type: equals, pattern: 1}}\n"))
        .await;
    let body = json!({"list": vec![Value::Null; 100_000]}).to_string();
    let (code, message) = refused(read(&house, "sample", &body).await);
    assert!(code == "too_large" && message.contains("server.max_in_flight_mib"), "{code}: {message}");
    drop(house.triggers.claim(1 << 20).unwrap());
}
