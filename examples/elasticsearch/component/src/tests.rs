//! Counts natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::ErrorKind;
use petrel_pack_sdk::testing::Host;

use super::*;

const URL: &str = "http://search.example:9200/logs/_count";

fn host() -> Host {
    Host::new().configured("url", URL).configured("threshold", 10)
}

#[test]
fn a_rise_above_the_threshold_is_one_event() {
    let counts = [10_u64, 11, 12, 3, 11];
    let host = counts.iter().fold(host(), |host, count| {
        host.answering("POST", URL, 200, json!({"count": count, "_shards": {}}).to_string())
    });
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
fn the_query_of_the_configuration_is_sent() {
    let query = json!({"match": {"level": "error"}});
    for (configured, sent) in [(Some(query.clone()), query), (None, json!({"match_all": {}}))] {
        let host = host().answering("POST", URL, 200, "{\"count\": 0}");
        let host = match configured {
            Some(query) => host.configured("query", query),
            None => host,
        };
        count(&host.sensor_context("count"), None).unwrap();
        let body: Value = serde_json::from_slice(&host.requests()[0].body).unwrap();
        assert_eq!(body, json!({"query": sent}));
    }
}

#[test]
fn what_is_no_count_is_an_error() {
    let kind = |host: Host| count(&host.sensor_context("count"), None).unwrap_err().kind;
    assert_eq!(kind(Host::new()), ErrorKind::Misconfigured);
    assert_eq!(kind(host()), ErrorKind::Denied);
    assert_eq!(kind(host().answering("POST", URL, 503, "")), ErrorKind::Transient(None));
    assert_eq!(kind(host().answering("POST", URL, 200, "[]")), ErrorKind::InvalidInput);
}
