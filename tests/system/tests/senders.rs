//! Webhooks as those send them that are widely used: how they sign in, how they write a body, and how they end a
//! connection.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use petrel_system_tests::{Host, PATIENCE, Place, assert_says};
use serde_json::{Value, json};

const RULE: &str = "
name: senders
pack: examples
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: in}}
action: {ref: core.noop}
";

#[test]
fn a_webhook_takes_what_its_senders_send() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let key = host.post("/apikeys", &json!({"metadata": {"used_by": "me"}})).with_status(201).json();
    let key = key["key"].as_str().unwrap();
    let part = |head: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let file = part("name=\"thumb\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg", "\u{1}\u{2}");
    let parts = part("name=\"payload\"", "{\"event\": \"media.play\"}") + &file + "--x--\r\n";
    let alerts = "{\"version\": \"4\", \"alerts\": []}";
    let bearer = format!("Authorization: Bearer {key}\r\n");
    let named = json!({"filename": "a.jpg", "content_type": "image/jpeg", "size": 2});
    for (sender, query, head, kind, body, expected) in [
        (
            "Alertmanager",
            "",
            bearer.as_str(),
            "application/json",
            alerts,
            json!({"version": "4", "alerts": []}),
        ),
        (
            "CloudEvents",
            "",
            &bearer,
            "Application/CloudEvents+JSON",
            alerts,
            json!({"version": "4", "alerts": []}),
        ),
        ("GitHub, JSON", key, "", "application/json", "{\"zen\": \"x\"}", json!({"zen": "x"})),
        (
            "GitHub, form",
            key,
            "",
            "application/x-www-form-urlencoded",
            "payload=%7B%7D",
            json!({"payload": ["{}"]}),
        ),
        (
            "Plex",
            key,
            "",
            "multipart/form-data; boundary=x",
            &parts,
            json!({"payload": ["{\"event\": \"media.play\"}"], "thumb": [named]}),
        ),
    ] {
        let query = if query.is_empty() { String::new() } else { format!("?st2-api-key={query}") };
        let head = format!("{head}Content-Type: {kind}\r\n");
        let path = format!("/api/v1/webhooks/in{query}");
        let answer = host.send_plain("POST", &path, &head, body.as_bytes()).with_status(202);
        assert_eq!(answer.json(), expected, "{sender}");
        let stored = host.get(&format!("/triggerinstances/{}", answer.header("x-trigger-instance-id")));
        assert_eq!(stored.with_status(200).json()["payload"]["body"], expected, "{sender}");
    }
    host.stop();
}

#[test]
fn a_large_form_is_taken_and_a_broken_one_leaves_nothing_behind() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let send = |body: &[u8]| {
        host.try_send("POST", "/webhooks/in", "Content-Type: multipart/form-data; boundary=x\r\n", body)
            .unwrap()
    };
    let large = "y".repeat(1 << 20);
    let form = format!(
        "--x\r\nContent-Disposition: form-data; name=text\r\n\r\n{large}\r\n--x\r\n\
         Content-Disposition: form-data; name=f; filename=b\r\n\r\n{large}\r\n--x--\r\n"
    );
    let taken: Value = send(form.as_bytes()).with_status(202).json();
    assert_eq!(
        (taken["text"][0].as_str().map(str::len), &taken["f"][0]["size"]),
        (Some(1 << 20), &json!(1 << 20))
    );
    let many = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n".repeat(1002);
    for (body, says) in [
        ("name=test", "its boundary is not in it"),
        (&form[..form.len() / 2], "it breaks off"),
        (many.as_str(), "more than 1000 parts"),
    ] {
        let [code, message, hint] = send(body.as_bytes()).with_status(400).error();
        assert_eq!(code, "invalid");
        assert_says(&message, &["the body is not a valid multipart form", says]);
        assert_says(&hint, &["multipart/form-data"]);
    }
    assert_eq!(send(&vec![b'-'; 11 << 20]).status, 413);
    assert_eq!(host.list("/triggerinstances").len(), 1);
    host.stop();
}

