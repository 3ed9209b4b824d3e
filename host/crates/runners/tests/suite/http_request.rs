//! Requests of HTTP actions, and results of their executions, with a server on this machine.

use std::time::{Duration, Instant};

use petrel_runners::http_request::{HttpRequest, Options};
use petrel_runners::{Call, End, Outcome, OutputSink, Runner};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::call_of;

mod packed;

/// Largest body that the tests accept, in bytes.
const LIMIT: usize = 10_000;

/// Starts a server that answers by the path of a request. Returns its address.
async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

/// Answers one request: `/echo` with the request as JSON, other paths as their names say.
async fn answer(mut stream: TcpStream) {
    let (head, body) = read(&mut stream).await;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let json = "Content-Type: application/json\r\n";
    let (status, headers, body) = match path.split('?').next().unwrap_or_default() {
        "/echo" => ("200 OK", json.to_owned(), json!({"head": head, "body": body}).to_string()),
        "/away" => ("302 Found", "Location: /text\r\n".into(), String::new()),
        "/elsewhere" => ("302 Found", "Location: http://example.com/\r\n".into(), String::new()),
        "/missing" => ("404 Not Found", json.into(), "{\"error\": \"none\"}".into()),
        "/text" => ("200 OK", "Content-Type: text/plain\r\nX-Two: a\r\nX-Two: b\r\n".into(), "[1]".into()),
        "/large" => ("200 OK", String::new(), "x".repeat(LIMIT + 1)),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(90)).await;
            return;
        }
        _ => ("500 Oh", String::new(), String::new()),
    };
    if let Some(answer) = packed::answer(&path) {
        drop(stream.write_all(&answer).await);
        return;
    }
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    drop(stream.write_all(answer.as_bytes()).await);
}

async fn read(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if count == 0 || body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return (head, body.to_owned());
            }
        } else if count == 0 || !text.starts_with(|first: char| first.is_ascii_uppercase()) {
            // A client that speaks TLS sends no more until it gets an answer.
            return (text, String::new());
        }
    }
}

fn runner() -> HttpRequest {
    HttpRequest::new(Options { body_limit: LIMIT })
}

fn call(parameters: Value) -> Call {
    let action = json!({"ref": "core.http", "runner_type": "http-request"});
    call_of(action, parameters, &std::env::temp_dir())
}

