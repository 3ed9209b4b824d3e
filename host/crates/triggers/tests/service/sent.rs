//! Events that somebody sends by hand: of any trigger, and a stored one once more.

use petrel_model::{Object, size};
use petrel_triggers::{Accepted, Emission, LargeEvent, Once, SMALL};
use serde_json::{Value, json};

use crate::{House, refused, rule};

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

fn emission(trigger: &str, parameters: Value, payload: Value) -> Emission {
    Emission {
        trigger: trigger.into(),
        parameters: object(parameters),
        payload: object(payload),
        ..Emission::default()
    }
}

#[tokio::test]
async fn an_event_can_be_sent_of_any_trigger() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let reference = house.catalog.content().webhook("sample").unwrap().0.to_string();
    for (trigger, parameters, matches) in [
        ("core.st2.webhook", json!({"url": "/sample/"}), 1),
        (reference.as_str(), json!({}), 1),
        ("core.st2.webhook", json!({"url": "other"}), 0),
        ("core.st2.webhook", json!({}), 0),
    ] {
        let sent = emission(trigger, parameters, json!({"body": {"n": 1}}));
        let accepted = house.triggers.send(sent).await.unwrap();
        assert_eq!(accepted.executions.len(), matches, "{trigger}");
        assert_eq!(house.event(&accepted).await.payload.parse().unwrap(), json!({"body": {"n": 1}}));
    }
}

#[tokio::test]
async fn an_event_with_a_key_is_sent_once() {
    let house = House::new().await;
    let send = async |key: &str| {
        let once = Some(Once::new("webhook st2", key).unwrap());
        let sent = emission("core.st2.webhook", json!({}), json!({}));
        house.triggers.send(Emission { once, ..sent }).await.unwrap()
    };
    let first = send("a").await;
    assert_eq!(send("a").await, Accepted { is_repeat: true, ..first });
    assert!(!send("b").await.is_repeat);
    assert_eq!(house.events().await.len(), 2);
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_is_refused_with_the_reason() {
    let house = House::new().await;
    for (sent, code, says) in [
        (emission("core.st2.webhok", json!({}), json!({})), "not_found", "core.st2.webhok"),
        (emission("webhook", json!({}), json!({})), "invalid", "webhook"),
        (
            emission("core.st2.webhook", json!({"ulr": "a"}), json!({})),
            "invalid",
            "core.st2.webhook do not fit",
        ),
        (
            Emission { depth: 33, ..emission("core.st2.webhook", json!({}), json!({})) },
            "invalid",
            "triggers.max_depth",
        ),
    ] {
        let (found, message) = refused(house.triggers.send(sent).await);
        assert!(found == code && message.contains(says), "{message}");
    }
    assert!(house.events().await.is_empty());
}

#[tokio::test]
async fn an_event_is_sent_once_more_with_the_same_payload() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let first = house.post("sample", json!({"n": 1})).await.unwrap();
    let old = house.event(&first).await;
    let again = house.triggers.re_emit(&old).await.unwrap();
    let new = house.event(&again).await;
    assert!(first.id != again.id && again.executions.len() == 1, "{again:?}");
    assert_eq!((&new.trigger, new.trace_id()), (&old.trigger, old.trace_id()));
    let mut expected = old.payload.parse().unwrap();
    expected["__context"] = json!({"original_id": first.id});
    assert_eq!(new.payload.parse().unwrap(), expected);
    // A schema that knows of no mark refuses none.
    let strict = json!({"type": "object", "properties": {"body": {}}, "additionalProperties": false});
    house.webhook(&strict).await;
    let third = house.triggers.re_emit(&new).await.unwrap();
    expected["__context"] = json!({"original_id": again.id});
    assert_eq!(house.event(&third).await.payload.parse().unwrap(), expected);
}

#[tokio::test]
async fn a_large_event_is_sent_once_more_without_reading_all_of_it() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "criteria: {trigger.body.n: {type: equals, pattern: 1}}\n")).await;
    let body = json!({"n": 1, "ballast": "x".repeat(SMALL)}).to_string();
    let sent = LargeEvent { headers: Object::new(), headers_lower: Object::new(), body: body.clone().into() };
    let claim = house.triggers.claim(size::parsed(body.as_bytes())).unwrap();
    let (event, _claim) = house.triggers.read_large("sample", sent, claim).await.unwrap();
    let first = house.triggers.accept_webhook("sample", event).await.unwrap();
    let old = house.event(&first).await;
    let again = house.triggers.re_emit(&old).await.unwrap();
    let payload = house.event(&again).await.payload;
    let ending = old.payload.text().get(1..).unwrap();
    assert!(payload.text().ends_with(ending) && payload.text().contains(&first.id.to_string()));
    assert_eq!(again.executions.len(), 1);
}
