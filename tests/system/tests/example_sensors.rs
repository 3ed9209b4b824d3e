//! The examples that are sensors in components, against stand-ins for the servers that they watch: a search that counts, a
//! stream that breaks, and a sender that signs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use petrel_system_tests::{Host, PATIENCE, Place, assert_says, eventually, skip};
use petrel_test_components::{ELASTICSEARCH, HOOK, STREAM};
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// What GitHub sends about a push, and its signature with the secret `hush`, made by openssl.
const PUSH: &str =
    r#"{"ref":"refs/heads/main","after":"59b20b8d","repository":{"full_name":"octocat/hello-world"}}"#;
const SIGNATURE: &str = "07abe204937930b31e1f547d34c72ebe38d093070512efa7d8baafabb36d7e2d";

/// Copies a pack into a place, with its component where the page has it copied to.
fn lay_out(place: &Place, directory: &str, component: &str) {
    let from = Path::new(ROOT).join(directory);
    let name = from.file_name().unwrap().to_str().unwrap();
    for folder in ["", "actions", "sensors", "rules"] {
        for entry in fs::read_dir(from.join(folder)).into_iter().flatten() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|ending| ending == "yaml") {
                let to = Path::new(name).join(file.strip_prefix(&from).unwrap());
                place.write(to.to_str().unwrap(), &fs::read_to_string(&file).unwrap());
            }
        }
    }
    fs::create_dir_all(place.path(&format!("{name}/wasm"))).unwrap();
    fs::copy(component, place.path(&format!("{name}/wasm/{name}.wasm"))).unwrap();
}

/// Registers the pack that is laid out, and configures it.
#[track_caller]
fn register(place: &Place, host: &Host<'_>, name: &str, configuration: &str) {
    let said = host.ok(&["pack", "register", &place.path(name)]).stderr;
    assert!(!said.contains("left out"), "{said}");
    let file = place.write(&format!("{name}-configuration.yaml"), configuration);
    host.ok(&["pack", "configure", name, &file]);
}

/// The head of a request in lower case, and its body.
fn received(connection: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        let line = line.to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// The sensor, once it has had so many events, all of which fit.
fn until_events(host: &Host<'_>, sensor: &str, count: u64) -> Value {
    let shown = eventually(&format!("{sensor} has had {count} events"), || {
        let shown = host.get(&format!("/sensortypes/{sensor}")).with_status(200).json();
        (shown["events"] == count).then_some(shown)
    });
    assert_eq!(shown["refused"], 0, "{shown}");
    shown
}

/// The messages that the rule of an example has echoed, sorted, once there are so many.
fn echoed(host: &Host<'_>, rule: &str, count: usize) -> Vec<String> {
    let ran = eventually(&format!("{rule} has run {count} times"), || {
        let ran = host.list(&format!("/executions?rule={rule}&status=succeeded"));
        (ran.len() == count).then_some(ran)
    });
    let messages = ran.iter().map(|one| one["parameters"]["message"].as_str().unwrap().to_owned());
    let mut messages: Vec<_> = messages.collect();
    messages.sort();
    messages
}

/// A search which finds as much as `count` says. Gives its address, and a channel with the queries.
fn search(count: &Arc<AtomicU64>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (give, queries) = mpsc::channel();
    let count = Arc::clone(count);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let (_, query) = received(&connection);
            let answer = json!({"count": count.load(Ordering::SeqCst), "_shards": {"total": 1}}).to_string();
            let length = answer.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
            );
            let _gone = connection.write_all(answer.as_bytes());
            if give.send(query).is_err() {
                return;
            }
        }
    });
    (url, queries)
}

