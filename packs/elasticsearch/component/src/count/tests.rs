//! Counts natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;

use super::*;

const SERVER: &str = "http://search.example:9200";
const URL: &str = "http://search.example:9200/logs/_count";

fn host() -> Host {
    Host::new().configured("url", SERVER).configured("index", "logs").configured("threshold", 10)
}

/// A host that answers with these counts, in order.
fn counting(host: Host, counts: &[u64]) -> Host {
    counts.iter().fold(host, |host, count| {
        host.answering("POST", URL, 200, json!({"count": count, "_shards": {}}).to_string())
    })
}

#[test]
fn a_rise_above_the_threshold_is_one_event() {
    let counts = [10_u64, 11, 12, 3, 11];
    let host = counting(host().listened("count_event", json!({})), &counts);
    let context = host.sensor_context("count");
    let (mut last, mut told) = (None, Vec::new());
    for _ in counts {
        let polled = count(&context, last).unwrap();
        told.push(polled.events.first().map(|event| event.payload["count"].clone()));
        last = polled.cursor;
    }
    assert_eq!(told, [None, Some(json!(11)), None, None, Some(json!(11))]);
}

#[test]
fn each_trigger_is_counted_by_its_query_and_has_events_of_its_own() {
    let host = host()
        .configured("query", json!({"match": {"level": "error"}}))
        .listened("count_event", json!({}))
        .listened("count_event", json!({"query": "{\"match\": \"a\"}"}))
        .listened("count_event", json!({"query": "{"}))
        .listened("count_event", json!({"query": 5}))
        .listened("count_event", json!({"query": "{\"match\": \"b\"}"}));
    let host = counting(host, &[5, 12, 13, 11, 12, 3]);
    let context = host.sensor_context("count");
    let polled = count(&context, None).unwrap();
    let told: Vec<_> =
        polled.events.iter().map(|event| (event.trigger.as_str(), &event.payload["count"])).collect();
    let [plain, a, _, _, b] = &context.triggers[..] else { panic!("{context:?}") };
    assert_eq!(told, [(a.id.as_str(), &json!(12)), (b.id.as_str(), &json!(13))]);
    let sent: Vec<Value> =
        host.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(
        sent,
        [
            json!({"query": {"match": {"level": "error"}}}),
            json!({"query": {"match": "a"}}),
            json!({"query": {"match": "b"}}),
        ]
    );
    assert!(host.logged().iter().any(|line| line.contains("the query is not JSON")), "{:?}", host.logged());
    // The first one rises now, the second one stays, and the last one falls.
    let polled = count(&context, polled.cursor).unwrap();
    let told: Vec<_> = polled.events.iter().map(|event| event.trigger.as_str()).collect();
    assert_eq!(told, [plain.id.as_str()]);
}

#[test]
fn without_a_query_all_documents_are_counted_and_without_rules_none() {
    let host = counting(host(), &[0]);
    let polled = count(&host.sensor_context("count"), None).unwrap();
    assert!(polled.events.is_empty() && host.requests().is_empty());
    let host = host.listened("count_event", json!({}));
    count(&host.sensor_context("count"), None).unwrap();
    let body: Value = serde_json::from_slice(&host.requests()[0].body).unwrap();
    assert_eq!(body, json!({"query": {"match_all": {}}}));
}

#[test]
fn a_cursor_of_the_version_before_is_read() {
    let last: Last = serde_json::from_value(json!({"is_above": true})).unwrap();
    assert_eq!(last, Last::default());
}

#[test]
fn what_is_no_count_is_an_error() {
    let kind = |host: Host| {
        let host = host.listened("count_event", json!({}));
        count(&host.sensor_context("count"), None).unwrap_err().kind
    };
    assert_eq!(kind(Host::new()), ErrorKind::Misconfigured);
    assert_eq!(kind(Host::new().configured("url", SERVER)), ErrorKind::Misconfigured);
    assert_eq!(kind(host()), ErrorKind::Denied);
    assert_eq!(kind(host().answering("POST", URL, 503, "")), ErrorKind::Transient(None));
    assert_eq!(kind(host().answering("POST", URL, 200, "[]")), ErrorKind::Permanent);
}