/// What is answered to who sends this and ends its own half of the connection then, as `nc -N` does.
fn half_closed(host: &Host<'_>, request: &str) -> String {
    let mut stream = TcpStream::connect(&host.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A request to a path below `/api/v1`, with these lines of the head.
fn request(host: &Host<'_>, method: &str, path: &str, head: &str, body: &str) -> String {
    format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: {}\r\n{head}Content-Length: {}\r\n\r\n{body}",
        host.token,
        body.len()
    )
}

#[test]
fn a_sender_that_half_closes_after_its_request_is_answered() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let event = request(&host, "POST", "/webhooks/in", "", "{\"a\": 1}");
    let last = request(&host, "POST", "/webhooks/in", "Connection: close\r\n", "{\"a\": 1}");
    let waits = request(&host, "POST", "/webhooks/in", "Prefer: wait=30\r\n", "{\"a\": 1}");
    let cut = &event[..event.len() - 3];
    let whole_list = request(&host, "GET", "/triggertypes", "", "");
    for (name, sent, statuses, says) in [
        ("one", event.clone(), &["202"][..], "x-execution-ids"),
        ("one that closes", last, &["202"], "x-execution-ids"),
        ("one that waits", waits, &["202"], "x-execution-statuses: succeeded"),
        ("pipelined", event.repeat(5), &["202"; 5], "x-execution-ids"),
        ("a long answer", whole_list, &["200"], "core.st2.webhook"),
        ("within the body", cut.to_owned(), &["400"], "the body cannot be read"),
        ("within the second one", event.clone() + cut, &["202", "400"], "the body cannot be read"),
    ] {
        let answer = half_closed(&host, &sent);
        // The next one begins behind the body of the one before, in its line.
        let found = answer.split("HTTP/1.1 ").skip(1).filter_map(|one| one.split(' ').next());
        assert_eq!(found.collect::<Vec<_>>(), statuses, "{name}: {answer}");
        assert!(answer.contains(says), "{name}: {answer}");
    }
    // What is no request yet is answered by nothing, or as one that cannot be read.
    for sent in ["", "POST /api/v1/webh", "POST /api/v1/webhooks/in HTTP/1.1\r\nHost: petrel\r\n"] {
        let answer = half_closed(&host, sent);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{sent:?}: {answer}");
    }
    assert_eq!(host.list("/triggerinstances").len(), 9);
    host.stop();
}

#[test]
fn who_has_gone_is_not_waited_for() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = host.request(&json!({"action": "core.noop", "delay": 600_000}));
    let started = Instant::now();
    // It looks as one that waits for its answer; and this one would come after a minute.
    let answer = half_closed(&host, &request(&host, "GET", &format!("/executions/{id}?wait=60"), "", ""));
    assert_eq!(answer, "");
    let waited = started.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(58)).contains(&waited), "{waited:?}");
    host.stop();
}

#[test]
fn an_encoded_body_is_refused_on_every_route() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let body = b"{\"action\": \"core.noop\"}";
    for (method, path) in
        [("POST", "/webhooks/in"), ("POST", "/executions"), ("POST", "/rules"), ("PUT", "/keys/k")]
    {
        for encoding in ["gzip", "deflate", "br", "identity, gzip"] {
            let head = format!("Content-Type: application/json\r\nContent-Encoding: {encoding}\r\n");
            let refused = host.try_send(method, path, &head, body).unwrap().with_status(415);
            assert_eq!(refused.header("accept-encoding"), "identity");
            let [code, message, hint] = refused.error();
            assert_eq!(code, "encoded", "{path}");
            assert_says(&message, &["content-encoding", encoding.trim_start_matches("identity, ")]);
            assert_says(&hint, &["without the header Content-Encoding"]);
        }
    }
    assert_eq!(host.list("/triggerinstances").len(), 0);
    let plain = host.try_send("POST", "/webhooks/in", "Content-Encoding: identity\r\n", body).unwrap();
    plain.with_status(202);
    host.stop();
}

#[test]
fn a_request_without_one_host_or_with_another_expectation_is_refused() {
    let place = Place::default();
    let host = place.start(&[]);
    for (head, status) in [
        ("Host: petrel\r\n", 200),
        ("", 400),
        ("Host: petrel\r\nHost: petrel\r\n", 400),
        ("Host: petrel\r\nExpect: 200-maybe\r\n", 417),
    ] {
        let mut stream = TcpStream::connect(&host.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\n{head}\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{head:?}");
    }
    host.stop();
}
