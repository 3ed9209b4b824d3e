//! Something else than a Petrel answers: the command line believes none of it.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use petrel_system_tests::{Place, assert_says};

/// A server that answers everything with these bytes; where it is, and how often it was asked.
fn liar(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::Relaxed);
            drop(stream.set_read_timeout(Some(Duration::from_secs(5))));
            drop(stream.read(&mut vec![0; 65536]));
            drop(stream.write_all(answer.as_bytes()));
            // What is not read yet would end the connection before its answer has arrived.
            drop(stream.shutdown(Shutdown::Write));
            drop(stream.read(&mut vec![0; 65536]));
        }
    });
    (url, asked)
}

const PAGE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>";
const API: &str =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const NOTHING: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

#[test]
fn no_verb_believes_a_page() {
    let place = Place::default();
    let rule = place.write(
        "rule.yaml",
        "name: a\ntrigger: {type: core.st2.webhook, parameters: {url: a}}\naction: {ref: core.noop}\n",
    );
    let backup = place.path("backup");
    for answer in [PAGE, API, NOTHING] {
        let (url, asked) = liar(answer);
        for verb in [
            &["run", "core.noop"][..],
            &["run", "--async", "core.noop"],
            &["action", "list"],
            &["execution", "list"],
            &["execution", "get", "last"],
            &["execution", "output", "last"],
            &["execution", "tail", "last"],
            &["execution", "cancel", "6a1e5c2f9b1d4e5f60718293"],
            &["rule", "create", &rule],
            &["rule", "delete", "a.b"],
            &["key", "set", "a", "b"],
            &["key", "delete", "a"],
            &["pack", "remove", "a"],
            &["trigger", "why", "last"],
            &["log", "level", "debug"],
            &["apikey", "create", "a=b"],
            &["user", "delete", "a"],
            &["whoami"],
            &["backup", &backup],
        ] {
            let ended = place.petrel(&[verb, &["--url", &url, "--token", "secret"]].concat()).with_code(8);
            assert_says(&ended.stderr, &[&format!("what answers at {url} is not Petrel"), "--url"]);
            assert_eq!(ended.stdout, "", "{verb:?}");
        }
        assert!(asked.load(Ordering::Relaxed) < 100, "{asked:?}");
        assert!(!std::path::Path::new(&backup).exists());
    }
}

#[test]
fn who_waits_pauses_and_has_an_end() {
    // A host that says again and again that an execution runs, and never how it ends.
    let running = concat!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nPetrel-Version: 0.1.0\r\nContent-Type: application/json\r\n\r\n",
        r#"{"id": "65a000000000000000000001", "status": "running", "start_timestamp": "2026-11-20T12:00:00Z","#,
        r#" "action": {"ref": "core.noop", "name": "noop", "pack": "core", "runner_type": "noop"},"#,
        r#" "liveaction": {"id": "65a000000000000000000001", "action": "core.noop", "parameters": {}}}"#
    );
    let place = Place::default();
    let (url, asked) = liar(running);
    let started = Instant::now();
    let ended =
        place.petrel(&["run", "core.noop", "--wait", "4", "--url", &url, "--token", "secret"]).with_code(7);
    assert_says(&ended.stdout, &["running"]);
    let count = asked.load(Ordering::Relaxed);
    assert!(count < 20, "{count} questions in {:?}", started.elapsed());
}

#[test]
fn every_answer_of_a_host_says_that_it_is_one() {
    let place = Place::default();
    let host = place.start(&[]);
    for (method, path) in [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/actions"),
        ("GET", "/v1/nothing"),
        ("PATCH", "/api/v1/rules"),
        ("POST", "/auth/v1/tokens"),
        ("GET", "/"),
    ] {
        assert_eq!(
            host.send_plain(method, path, "", b"").header("petrel-version"),
            "0.1.0",
            "{method} {path}"
        );
    }
    host.stop();
}

#[test]
fn a_token_that_lay_in_a_file_is_shown_to_nothing_that_is_no_petrel() {
    let place = Place::default();
    std::fs::create_dir_all(place.data()).unwrap();
    std::fs::write(place.data().join("admin-token"), "0123456789abcdef").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard =
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).unwrap();
            drop(stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            ));
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
    let ended = place.petrel(&["whoami", "--url", &url]).with_code(8);
    assert_says(&ended.stderr, &["is not Petrel"]);
    let heard = heard.join().unwrap();
    assert!(heard.starts_with("GET /healthz") && !heard.contains("0123456789abcdef"), "{heard}");
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_sent() {
    let place = Place::default();
    for arguments in [&["execution", "get", ""][..], &["rule", "get", ".."], &["key", "get", "."]] {
        let ended = place.petrel(&[arguments, &["--url", "http://127.0.0.1:9", "--token", "x"]].concat());
        assert_says(&ended.with_code(2).stderr, &["is neither a name nor an id"]);
    }
}
