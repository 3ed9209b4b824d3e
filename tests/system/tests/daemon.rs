//! A host that is left alone: what it tells systemd, what it says of itself, what it logs.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use petrel_system_tests::{PATIENCE, Place, assert_says, eventually};
use serde_json::{Value, json};

/// What was told to a socket, up to the first time that `until` was.
fn told(socket: &UnixDatagram, until: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut buffer = [0; 256];
    while told.last().is_none_or(|last| last != until) {
        let length = socket.recv(&mut buffer).unwrap();
        told.push(String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned());
    }
    told
}

#[test]
fn systemd_is_told_that_the_host_is_ready_alive_and_stopping() {
    let place = Place::default();
    let path = place.path("notify");
    let abstract_name = format!("petrel-{}", std::process::id());
    let in_files = UnixDatagram::bind(&path).unwrap();
    let unnamed = SocketAddr::from_abstract_name(abstract_name.as_bytes()).unwrap();
    let elsewhere = UnixDatagram::bind_addr(&unnamed).unwrap();
    for (socket, name) in [(in_files, path), (elsewhere, format!("@{abstract_name}"))] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = place.start_with(&[], &[("NOTIFY_SOCKET", &name), ("WATCHDOG_USEC", "100000")]);
        assert!(told(&socket, "READY=1").iter().all(|state| state == "WATCHDOG=1" || state == "READY=1"));
        told(&socket, "WATCHDOG=1");
        told(&socket, "WATCHDOG=1");
        // Also while what runs is still ending.
        let id = host.shell("sleep 1");
        host.until(&id, "running");
        host.terminate();
        told(&socket, "STOPPING=1");
        told(&socket, "WATCHDOG=1");
        assert_eq!(host.stopped(), 0);
    }
}

#[test]
fn who_asks_is_told_whether_events_are_accepted_and_why_not() {
    let place = Place::default();
    let host = place.start(&["--waiting-limit", "1", "--process-slots", "1"]);
    let ready = |status: u16| host.send_plain("GET", "/readyz", "", b"").with_status(status).json();
    assert_eq!(ready(200), json!({"ready": true, "reasons": []}));
    let running = host.shell("sleep 60");
    host.until(&running, "running");
    let waiting = host.shell("sleep 60");
    let not_ready = ready(503);
    assert_eq!(not_ready["ready"], false);
    assert_says(&not_ready["reasons"].to_string(), &["1 executions are waiting, and 1 is the limit"]);
    host.delete(&format!("/executions/{waiting}")).with_status(200);
    assert_eq!(ready(200)["ready"], true);
    host.send_plain("GET", "/healthz", "", b"").with_status(200);
    host.terminate();
    let stopping = eventually("it is stopping", || {
        Some(host.send_plain("GET", "/readyz", "", b"")).filter(|answer| answer.status == 503)
    });
    assert_says(&stopping.body, &["the host is stopping"]);
    host.delete(&format!("/executions/{running}")).with_status(200);
    assert_eq!(host.stopped(), 0);
}

/// The value of a figure with these labels.
fn figure(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| unreachable!("{name} is not in:\n{text}")).parse().unwrap()
}

#[test]
fn figures_count_what_happens() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "3"]);
    host.ok(&["pack", "install", "builtin:github"]);
    host.send_plain("GET", "/metrics", "", b"").with_status(401);
    host.post("/webhooks/github", &json!({})).with_status(202);
    host.ok(&["run", "core.noop"]);
    host.cli(&["run", "core.local", "cmd=exit 1"]).with_code(1);
    let sleeping = host.shell("sleep 60");
    host.until(&sleeping, "running");
    let head = format!("X-Auth-Token: {}\r\n", host.token);
    let figures = || host.send_plain("GET", "/metrics", &head, b"").with_status(200).body;
    let text = figures();
    for (name, least) in [
        ("petrel_executions_total{runner=\"local-shell-cmd\",status=\"failed\"}", 1.0),
        ("petrel_executions_total{runner=\"wasm-component\",status=\"succeeded\"}", 1.0),
        ("petrel_stage_seconds_count{stage=\"accept_commit\"}", 1.0),
        ("petrel_stage_seconds_count{stage=\"queue_wait\"}", 3.0),
        ("petrel_stage_seconds_count{stage=\"run\"}", 2.0),
        ("petrel_stage_seconds_count{stage=\"outcome_commit\"}", 2.0),
        ("petrel_store_commits_total", 6.0),
        ("petrel_store_groups_total", 1.0),
        ("petrel_store_bytes_total", 1000.0),
        ("petrel_store_room_bytes", 1.0),
        ("petrel_http_requests_total{route=\"/api/v1/webhooks/{*url}\",method=\"POST\",status=\"202\"}", 1.0),
        ("petrel_http_requests_total{route=\"/metrics\",method=\"GET\",status=\"401\"}", 1.0),
        ("petrel_slots{kind=\"process\"}", 3.0),
        ("petrel_slots_busy{kind=\"process\"}", 1.0),
        ("petrel_executions_running", 1.0),
    ] {
        let value = figure(&text, name);
        assert!(value >= least, "{name} is {value}, and at least {least} was expected");
    }
    assert!(figure(&text, "petrel_queue_waiting").abs() < 0.5);
    host.delete(&format!("/executions/{sleeping}")).with_status(200);
    host.until(&sleeping, "canceled");
    eventually("the slot is free", || {
        (figure(&figures(), "petrel_slots_busy{kind=\"process\"}") < 0.5).then_some(())
    });
    host.stop();
    let host = place.start(&["--metrics-open"]);
    host.send_plain("GET", "/metrics", "", b"").with_status(200);
    host.stop();
}

#[test]
fn the_log_is_json_on_demand_and_its_level_changes_while_the_host_runs() {
    let place = Place::default();
    let host = place.start(&["--log-format", "json", "--log-level", "error"]);
    let lines = || -> Vec<Value> {
        place.read("log").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert!(lines().is_empty(), "{:?}", lines());
    assert_says(&host.ok(&["log", "level"]).stdout, &["error"]);
    assert_says(&host.cli(&["log", "level", "=loud"]).with_code(2).stderr, &["=loud", "debug"]);
    assert_says(&host.ok(&["log", "level", "warn"]).stdout, &["warn"]);
    // An attempt that fails is logged, with the request that it came in.
    let head = "X-Request-ID: request-7\r\nAuthorization: Basic YTpi\r\n";
    host.send_plain("POST", "/auth/v1/tokens", head, b"{}").with_status(401);
    let line = eventually("the line is written", || {
        lines().into_iter().find(|line| line["fields"]["message"] == "sign-in failed")
    });
    assert_says(&line["span"].to_string(), &["api.request", "request-7", "/auth/v1/tokens"]);
    // What is logged of an execution names it.
    host.ok(&["log", "level", "warn,petrel=debug"]);
    let id = host.shell("true");
    let line = eventually("the line is written", || {
        lines().into_iter().find(|line| line["fields"]["message"] == "the execution has ended")
    });
    let execution =
        line["spans"].as_array().unwrap().iter().find(|span| span["name"] == "execution").unwrap();
    assert_eq!((&execution["id"], &execution["trace"]), (&json!(id), &host.execution(&id)["trace"]));
    host.stop();
}
