//! No private address is reached, whatever its form, and no request is more than it says.

use serde_json::json;

use super::attempts::{answer, granted};
use crate::asking;
use crate::requests::asking;
use crate::serving::Server;
use crate::support::{Subject, text};

#[tokio::test]
async fn no_private_address_is_reached_in_any_form() {
    let server = Server::start("hello").await;
    let port = server.url("/").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let subject = Subject::behave().entitled(asking("http://*:*", "http://*:*"));
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "me:word@127.0.0.1",
        "a.example@127.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[fd00::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        let done = subject.call("fetch", text(&format!("http://{host}:{port}/"))).await;
        assert_eq!(done.failure().0, "denied.http", "{host}: {done:?}");
    }
    assert!(server.requests().is_empty());
    subject.call("echo", json!({})).await.value();
}

#[tokio::test]
async fn a_redirect_into_a_private_network_leads_nowhere() {
    let inner = Server::start("inner").await;
    let server = Server::leading_to(inner.url("/")).await;
    let own = format!("private+{}", server.url("/"));
    let subject = Subject::behave().entitled(asking(&own, &own));
    assert_eq!(*subject.call("fetch", text(&server.url("/moved"))).await.value(), json!("302 moved"));
    let done = subject.call("fetch", text(&inner.url("/"))).await;
    assert_eq!(done.failure().0, "denied.http", "{done:?}");
    assert!(inner.requests().is_empty());
}

#[tokio::test]
async fn no_path_leads_out_of_one_that_is_granted() {
    let server = Server::start("hello").await;
    let granted = format!("private+{}", server.url("/api"));
    let subject = Subject::behave().entitled(asking(&granted, &granted));
    for path in
        ["/api/../secret", "/api/%2e%2e/secret", "/api/.%2E/secret", "/api/..", "/apis", "/API", "//api", "/"]
    {
        let done = subject.call("fetch", text(&server.url(path))).await;
        assert_eq!(done.failure().0, "denied.http", "{path}: {done:?}");
    }
    assert!(server.requests().is_empty());
    assert_eq!(*subject.call("fetch", text(&server.url("/api/a/../b"))).await.value(), json!("200 hello"));
    assert_eq!(server.requests(), ["GET /api/b HTTP/1.1"]);
}

#[tokio::test]
async fn no_request_is_hidden_in_another_one() {
    let server = Server::start("hello").await;
    let subject = asking::subject(granted(&asking::sends(&server, &[])), &[], &[]);
    for (name, value, count, expected) in [
        ("content-length", "5", 0, None),
        ("content-length", "5", 10, None),
        ("content-length", "50", 10, None),
        ("content-length", "0", 10, None),
        ("content-length", "+5", 5, None),
        ("content-length", "5, 6", 5, None),
        ("transfer-encoding", "chunked", 5, None),
        ("connection", "upgrade", 0, None),
        ("upgrade", "h2c", 0, None),
        ("host", "other.example", 0, None),
        ("proxy-authorization", "Basic eA==", 0, None),
        ("x-a", "b\r\nx-other: c", 0, None),
        ("x-a\r\nx-other", "b", 0, None),
        ("x-a", "b\0", 0, None),
        ("content-length", "5", 5, Some("xxxxx")),
        ("content-length", "0", 0, Some("")),
        ("x-a", "b", 0, Some("")),
    ] {
        let before = server.requests().len();
        let wish = json!({"at": server.url("/"), "name": name, "value": value, "count": count});
        let told = answer(&subject, "send lie", wish).await;
        let Some(body) = expected else {
            assert!(told.starts_with("action.error: "), "{name}: {value}: {told}");
            assert_eq!(server.requests().len(), before, "{name}: {value}: {}", server.last());
            continue;
        };
        assert_eq!(told, "200", "{name}: {value}");
        let last = server.last();
        let (head, sent) = last.split_once("\r\n\r\n").unwrap();
        assert_eq!(sent, body, "{last}");
        let lengths: Vec<_> = head.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
        assert!(lengths.is_empty() && body.is_empty() || lengths == [body.len().to_string()], "{last}");
    }
}
