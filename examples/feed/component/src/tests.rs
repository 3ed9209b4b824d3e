//! Polls the feed natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::ErrorKind;
use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

const URL: &str = "https://feed.example/feed.json";

fn host() -> Host {
    Host::new().configured("url", URL)
}

#[test]
fn only_what_is_new_is_told_and_the_oldest_first() {
    let first = json!({"items": [{"id": "2", "title": "b", "url": "https://feed.example/2"}, {"id": "1"}]});
    let second = json!({"items": [{"id": "3", "title": "c"}, {"id": "2"}, {"id": "1"}]});
    let host = host()
        .answering("GET", URL, 200, first.to_string())
        .answering("GET", URL, 200, second.to_string())
        .answering("GET", URL, 304, "");
    let context = host.sensor_context("entries");
    let told = |polled: &Polled<Seen>| -> Vec<_> {
        polled.events.iter().map(|event| event.payload["id"].as_str().unwrap().to_owned()).collect()
    };
    let polled = entries(&context, None).unwrap();
    assert_eq!(told(&polled), ["1", "2"]);
    assert_eq!(polled.events[1].dedup_key.as_deref(), Some("2"));
    let polled = entries(&context, polled.cursor).unwrap();
    assert_eq!(told(&polled), ["3"]);
    let polled = entries(&context, polled.cursor).unwrap();
    assert_eq!((told(&polled).len(), polled.cursor), (0, None));
}

#[test]
fn the_version_of_the_feed_is_asked_for() {
    let host = host().answering("GET", URL, 304, "");
    let seen = Seen { version: Some("\"v1\"".into()), ids: Vec::new() };
    entries(&host.sensor_context("entries"), Some(seen)).unwrap();
    let sent = host.requests().remove(0);
    assert!(sent.headers.contains(&("if-none-match".into(), "\"v1\"".into())), "{sent:?}");
}

#[test]
fn what_is_no_feed_is_an_error() {
    let kind = |host: Host| entries(&host.sensor_context("entries"), None).unwrap_err().kind;
    assert_eq!(kind(Host::new()), ErrorKind::Misconfigured);
    assert_eq!(kind(host()), ErrorKind::Denied);
    assert_eq!(kind(host().answering("GET", URL, 503, "")), ErrorKind::Transient(None));
    assert_eq!(kind(host().answering("GET", URL, 200, "<html>")), ErrorKind::Permanent);
}