async fn run(parameters: Value) -> Outcome {
    runner().run(call(parameters), OutputSink::new(10), CancellationToken::new()).await
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_asked() {
    let url = format!("{}/echo", server().await);
    let json_header = json!({"content-type": "application/json"});
    for (parameters, heads, body) in [
        (json!({}), &["get /echo http/1.1", "x-stanley-action: http", "user-agent: petrel/"][..], ""),
        (json!({"body": "a=b"}), &["post /echo "], "a=b"),
        (json!({"method": "put", "body": "x"}), &["put /echo "], "x"),
        (
            json!({"params": {"q": "a b&c", "n": 1, "l": [1, 2], "z": null}}),
            &["/echo?q=a+b%26c&n=1&l=1&l=2 "],
            "",
        ),
        (json!({}), &["accept-encoding: gzip, deflate, br, zstd"], ""),
        (json!({"headers": {"accept-encoding": "br"}}), &["accept-encoding: br\r\n"], ""),
        (json!({"headers": {"X-A": 5, "User-Agent": "me"}}), &["x-a: 5", "user-agent: me"], ""),
        (json!({"cookies": {"a": "1", "b": "2"}}), &["cookie: a=1; b=2"], ""),
        (json!({"username": "ann", "password": "pw"}), &["authorization: basic yw5uonb3"], ""),
        (json!({"auth": "x-auth-token=XYZ"}), &["x-auth-token: xyz"], ""),
        (json!({"headers": json_header, "body": "{\"a\":  [1]}"}), &["post"], "{\"a\":[1]}"),
        (json!({"headers": json_header, "body": "{'a': None}"}), &["post"], "{\"a\":null}"),
        (json!({"headers": json_header, "body": {"a": 1}}), &["post"], "{\"a\":1}"),
        (
            json!({"headers": {"Content-Type": "Application/Problem+JSON; charset=utf-8"}, "body": {"a": 1}}),
            &["content-type: application/problem+json; charset=utf-8"],
            "{\"a\":1}",
        ),
        (
            json!({"body": {"a": "x y", "b": 1}}),
            &["content-type: application/x-www-form-urlencoded"],
            "a=x+y&b=1",
        ),
    ] {
        let mut all = parameters.as_object().cloned().unwrap();
        all.insert("url".into(), url.as_str().into());
        let outcome = run(all.into()).await;
        assert_eq!(outcome.end, End::Succeeded, "{parameters}: {outcome:?}");
        let sent = &outcome.result["body"];
        let head = sent["head"].as_str().unwrap();
        assert!(heads.iter().all(|part| head.contains(part)), "{parameters}: {head}");
        assert_eq!(sent["body"], body, "{parameters}");
    }
    // A part of a compressed answer cannot be unpacked.
    let part = run(json!({"url": url, "headers": {"Range": "bytes=0-9"}})).await.result["body"].clone();
    assert!(!part["head"].as_str().unwrap().contains("accept-encoding"), "{part}");
    let file =
        json!({"url": url, "file_name": "a.txt", "file_content": "hello", "file_content_type": "text/x"});
    let sent = run(file).await.result["body"].clone();
    assert!(sent["head"].as_str().unwrap().contains("content-type: multipart/form-data; boundary="));
    let body = sent["body"].as_str().unwrap();
    for part in ["name=\"a.txt\"; filename=\"a.txt\"", "Content-Type: text/x", "\r\nhello\r\n"] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn an_answer_becomes_the_result() {
    let server = server().await;
    let run_at = async |path: &str, more: Value| {
        let mut all = more.as_object().cloned().unwrap();
        all.insert("url".into(), format!("{server}{path}").into());
        run(all.into()).await
    };
    let text = run_at("/text", json!({})).await;
    assert_eq!(
        (text.end, &text.result["body"], &text.result["parsed"]),
        (End::Succeeded, &json!("[1]"), &json!(false))
    );
    assert_eq!(text.result["headers"]["X-Two"], "a, b");
    let missing = run_at("/missing", json!({})).await;
    assert_eq!((missing.end, &missing.result["status_code"]), (End::Failed, &json!(404)));
    assert_eq!(missing.result["body"], json!({"error": "none"}));
    let away = run_at("/away", json!({})).await;
    assert_eq!((away.end, &away.result["status_code"]), (End::Failed, &json!(302)));
    let followed = run_at("/away", json!({"allow_redirects": true})).await;
    assert_eq!((followed.end, &followed.result["body"]), (End::Succeeded, &json!("[1]")));
    let large = run_at("/large", json!({})).await;
    assert_eq!((large.end, &large.result["code"]), (End::Failed, &json!("limit.body")));
    let slow = run_at("/slow", json!({"timeout": 0.2})).await;
    assert_eq!((slow.end, &slow.result["code"]), (End::TimedOut, &json!("http.timeout")));
}

#[tokio::test]
async fn an_answer_is_unpacked_and_no_larger_than_it_may_be_then() {
    let server = server().await;
    let packed = async |name: &str, more: Value| {
        let mut all = more.as_object().cloned().unwrap();
        all.insert("url".into(), format!("{server}/packed/{name}").into());
        run(all.into()).await
    };
    for name in
        ["gzip", "members", "zlib", "headless", "brotli", "zstd", "frames", "layers", "strange", "plain"]
    {
        let outcome = packed(name, json!({})).await;
        let Outcome { end, result } = &outcome;
        assert_eq!(
            (end, &result["body"]),
            (&End::Succeeded, &json!({"a": "Gr\u{fc}\u{df}e"})),
            "{name}: {outcome:?}"
        );
        // The headers are unchanged.
        assert!(result["headers"]["Content-Encoding"].is_string(), "{name}: {outcome:?}");
    }
    for (name, code) in [
        ("damaged", "http.encoding"),
        ("other", "http.encoding"),
        ("changed", "http.encoding"),
        ("onion", "http.encoding"),
        ("bomb-gzip", "limit.body"),
        ("bomb-deflate", "limit.body"),
        ("bomb-br", "limit.body"),
        ("bomb-zstd", "limit.body"),
    ] {
        let outcome = packed(name, json!({})).await;
        assert_eq!(
            (outcome.end, &outcome.result["code"]),
            (End::Failed, &json!(code)),
            "{name}: {outcome:?}"
        );
    }
    let head = packed("gzip", json!({"method": "HEAD"})).await;
    assert_eq!((head.end, &head.result["body"]), (End::Succeeded, &json!("")));
}

#[tokio::test]
async fn a_cancel_ends_the_request() {
    let url = format!("{}/slow", server().await);
    let cancel = CancellationToken::new();
    let started = Instant::now();
    let running = tokio::spawn({
        let cancel = cancel.clone();
        async move { runner().run(call(json!({"url": url})), OutputSink::new(10), cancel).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    cancel.cancel();
    assert_eq!(running.await.unwrap().end, End::Canceled);
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn what_cannot_be_asked_says_why() {
    let server = server().await;
    for (parameters, code, says) in [
        (json!({}), "parameters.url", "no address"),
        (json!({"url": "example.com"}), "parameters.url", "https://example.com/path"),
        (json!({"url": "file:///etc/passwd"}), "parameters.url", "scheme file"),
        (json!({"url": server, "method": "A B"}), "parameters.method", "A B"),
        (json!({"url": server, "timeout": 0}), "parameters.timeout", "above 0"),
        (json!({"url": server, "headers": {"a b": "c"}}), "parameters.headers", "a b"),
        (json!({"url": server, "headers": {"a": "c\nd"}}), "parameters.headers", "line end"),
        (json!({"url": server, "auth": "secret"}), "parameters.auth", "NAME=VALUE"),
        (
            json!({"url": server, "headers": {"Content-Type": "application/json"}, "body": "{a"}),
            "parameters.body",
            "neither JSON",
        ),
        (json!({"url": server, "url_hosts_blacklist": ["127.0.0.1"]}), "parameters.url", "127.0.0.1"),
        (json!({"url": server, "url_hosts_whitelist": ["example.com"]}), "parameters.url", "whitelist"),
        (
            json!({"url": server, "url_hosts_whitelist": ["a"], "url_hosts_blacklist": ["b"]}),
            "parameters.url_hosts_blacklist",
            "exclude each other",
        ),
        (json!({"url": "http://127.0.0.1:1/"}), "http.failed", "GET http://127.0.0.1:1/ failed"),
        (json!({"url": server.replace("http", "https")}), "http.failed", "failed: the request: "),
    ] {
        let outcome = run(parameters.clone()).await;
        assert_eq!(
            (outcome.end, &outcome.result["code"]),
            (End::Failed, &json!(code)),
            "{parameters} {outcome:?}"
        );
        assert!(outcome.result.to_string().contains(says), "{outcome:?}");
    }
    // A redirect to a forbidden host is not followed.
    let elsewhere = json!({"url": format!("{server}/elsewhere"), "allow_redirects": true, "url_hosts_blacklist": ["example.com"]});
    let outcome = run(elsewhere).await;
    assert!(outcome.result["error"].as_str().unwrap().contains("url_hosts_blacklist"), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_that_was_cut_for_the_room_of_all_says_so() {
    let parameters = json!({"url": format!("{}/echo", server().await), "body": "x".repeat(600)});
    let outcome = runner().run(call(parameters), crate::crowded(), CancellationToken::new()).await;
    crate::assert_says_that_it_was_cut(&outcome);
}
