//! The ready-made packs of the binary, against a stand-in for the servers that they call: each action once, and each sensor that
//! takes requests or follows a stream. The sensor that counts is in `example_sensors`; what each makes of other answers is tested
//! beside its source.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use petrel_system_tests::{Host, Place, eventually};
use serde_json::{Value, json};

/// The packs, and their configurations. `URL` is the address of the stand-in.
const PACKS: [(&str, &str); 7] = [
    ("elasticsearch", "url: URL\nindex: logs\nthreshold: 10\n"),
    ("github", "url: URL\ntoken: hush\nsecret: hush\n"),
    ("http", "base_url: URL\ntoken: hush\n"),
    ("json", ""),
    ("kubernetes", "url: URL\ntoken: hush\nnamespace: shop\n"),
    ("prometheus", "url: URL\nwebhook_token: hush\n"),
    ("slack", "url: URL/api\ntoken: hush\nchannel: '#general'\nwebhook_url: URL/services/T0\n"),
];

/// A run of an action.
struct Run {
    action: &'static str,
    parameters: &'static str,
    /// The method and the path that the stand-in is asked for; empty if it is not.
    asked: &'static str,
    /// The body of its answer.
    answer: &'static str,
    result: &'static str,
}

const RUNS: [Run; 16] = [
    Run {
        action: "http.request",
        parameters: r#"{"url": "/things", "method": "POST", "query": {"n": 1}, "json": {"a": 1}}"#,
        asked: "POST /things?n=1",
        answer: r#"{"b": 2}"#,
        result: r#"{"status_code": 200, "body": {"b": 2}, "parsed": true}"#,
    },
    Run {
        action: "json.query",
        parameters: r#"{"value": {"a": [{"b": 1}, {"b": 2}]}, "path": "$.a[*].b"}"#,
        asked: "",
        answer: "",
        result: r#"{"first": 1, "all": [1, 2], "count": 2}"#,
    },
    Run {
        action: "json.transform",
        parameters: r#"{"value": {"a": [{"b": 1}]}, "fields": {"x": "/a/0/b"}}"#,
        asked: "",
        answer: "",
        result: r#"{"value": {"x": 1}}"#,
    },
    Run {
        action: "json.merge",
        parameters: r#"{"values": [{"a": 1}, {"b": 2}]}"#,
        asked: "",
        answer: "",
        result: r#"{"value": {"a": 1, "b": 2}}"#,
    },
    Run {
        action: "json.diff",
        parameters: r#"{"before": {"a": 1}, "after": {"a": 2}}"#,
        asked: "",
        answer: "",
        result: r#"{"equal": false, "changes": [{"op": "replace", "path": "/a", "value": 2, "before": 1}]}"#,
    },
    Run {
        action: "github.create_issue",
        parameters: r#"{"repository": "octocat/hello-world", "title": "t"}"#,
        asked: "POST /repos/octocat/hello-world/issues",
        answer: r#"{"number": 7, "html_url": "https://github.example/7"}"#,
        result: r#"{"number": 7, "url": "https://github.example/7"}"#,
    },
    Run {
        action: "github.add_comment",
        parameters: r#"{"repository": "octocat/hello-world", "number": 7, "body": "b"}"#,
        asked: "POST /repos/octocat/hello-world/issues/7/comments",
        answer: r#"{"id": 70, "html_url": "https://github.example/70"}"#,
        result: r#"{"id": 70, "url": "https://github.example/70"}"#,
    },
    Run {
        action: "github.dispatch_event",
        parameters: r#"{"repository": "octocat/hello-world", "event_type": "go"}"#,
        asked: "POST /repos/octocat/hello-world/dispatches",
        answer: "",
        result: r#"{"ok": true}"#,
    },
    Run {
        action: "github.dispatch_workflow",
        parameters: r#"{"repository": "octocat/hello-world", "workflow": "ci.yaml", "ref": "main"}"#,
        asked: "POST /repos/octocat/hello-world/actions/workflows/ci.yaml/dispatches",
        answer: "",
        result: r#"{"ok": true}"#,
    },
    Run {
        action: "slack.post_message",
        parameters: r#"{"text": "hello"}"#,
        asked: "POST /api/chat.postMessage",
        answer: r#"{"ok": true, "channel": "C1", "ts": "1.5"}"#,
        result: r#"{"channel": "C1", "ts": "1.5"}"#,
    },
    Run {
        action: "slack.post_webhook",
        parameters: r#"{"text": "hello"}"#,
        asked: "POST /services/T0",
        answer: "ok",
        result: r#"{"ok": true}"#,
    },
    Run {
        action: "prometheus.query",
        parameters: r#"{"query": "up"}"#,
        asked: "GET /api/v1/query?query=up",
        answer: r#"{"data": {"resultType": "scalar", "result": [1.5, "3"]}}"#,
        result: r#"{"kind": "scalar", "samples": [{"labels": {}, "time": 1.5, "value": "3"}], "count": 1}"#,
    },
    Run {
        action: "elasticsearch.index",
        parameters: r#"{"index": "logs", "document": {"level": "error"}, "id": "7"}"#,
        asked: "PUT /logs/_doc/7",
        answer: r#"{"_index": "logs", "_id": "7", "_version": 1, "result": "created"}"#,
        result: r#"{"index": "logs", "id": "7", "version": 1, "result": "created"}"#,
    },
    Run {
        action: "elasticsearch.search",
        parameters: r#"{"index": "logs"}"#,
        asked: "POST /logs/_search",
        answer: r#"{"hits": {"total": {"value": 1}, "hits": [{"_index": "logs", "_id": "7", "_source": {"a": 1}}]}}"#,
        result: r#"{"total": 1, "hits": [{"index": "logs", "id": "7", "document": {"a": 1}}]}"#,
    },
    Run {
        action: "kubernetes.get",
        parameters: r#"{"resource": "pods", "name": "web-1"}"#,
        asked: "GET /api/v1/namespaces/shop/pods/web-1",
        answer: r#"{"kind": "Pod", "metadata": {"name": "web-1", "managedFields": []}}"#,
        result: r#"{"objects": [{"kind": "Pod", "metadata": {"name": "web-1"}}], "count": 1, "more": false}"#,
    },
    Run {
        action: "kubernetes.scale",
        parameters: r#"{"kind": "deployment", "name": "web", "replicas": 3}"#,
        asked: "PATCH /apis/apps/v1/namespaces/shop/deployments/web/scale",
        answer: r#"{"spec": {"replicas": 3}, "status": {"replicas": 1}}"#,
        result: r#"{"wanted": 3, "running": 1}"#,
    },
];

