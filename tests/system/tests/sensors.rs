//! Sensors of packs in the real host: they are registered with their trigger types, switched by operators, and say what
//! keeps them from running. Requests to sensors that do not take any are refused. The sensor of the example polls a feed.

#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use petrel_system_tests::{Place, assert_says, eventually};
use serde_json::json;

/// The head of a request with JSON.
const JSON: &str = "Content-Type: application/json\r\n";
const WATCH: &str = "class_name: Watch\nentry_point: watch.js\npoll_interval: 5\ntrigger_types:\n  - {name: seen, payload_schema: {type: object, properties: {n: {type: integer}}}}\n";

#[test]
fn sensors_come_and_go_with_their_pack_and_stay_as_they_were_switched() {
    let place = Place::default();
    place.write(
        "feed/pack.yaml",
        "ref: feed\nname: feed\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write("feed/sensors/watch.yaml", WATCH);
    place.write("feed/sensors/watch.js", "export class Watch {}\n");
    let host = place.start(&[]);
    let registered = host.ok(&["pack", "register", &place.path("feed")]).stderr;
    assert_says(
        &registered,
        &["sensors/watch.yaml: sensor Watch does not run", "neither a component nor Python"],
    );
    let shown = host.get("/sensortypes/feed.Watch").with_status(200).json();
    for (field, value) in [
        ("id", json!("feed.Watch")),
        ("name", json!("Watch")),
        ("pack", json!("feed")),
        ("entry_point", json!("sensors/watch.js")),
        ("poll_interval", json!(5)),
        ("trigger_types", json!(["feed.seen"])),
        ("enabled", json!(true)),
        ("health", json!("unsupported")),
    ] {
        assert_eq!(shown[field], value, "{shown}");
    }
    assert_eq!(host.list("/triggertypes?pack=feed").len(), 1);
    assert_says(&host.ok(&["sensor", "list"]).stdout, &["feed.Watch", "unsupported"]);
    // StackStorm's client sends all of it back.
    let mut whole = shown;
    whole["enabled"] = json!(false);
    let changed = host
        .try_send("PUT", "/sensortypes/feed.Watch", JSON, whole.to_string().as_bytes())
        .unwrap()
        .with_status(200)
        .json();
    assert_eq!((&changed["enabled"], &changed["health"]), (&json!(false), &json!("disabled")));
    host.ok(&["pack", "register", &place.path("feed")]);
    assert_eq!(host.list("/sensortypes?enabled=false").len(), 1);
    host.ok(&["sensor", "enable", "feed.Watch"]);
    let refused = host.cli(&["sensor", "poll", "feed.Watch"]).with_code(6).stderr;
    assert_says(&refused, &["cannot run here"]);
    for path in ["/sensors/feed.Watch/webhook", "/sensors/feed.None/webhook/in"] {
        assert_says(&host.post(path, &json!({})).with_status(404).body, &["petrel sensor list"]);
    }
    host.ok(&["pack", "remove", "feed"]);
    assert!(host.list("/sensortypes").is_empty());
    host.stop();
}

/// Answers every request with this feed.
fn serve(listener: &TcpListener, feed: &str) {
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let mut head = BufReader::new(connection.try_clone().unwrap()).lines();
        while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let length = feed.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{feed}");
        let _gone = connection.write_all(answer.as_bytes());
    }
}

#[test]
fn the_sensor_of_the_example_is_registered_and_brings_events() {
    let place = Place::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/feed.json", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        serve(&listener, r#"{"items": [{"id": "2", "title": "second"}, {"id": "1"}]}"#);
    });
    let host = place.start(&[]);
    let installed = host.ok(&["pack", "install", "builtin:feed"]).stderr;
    assert!(!installed.contains("left out"), "{installed}");
    assert_says(&host.ok(&["sensor", "list"]).stdout, &["feed.entries"]);
    assert_says(&installed, &["`petrel pack grant feed http=https://HOST/PATH` grants of it what you mean"]);
    host.ok(&["pack", "grant", "feed", &format!("http={url}")]);
    let configuration = place.write("feed.yaml", &format!("url: {url}\n"));
    host.ok(&["pack", "configure", "feed", &configuration]);
    // Until it is configured it fails, and is tried again.
    let shown = eventually("both entries are events", || {
        let shown = host.get("/sensortypes/feed.entries").with_status(200).json();
        (shown["events"] == 2).then_some(shown)
    });
    assert_eq!((&shown["refused"], &shown["health"]), (&json!(0), &json!("ok")), "{shown}");
    eventually("the rule has run an action for each", || {
        (host.list("/executions?action=core.echo&status=succeeded").len() == 2).then_some(())
    });
    host.stop();
}
