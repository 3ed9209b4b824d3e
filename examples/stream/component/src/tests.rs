//! Follows a stream natively, with the SDK's stand-in for the host.

use std::time::Duration;

use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

const URL: &str = "https://stream.example/events";

fn host() -> Host {
    Host::new().configured("url", URL)
}

fn message(kind: &str, id: Option<&str>, data: &str) -> Message {
    Message { kind: kind.to_owned(), id: id.map(str::to_owned), data: data.to_owned() }
}

#[test]
fn lines_are_read_as_the_standard_says() {
    let long = format!("data:{}\n\n", "x".repeat(600 << 10));
    let cases: [(&str, Vec<Message>); 9] = [
        ("data: a\n\n", vec![message("message", None, "a")]),
        ("\u{feff}data:a\ndata: b\n\n", vec![message("message", None, "a\nb")]),
        (": comment\nevent: push\nid: 7\ndata: a\n\n", vec![message("push", Some("7"), "a")]),
        (
            "id: 7\ndata: a\n\ndata: b\n\n",
            vec![message("message", Some("7"), "a"), message("message", None, "b")],
        ),
        ("event: push\n\ndata: a\n\n", vec![message("message", None, "a")]),
        ("data\n\n", vec![message("message", None, "")]),
        ("data:  a\nother: b\n\n", vec![message("message", None, " a")]),
        ("data: not whole\n", vec![]),
        (long.as_str(), vec![]),
    ];
    for (text, expected) in cases {
        let mut reader = Reader::default();
        let read: Vec<_> = text.lines().filter_map(|line| reader.line(line)).collect();
        assert_eq!(read, expected, "{}", text.get(..40).unwrap_or(text));
    }
}

#[test]
fn the_last_id_and_the_pause_outlive_a_connection() {
    let mut reader = Reader::default();
    assert_eq!((reader.last_id(), reader.pause()), (None, Duration::from_secs(3)));
    for line in ["retry: 50", "retry: soon", "id: 1", "data: a", "", "id: 2", "data: b"] {
        reader.line(line);
    }
    reader.begin();
    assert_eq!((reader.last_id(), reader.pause()), (Some("1"), Duration::from_millis(50)));
    assert_eq!(reader.line(""), None);
    assert_eq!(reader.last_id(), Some("1"));
    reader.line("retry: 999999999");
    assert_eq!(reader.pause(), Duration::from_mins(5));
}

#[test]
fn a_broken_connection_goes_on_after_the_last_message() {
    let host = host()
        .answering("GET", URL, 200, "retry: 0\n\nid: 1\ndata: a\n\nid: 2\ndata: cut")
        .answering("GET", URL, 503, "")
        .answering("GET", URL, 200, "id: 2\ndata: b\n\n");
    // The test has no more answers, which is as if the address were not granted.
    let error = messages(&host.sensor_context("messages")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let emitted: Vec<_> = host
        .emitted()
        .into_iter()
        .map(|event| (event.payload["data"].clone(), event.dedup_key.unwrap_or_default()))
        .collect();
    assert_eq!(emitted, [(json!("a"), "1".to_owned()), (json!("b"), "2".to_owned())]);
    let asked: Vec<_> = host
        .requests()
        .iter()
        .map(|request| request.headers.iter().find(|(name, _)| name == "last-event-id").cloned())
        .map(|header| header.map(|(_, id)| id))
        .collect();
    let expected = [None, Some("1"), Some("1"), Some("2")];
    assert_eq!(asked, expected.map(|id| id.map(str::to_owned)));
}

#[test]
fn a_server_that_is_away_for_long_is_an_error() {
    let mut host = host().answering("GET", URL, 200, "retry: 0\n\n");
    for _ in 0..ATTEMPTS {
        host = host.answering("GET", URL, 503, "");
    }
    let error = messages(&host.sensor_context("messages")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient(None));
}