#[test]
fn a_count_above_the_threshold_is_one_event() {
    let place = Place::default();
    let count = Arc::new(AtomicU64::new(3));
    let (url, queries) = search(&count);
    let host = place.start(&["--grant-url", &format!("elasticsearch={url}")]);
    lay_out(&place, "packs/elasticsearch", ELASTICSEARCH);
    let rule = fs::read_to_string(Path::new(ROOT).join("examples/elasticsearch/on_count.yaml")).unwrap();
    place.write("elasticsearch/rules/on_count.yaml", &rule);
    let configuration =
        format!("url: {url}\nindex: logs\nthreshold: 10\nquery: {{match: {{level: error}}}}\n");
    register(&place, &host, "elasticsearch", &configuration);
    let query: Value = serde_json::from_str(&queries.recv_timeout(PATIENCE).unwrap()).unwrap();
    assert_eq!(query, json!({"query": {"match": {"level": "error"}}}));
    // A sensor is not polled while it is being polled.
    let until_polled = |times: u64| {
        eventually("the poll has ended", || {
            let shown = host.get("/sensortypes/elasticsearch.count").with_status(200).json();
            (shown["polls"] == times && shown["running"] == false).then_some(())
        });
    };
    until_polled(1);
    // It rises, is still above, and rises again.
    for (times, found, events) in [(2, 11, 1), (3, 12, 1), (4, 2, 1), (5, 13, 2)] {
        count.store(found, Ordering::SeqCst);
        host.ok(&["sensor", "poll", "elasticsearch.count"]);
        until_polled(times);
        until_events(&host, "elasticsearch.count", events);
    }
    let expected = ["11 found, more than 10", "13 found, more than 10"];
    assert_eq!(echoed(&host, "elasticsearch.on_count", 2), expected);
    host.stop();
}

#[test]
fn the_rule_of_a_published_tutorial_on_a_count() {
    let Some(root) = std::env::var_os("PETREL_SCENARIOS") else {
        skip("PETREL_SCENARIOS, the directory of the tutorials' files, is not set");
        return;
    };
    let rule = Path::new(&root).join("rules/elasticsearch-count.json");
    let place = Place::default();
    let (url, queries) = search(&Arc::new(AtomicU64::new(11)));
    let host = place.start(&["--grant-url", &format!("elasticsearch={url}")]);
    lay_out(&place, "packs/elasticsearch", ELASTICSEARCH);
    // The action of the tutorial's pack talks to a search; this one writes down what it is given.
    let command = format!(
        "echo {{{{ host }}}} {{{{ port }}}} {{{{ name }}}} {{{{ log_level }}}} > {}",
        place.path("made")
    );
    place.write(
        "elasticsearch/actions/create_index.yaml",
        &format!("name: indices.create_index\nrunner_type: local-shell-cmd\nentry_point: ''\nenabled: true\nparameters:\n  host: {{type: string}}\n  port: {{type: string}}\n  name: {{type: string}}\n  log_level: {{type: string}}\n  cmd: {{immutable: true, default: '{command}'}}\n"),
    );
    register(&place, &host, "elasticsearch", &format!("url: {url}\nindex: logs\nthreshold: 10\n"));
    host.ok(&["rule", "create", rule.to_str().unwrap()]);
    let made = host.get("/rules/ineat.sample2_rule_with_es").with_status(200).json();
    assert_eq!(made["trigger"]["parameters"], json!({"query": "{\"match\":\"testing\"}"}));
    eventually("no poll goes on, and another one begins", || {
        (host.cli(&["sensor", "poll", "elasticsearch.count"]).code == 0).then_some(())
    });
    let asked = eventually("the sensor asks for what the rule wants to know", || {
        let query: Value = serde_json::from_str(&queries.try_recv().ok()?).unwrap();
        (query["query"]["match"] == "testing").then_some(query)
    });
    assert_eq!(asked, json!({"query": {"match": "testing"}}));
    let trigger = &made["trigger"]["ref"];
    eventually("the event is of the trigger of the rule", || {
        let events = host.list("/triggerinstances?trigger_type=elasticsearch.count_event");
        events.iter().any(|event| event["trigger"] == *trigger).then_some(())
    });
    eventually("the rule has run the action", || {
        let ran = host.list("/executions?action=elasticsearch.indices.create_index&status=succeeded");
        (ran.len() == 1).then_some(())
    });
    assert_eq!(place.read("made"), "192.168.43.53 9200 ssz-%Y.%m.%d WARNING\n");
    host.stop();
}