/// What else the stand-in is asked for, and answers. The time of the restart is the host's own, so it is no row above.
const MORE: [(&str, &str); 3] = [
    (
        "PATCH /apis/apps/v1/namespaces/shop/deployments/web",
        r#"{"kind": "Deployment", "metadata": {"name": "web"}}"#,
    ),
    ("GET /api/v1/pods?limit=1", r#"{"metadata": {"resourceVersion": "10"}, "items": []}"#),
    (
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=240&resourceVersion=10",
        "{\"type\": \"ADDED\", \"object\": {\"kind\": \"Pod\", \"metadata\": {\"name\": \"web-2\", \"namespace\": \"shop\", \"uid\": \"u\", \"resourceVersion\": \"11\"}}}\n",
    ),
];

/// What GitHub sends about a push, and its signature with the secret `hush`, made by openssl.
const PUSH: &str =
    r#"{"ref":"refs/heads/main","after":"59b20b8d","repository":{"full_name":"octocat/hello-world"}}"#;
const SIGNATURE: &str = "07abe204937930b31e1f547d34c72ebe38d093070512efa7d8baafabb36d7e2d";
/// What an Alertmanager sends about an alert.
const ALERTS: &str = r#"{"version": "4", "groupKey": "g", "receiver": "petrel", "status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "Slow"}, "annotations": {}, "startsAt": "2026-11-30T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "f1"}]}"#;

/// The method and the path of a request, which is read to its end.
fn received(connection: &TcpStream) -> String {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    first.rsplit_once(" HTTP/").map(|(asked, _)| asked.to_owned()).unwrap_or_default()
}

/// A server that answers as the tables above say, and lets anything else wait. Gives its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut waiting = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let asked = received(&connection);
            let mut rows = RUNS.iter().map(|run| (run.asked, run.answer)).chain(MORE);
            let Some((_, answer)) = rows.find(|(known, _)| *known == asked) else {
                waiting.push(connection);
                continue;
            };
            let length = answer.len();
            let kind = if answer.starts_with('{') { "application/json" } else { "text/plain" };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}");
            let whole = format!("{head}\r\nconnection: close\r\n\r\n{answer}");
            drop(connection.write_all(whole.as_bytes()));
        }
    });
    url
}

/// Starts a host with these packs, configured and granted the stand-in.
fn start<'a>(place: &'a Place, url: &str, packs: &[&str]) -> Host<'a> {
    let grants: Vec<_> =
        packs.iter().flat_map(|pack| ["--grant-url".to_owned(), format!("{pack}={url}")]).collect();
    let grants: Vec<_> = grants.iter().map(String::as_str).collect();
    let host = place.start(&grants);
    for (pack, configuration) in PACKS.into_iter().filter(|(pack, _)| packs.contains(pack)) {
        host.ok(&["pack", "install", &format!("builtin:{pack}")]);
        if !configuration.is_empty() {
            let file = place.write(&format!("{pack}.yaml"), &configuration.replace("URL", url));
            host.ok(&["pack", "configure", pack, &file]);
        }
    }
    host
}

