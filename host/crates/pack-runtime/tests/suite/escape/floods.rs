//! However much a component takes, writes or asks for, it ends at a limit, and the host serves the next call.

use std::sync::Arc;
use std::time::Duration;

use petrel_model::capabilities::{Access, Mount, Rights};
use petrel_pack_runtime::{EngineOptions, Limits, Options};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::attempts::{answer, attempt, granted};
use crate::asking;
use crate::requests::asking;
use crate::support::{Subject, count, text};

#[tokio::test]
async fn no_one_thing_is_larger_than_its_limit() {
    let subject = Subject::behave();
    let (most, gib) = (u64::MAX, 1_u64 << 30);
    for (what, count, expected) in [
        ("random", gib, "limit.hostcall: "),
        ("random", most, "limit.hostcall: "),
        ("insecure random", gib, "limit.hostcall: "),
        ("zeroes", gib, "limit.hostcall: "),
        ("zeroes", most, "limit.hostcall: "),
        ("input", most, "Err(StreamError::Closed)"),
        ("poll", 4_000_000, "limit.hostcall: "),
        ("crumbs", most, "limit.memory: "),
        ("pages", most, "12"),
    ] {
        let told = answer(&subject, &format!("flood {what}"), json!({"count": count})).await;
        assert!(told.starts_with(expected), "{what}: {told}");
    }
    for (what, count, expected) in
        [("random", 1 << 20, "1048576"), ("zeroes", 1 << 10, "Ok(())"), ("poll", 100, "100")]
    {
        assert_eq!(
            answer(&subject, &format!("flood {what}"), json!({"count": count})).await,
            expected,
            "{what}"
        );
    }
}

#[tokio::test]
async fn no_million_of_things_is_held() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("file"), "content").unwrap();
    let host_path = root.path().to_owned();
    let mount = Mount { host_path, guest_path: "/data".to_owned(), access: Access::ReadOnly };
    let subject = Subject::behave().entitled(Rights { mounts: vec![mount], ..Rights::default() });
    for name in ["fields", "requests", "options", "pollables", "streams", "directories", "files"] {
        let hold = |count: u64| json!({"name": name, "count": count});
        assert_eq!(answer(&subject, "flood hold", hold(100)).await, "100 held", "{name}");
        let told = answer(&subject, "flood hold", hold(1_000_000)).await;
        assert!(told.starts_with("limit.handles: "), "{name}: {told}");
    }
    for name in ["tcp sockets", "udp sockets"] {
        let hold = json!({"name": name, "count": 1_000_000});
        assert_eq!(answer(&subject, "flood hold", hold).await, "4 and new-socket-limit", "{name}");
    }
}

#[tokio::test]
async fn no_call_of_the_host_goes_on_for_ever() {
    let asks = json!({"kv": ["pack"], "secrets": ["token"]});
    let limits = Limits { cpu: Duration::from_millis(100), ..Limits::default() };
    let subject = Subject::limited(limits).entitled(granted(&asks));
    subject.runtime.take_keys(&asking::Shelf::with(&[("test:a", "x")], &[("test:token", "hush")]));
    for name in [
        "clock",
        "random",
        "log",
        "output",
        "environment",
        "configuration",
        "wait",
        "directories",
        "kv get",
        "kv list",
        "kv cas",
        "kv denied",
        "secret",
        "call denied",
    ] {
        let told = answer(&subject, "flood endless", json!({"name": name})).await;
        // Those that take a handle each time may give it back, or end at that limit.
        assert!(told.starts_with("limit.cpu: ") || told.starts_with("limit.handles: "), "{name}: {told}");
    }
    for action in ["spin", "recurse"] {
        let done = subject.call(action, json!({})).await;
        assert!(["limit.cpu", "limit.stack"].contains(&done.failure().0), "{action}: {done:?}");
    }
    subject.call("echo", json!({})).await.value();
}

