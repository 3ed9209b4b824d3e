//! Packs ask for capabilities, and the operator grants them from the command line: a sensor is denied, says which command
//! grants it, runs, and is denied again; an update that asks for more waits.

#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const FEED: &str = r#"{"items": [{"id": "1", "title": "first"}]}"#;

const ONE: &str = "{reason: reads, host: a.example}";
const MORE: &str = "{reason: writes, host: '*.b.example', methods: [POST]}";

/// Answers every request with the feed, and returns its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/feed.json", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = BufReader::new(connection.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let length = FEED.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{FEED}");
            let _gone = connection.write_all(answer.as_bytes());
        }
    });
    url
}

/// The last error of the sensor, once it has this code.
fn failed_with(host: &Host<'_>, code: &str) -> Value {
    eventually("the sensor has failed", || {
        let shown = host.get("/sensortypes/feed.entries").with_status(200).json();
        shown.get("last_error").filter(|error| error.get("code") == Some(&json!(code))).cloned()
    })
}

#[test]
fn a_denial_names_the_command_that_grants_and_what_is_revoked_is_denied_again() {
    let (place, url) = (Place::default(), serve());
    let host = place.start(&[]);
    host.ok(&["pack", "install", "builtin:feed"]);
    let file = place.write("feed.yaml", &format!("url: {url}\n"));
    host.ok(&["pack", "configure", "feed", &file]);
    let error = failed_with(&host, "denied.http");
    let words = format!("'http=GET {url}'");
    assert_says(error["hint"].as_str().unwrap(), &[&format!("`petrel pack grant feed {words}`")]);
    let shown = host.ok(&["pack", "capabilities", "feed"]).stdout;
    assert_says(
        &shown,
        &["http GET private+http+https://*:*/ (feed)", "not granted, never used", "granted nothing"],
    );
    let granted = host.ok(&["pack", "grant", "feed", words.trim_matches('\'')]).stdout;
    assert_says(&granted, &["granted in part", &format!("  http=GET {url}")]);
    eventually("the entry is an event", || {
        let shown = host.get("/sensortypes/feed.entries").with_status(200).json();
        (shown["events"] == 1 && shown["health"] == "ok").then_some(())
    });
    assert_says(&host.ok(&["pack", "capabilities", "feed"]).stdout, &["granted in part, used "]);
    assert_says(
        &host.ok(&["pack", "capabilities", "feed", "--unused"]).stdout,
        &["has used all that is counted"],
    );
    host.ok(&["pack", "revoke", "feed", "http"]);
    host.ok(&["sensor", "poll", "feed.entries"]);
    failed_with(&host, "denied.http");
    host.stop();
}

#[test]
fn an_update_that_asks_for_more_ends_with_5_until_it_is_accepted() {
    let place = Place::default();
    let write = |version: &str, http: &str| {
        let head = "ref: mine\nname: mine\ndescription: d\nauthor: a\nemail: a@example.com\n";
        place.write(
            "mine/pack.yaml",
            &format!("{head}version: {version}\ncapabilities: {{http: [{http}]}}\n"),
        );
    };
    write("1.0.0", ONE);
    let host = place.start(&["--capabilities-max-http", "https://a.example"]);
    let directory = place.path("mine");
    assert_says(&host.ok(&["pack", "register", &directory]).stderr, &["`petrel pack grant mine --all`"]);
    write("2.0.0", &format!("{ONE}, {MORE}"));
    let refused = host.cli(&["pack", "register", &directory]).with_code(5).stderr;
    assert_says(&refused, &["+ http POST https://*.b.example/ (writes)", "--grant"]);
    let version = || host.get("/packs/mine").with_status(200).json()["version"].clone();
    assert_eq!(version(), json!("1.0.0"));
    host.ok(&["pack", "register", &directory, "--grant"]);
    assert_eq!(version(), json!("2.0.0"));
    let shown = host.get("/packs/mine/grants").with_status(200).json();
    assert_eq!(shown["ceiling"], json!({"http": ["https://a.example/"]}), "{shown}");
    let granted: Vec<_> =
        shown["asks"].as_array().unwrap().iter().map(|ask| ask["granted"].clone()).collect();
    assert_eq!(granted, [json!("all"), json!("nothing")], "{shown}");
    for (words, says) in
        [("htp=https://a.example", "did you mean http?"), ("http=https://c.example", "it asks for")]
    {
        assert_says(&host.cli(&["pack", "grant", "mine", words]).with_code(2).stderr, &[says]);
    }
    write("2.0.1", "{reason: reads, hst: a.example}");
    assert_says(&host.cli(&["pack", "register", &directory]).with_code(2).stderr, &["did you mean host?"]);
    host.post("/users", &json!({"name": "ada", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "ada"})).with_status(201).json();
    let ada = format!("St2-Api-Key: {}\r\nContent-Type: application/json\r\n", key["key"].as_str().unwrap());
    for (method, path, body) in [
        ("PUT", "/packs/mine/grants", json!({"all": true})),
        ("DELETE", "/packs/mine/grants", Value::Null),
        ("POST", "/packs/register", json!({"path": directory, "grant": true})),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = host.send_plain(method, &format!("/api/v1{path}"), &ada, body.as_bytes());
        assert_says(&answer.with_status(403).body, &["may not grant anything to packs"]);
    }
    host.ok(&["pack", "revoke", "mine", "--all"]);
    assert_eq!(host.get("/packs/mine/grants").with_status(200).json()["grants"], json!([]));
    host.stop();
}