/// The payload of the only event of a trigger type, once it is there.
fn told(host: &Host<'_>, kind: &str) -> Value {
    eventually(&format!("there is an event of {kind}"), || {
        let events = host.list(&format!("/triggerinstances?trigger_type={kind}"));
        events.into_iter().next().and_then(|event| event.get("payload").cloned())
    })
}

/// Whether `whole` has all that `part` has.
fn has(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|whole| has(whole, value)))
        }
        _ => whole == part,
    }
}

#[test]
fn each_action_does_what_it_is_for() {
    let (place, url) = (Place::default(), serve());
    let host = start(&place, &url, &PACKS.map(|(pack, _)| pack));
    for run in &RUNS {
        let parameters: Value = serde_json::from_str(run.parameters).unwrap();
        let id = host.request(&json!({"action": run.action, "parameters": parameters}));
        let ran = host.until(&id, "succeeded");
        let expected: Value = serde_json::from_str(run.result).unwrap();
        assert!(has(&ran["result"], &expected), "{}: {}", run.action, ran["result"]);
    }
    let object = json!({"kind": "deployment", "name": "web"});
    let id = host.request(&json!({"action": "kubernetes.rollout_restart", "parameters": object}));
    let ran = host.until(&id, "succeeded");
    assert!(ran["result"]["restarted_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{ran}");
    host.stop();
}

#[test]
fn what_is_not_granted_is_denied() {
    let (place, url) = (Place::default(), serve());
    let host = start(&place, &url, &["json"]);
    host.ok(&["pack", "install", "builtin:http"]);
    let id = host.request(&json!({"action": "http.request", "parameters": {"url": format!("{url}/things")}}));
    let ran = host.until(&id, "failed");
    assert!(ran["result"].to_string().contains("denied.http"), "{ran}");
    // The address of a webhook is a secret.
    host.ok(&["pack", "install", "builtin:slack"]);
    let file = place.write("slack.yaml", &format!("webhook_url: {url}/services/hush\n"));
    host.ok(&["pack", "configure", "slack", &file]);
    let id = host.request(&json!({"action": "slack.post_webhook", "parameters": {"text": "hello"}}));
    let ran = host.until(&id, "failed").to_string();
    assert!(ran.contains("denied.http") && !ran.contains("hush"), "{ran}");
    host.stop();
}

#[test]
fn each_sensor_tells_of_what_it_notices() {
    let (place, url) = (Place::default(), serve());
    let host = start(&place, &url, &["github", "prometheus", "kubernetes"]);
    let rule = json!({
        "name": "on_pod", "pack": "examples", "enabled": true, "action": {"ref": "core.noop"},
        "trigger": {"type": "kubernetes.change", "parameters": {}},
    });
    host.post("/rules", &rule).with_status(201);
    for (sensor, head, wrong, body) in [
        (
            "github.webhook",
            format!(
                "X-GitHub-Event: push\r\nX-GitHub-Delivery: d1\r\nX-Hub-Signature-256: sha256={SIGNATURE}\r\n"
            ),
            "X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=00\r\n",
            PUSH,
        ),
        (
            "prometheus.alertmanager",
            "Authorization: Bearer hush\r\n".to_owned(),
            "Authorization: Bearer rush\r\n",
            ALERTS,
        ),
    ] {
        let path = format!("/api/v1/sensors/{sensor}/webhook");
        let send = |head: &str| {
            let head = format!("Content-Type: application/json\r\n{head}");
            host.send_plain("POST", &path, &head, body.as_bytes())
        };
        let refused = eventually(&format!("{sensor} is ready"), || {
            Some(send(wrong)).filter(|answer| answer.status != 503)
        });
        refused.with_status(401);
        send(&head).with_status(202);
        // It is sent again, and is no further event.
        send(&head).with_status(202);
    }
    for (kind, expected) in [
        ("github.event", json!({"event": "push", "repository": "octocat/hello-world", "delivery": "d1"})),
        ("prometheus.alert", json!({"name": "Slow", "status": "firing", "receiver": "petrel"})),
        ("kubernetes.change", json!({"change": "added", "name": "web-2", "namespace": "shop"})),
    ] {
        let payload = told(&host, kind);
        assert!(has(&payload, &expected), "{kind}: {payload}");
        assert_eq!(host.list(&format!("/triggerinstances?trigger_type={kind}")).len(), 1, "{kind}");
    }
    host.stop();
}