#[tokio::test]
async fn no_flood_of_words_is_kept() {
    let subject = Subject::behave();
    let done = subject.call("log", json!({"text": "again", "count": 20_000})).await;
    done.value();
    // 10,000 lines, and the one that says how much is left out.
    assert_eq!(done.lines.len(), 10_001);
    assert!(done.texts().pop().unwrap().starts_with("output cut: "), "{:?}", done.texts().pop());
    for (text, most) in [("\n".repeat(1 << 20), 10_001), ("x".repeat(4 << 20), 10_001)] {
        let done = subject.call("log", json!({"text": text, "count": 3})).await;
        done.value();
        let bytes: usize = done.lines.iter().map(|line| line.text.len()).sum();
        assert!(done.lines.len() <= most && bytes <= 2 << 20, "{} lines, {bytes} bytes", done.lines.len());
    }
    let done = subject.call("print", json!({"text": "x".repeat(1 << 20), "count": 8})).await;
    done.value();
    let bytes: usize = done.lines.iter().map(|line| line.text.len()).sum();
    assert!(bytes <= 2 << 20, "{bytes}");
    assert_eq!(subject.call("big_result", count(3 << 20)).await.failure().0, "limit.result");
    assert_eq!(subject.call("big_result", count(12 << 20)).await.failure().0, "limit.result");
    // An error is a result as well.
    let done = subject.call("fail", text(&"x".repeat(3 << 20))).await;
    assert_eq!(done.failure().0, "limit.result", "{}", done.field("error").len());
    subject.call("echo", text("a")).await.value();
}

/// A server that takes connections, and never answers.
async fn silent() -> (String, Arc<tokio::sync::Mutex<Vec<TcpStream>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let kept = Arc::<tokio::sync::Mutex<Vec<TcpStream>>>::default();
    let connections = Arc::clone(&kept);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connections.lock().await.push(connection);
        }
    });
    (address, kept)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_thousands_of_requests_are_on_their_way() {
    let (address, kept) = silent().await;
    let rule = format!("private+{address}");
    let subject = Subject::behave().entitled(asking(&rule, &rule));
    let told = answer(&subject, "send many", json!({"at": address, "count": 5000})).await;
    assert!(told.starts_with("limit.handles: "), "{told}");
    let told = answer(&subject, "send many and forget", json!({"at": address, "count": 5000})).await;
    assert!(told.contains("a call may make 200 requests"), "{told}");
    // Of each call only so many are sent at a time.
    assert!(kept.lock().await.len() <= 2 * 200, "{}", kept.lock().await.len());
    let done = attempt(&subject, "send bodies", json!({"at": address, "count": 80})).await;
    let taken: usize = done.value().as_str().unwrap().parse().unwrap();
    // Four are taken in, with 4 MiB each, and of each other one no more than waits in its channel.
    assert!(taken <= 4 * (4 << 20) + 80 * 3 * (64 << 10), "{taken}");
    for what in ["methods", "authorities"] {
        let told = answer(&subject, &format!("send {what}"), json!({"count": 200})).await;
        assert_eq!(told, "refused after 0", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crowd_takes_the_place_of_others() {
    let engine = EngineOptions { slots: 4, ..EngineOptions::default() };
    let limits = Limits { cpu: Duration::from_millis(200), concurrency: 64, ..Limits::default() };
    let subject = Subject::with(Options { engine, limits, ..Options::default() });
    let hold = |name: &'static str| {
        let subject = subject.clone();
        let wish = json!({"what": "flood hold", "name": name, "count": 1_000_000});
        tokio::spawn(async move { subject.call("escape", wish).await })
    };
    let crowd: Vec<_> = ["fields", "tcp sockets", "pollables", "udp sockets"]
        .into_iter()
        .cycle()
        .take(40)
        .map(hold)
        .collect();
    for number in 0..20 {
        assert_eq!(subject.call("echo", count(number)).await.value()["count"], number);
    }
    for one in crowd {
        let done = one.await.unwrap();
        let told = done.outcome.result.to_string();
        assert!(told.contains("limit.handles") || told.contains("new-socket-limit"), "{told}");
    }
}