/// A stream whose connections each send one of these texts. All but the last one break then. Gives its address, and a
/// channel with the last id that each connection goes on from.
fn stream(texts: Vec<&'static str>) -> (String, mpsc::Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let (give, ids) = mpsc::channel();
    thread::spawn(move || {
        let last = texts.len() - 1;
        let mut open = Vec::new();
        for (number, text) in texts.into_iter().enumerate() {
            let (mut connection, _) = listener.accept().unwrap();
            let (head, _) = received(&connection);
            let id = head.lines().find_map(|line| line.strip_prefix("last-event-id: ").map(str::to_owned));
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{text}");
            connection.write_all(answer.as_bytes()).unwrap();
            if number == last {
                open.push(connection);
            }
            give.send(id).unwrap();
        }
        // It stays open for as long as the test lasts.
        loop {
            thread::park();
        }
    });
    (url, ids)
}

#[test]
fn a_stream_goes_on_after_its_last_message() {
    let place = Place::default();
    let (url, ids) = stream(vec![
        "retry: 50\n\n: hello\n\nid: 1\nevent: deploy\ndata: first\n\nid: 2\ndata: cut",
        "id: 1\nevent: deploy\ndata: first\n\nid: 2\ndata: second\ndata: line\n\n",
        ": nothing new\n\nid: 3\ndata: third\n\n",
    ]);
    let host = place.start(&["--grant-url", &format!("stream={url}")]);
    lay_out(&place, "examples/stream", STREAM);
    register(&place, &host, "stream", &format!("url: {url}\n"));
    let asked: Vec<_> = (0..3).map(|_| ids.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(asked, [None, Some("1".to_owned()), Some("2".to_owned())]);
    // The last connection is open, and its message has come.
    let messages = echoed(&host, "stream.on_message", 3);
    assert_eq!(messages, ["deploy: first", "message: second\nline", "message: third"]);
    let shown = host.get("/sensortypes/stream.messages").with_status(200).json();
    assert_eq!((&shown["refused"], &shown["health"]), (&json!(0), &json!("ok")), "{shown}");
    host.stop();
}

#[test]
fn a_sensor_verifies_the_signature_of_its_requests() {
    let place = Place::default();
    let host = place.start(&[]);
    lay_out(&place, "examples/hook", HOOK);
    register(&place, &host, "hook", "secret: hush\n");
    let send = |event: &str, signature: &str, delivery: &str, body: &str| {
        let head = format!(
            "Content-Type: application/json\r\nX-GitHub-Event: {event}\r\nX-Hub-Signature-256: sha256={signature}\r\nX-GitHub-Delivery: {delivery}\r\n"
        );
        host.send_plain("POST", "/api/v1/sensors/hook.github/webhook", &head, body.as_bytes())
    };
    let wrong = SIGNATURE.replace('0', "1");
    let refused = eventually("the sensor is ready", || {
        Some(send("push", &wrong, "d1", PUSH)).filter(|answer| answer.status != 503)
    });
    assert_says(&refused.with_status(401).body, &["the signature is missing or wrong"]);
    for (event, signature, body, status) in [
        ("push", SIGNATURE, "{}", 401),
        ("push", "", PUSH, 401),
        ("ping", SIGNATURE, PUSH, 200),
        ("push", SIGNATURE, PUSH, 202),
        // GitHub delivers it again.
        ("push", SIGNATURE, PUSH, 202),
    ] {
        send(event, signature, "d1", body).with_status(status);
    }
    until_events(&host, "hook.github", 1);
    assert_eq!(echoed(&host, "hook.on_push", 1), ["octocat/hello-world refs/heads/main"]);
    let events = host.list("/triggerinstances?trigger_type=hook.push");
    let payload = events.first().unwrap()["payload"].clone();
    let expected =
        json!({"repository": "octocat/hello-world", "reference": "refs/heads/main", "revision": "59b20b8d"});
    assert_eq!(payload, expected);
    host.stop();
}
