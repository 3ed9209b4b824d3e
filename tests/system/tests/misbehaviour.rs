//! Actions that misbehave: they flood, do not listen, leave something behind, or give what cannot be kept. The
//! execution ends as it should, and the host stays well.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::time::{Duration, Instant};

use petrel_system_tests::{Host, Place, assert_says, eventually};
use petrel_test_support::until;
use serde_json::{Value, json};

/// A pack with one Python action, whose `run` has this body.
fn register_python(place: &Place, host: &Host<'_>, body: &str) {
    place
        .write("mine/pack.yaml", "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\n");
    place.write("mine/actions/act.yaml", "name: act\nrunner_type: python-script\nentry_point: act.py\n");
    let text = format!(
        "import os, time\nfrom st2common.runners.base_action import Action\n\n\nclass Act(Action):\n    def run(self):\n        {body}\n"
    );
    place.write("mine/actions/act.py", &text);
    host.ok(&["pack", "register", &place.path("mine")]);
}

/// What a command does to write to a file for as long as it lives, whatever it is asked.
fn beat(file: &str) -> String {
    format!("trap '' TERM; for i in $(seq 3000); do date +%s%N > {file}; sleep 0.02; done")
}

/// Whether it does: said at the first beat, and else after so long that many were missed.
fn beats(place: &Place, file: &str) -> bool {
    let before = place.read(file);
    let is_changed = || Ok((place.read(file) != before).then_some(()));
    until("a beat", Duration::from_millis(300), is_changed).is_ok()
}

#[test]
fn a_flood_is_cut_and_the_host_stays_small() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["run", "core.local", "cmd=true"]);
    host.until_prepared();
    let before = host.largest_memory();
    for (number, flood) in ["yes 0123456789", "tr '\\0' x </dev/zero"].into_iter().enumerate() {
        let id = host.request(&json!({"action": "core.local",
            "parameters": {"cmd": format!("{flood} | head -c 1000000000; echo end >&2")}}));
        let ended = host.until(&id, "succeeded");
        let stdout = ended["result"]["stdout"].as_str().unwrap();
        assert!(stdout.ends_with("more bytes were dropped]"), "{number}: {}", &stdout[stdout.len() - 80..]);
        assert_eq!(ended["result"]["stderr"], "end");
        let output = host.get(&format!("/executions/{id}/output")).with_status(200).body;
        assert!(output.len() < 4 << 20, "{}", output.len());
        assert_says(&output[output.len() - 80..], &["output was cut: ", "more bytes were dropped"]);
    }
    let grown = host.largest_memory() - before;
    assert!(grown < 256 << 20, "the host has grown by {} MiB", grown >> 20);
    host.ok(&["run", "core.local", "cmd=true"]);
    host.stop();
}

#[test]
fn who_does_not_listen_is_killed() {
    let place = Place::default();
    let host = place.start(&[]);
    let started = Instant::now();
    let command = format!("cmd={}", beat(&place.path("beat")));
    let run = host.cli(&["run", "core.local", &command, "timeout=1", "-j"]).with_code(1).json();
    assert_eq!((&run["status"], &run["result"]["return_code"]), (&json!("timeout"), &json!(-9)));
    assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
    // It may be empty: killed between the opening and the writing.
    assert!(std::path::Path::new(&place.path("beat")).exists(), "it never ran");
    assert!(!beats(&place, "beat"), "it outlived its timeout");
    host.stop();
}

#[test]
fn daemons_do_not_outlive_who_was_ended() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("daemon.sh", &beat(&place.path("beat")));
    let start = format!("setsid sh {} </dev/null", place.path("daemon.sh"));
    // By a cancel, whether they hold the output or not.
    for redirect in ["", ">/dev/null 2>&1"] {
        let id = host.shell(&format!("{start} {redirect} & sleep 60"));
        eventually("the daemon runs", || beats(&place, "beat").then_some(()));
        host.delete(&format!("/executions/{id}")).with_status(200);
        host.until(&id, "canceled");
        assert!(!beats(&place, "beat"), "{redirect}");
    }
    // One that holds the output does not hold the execution.
    let started = Instant::now();
    let run = host.ok(&["run", "core.local", &format!("cmd={start} & sleep 0.2; echo done"), "-j"]).json();
    assert_eq!(run["result"]["stdout"], "done");
    assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
    assert!(!beats(&place, "beat"));
    host.stop();
}

#[test]
fn who_hides_is_ended_with_its_execution() {
    let place = Place::default();
    let [daemon, script, mark, stop] = ["daemon.sh", "hide.py", "beat", "stop"].map(|name| place.path(name));
    place.write("daemon.sh", &beat(&mark).replace("date", &format!("[ -e {stop} ] && exit; date")));
    place.write("hide.py", include_str!("../../../host/crates/runners/tests/hiding/hide.py"));
    // In a session of its own, without its environment, its parent and its output.
    let hide =
        format!("env -i PATH=\"$PATH\" setsid sh -c 'sh {daemon} & exit 0' </dev/null >/dev/null 2>&1");
    assert_it_cannot_hide(&place, &hide);
    assert_nothing_survives_its_host(&place, &hide);
    // The same, and without the limit that is its seal.
    let hide = |how: &str| format!("python3 {script} {mark} {stop} {how}");
    assert_it_cannot_hide(&place, &hide("stays"));
    let host = place.start(&[]);
    let is_at_home = host.has_its_own_cgroup();
    host.stop();
    if is_at_home {
        assert_nothing_survives_its_host(&place, &hide("stays"));
        assert_nothing_survives_its_host(&place, &hide("hops"));
    } else {
        // No `skip`, which fails in CI: a container there may have none, and the rest holds everywhere.
        println!(
            "NOT LOOKED AT: what a killed host has left without any mark is found in a cgroup v2 that can be written to"
        );
    }
}

/// Starts what hides by this command, and waits until it does.
fn start_hidden(place: &Place, host: &Host<'_>, parameters: &Value) -> String {
    let id = host.request(&json!({"action": "core.local", "parameters": parameters}));
    eventually("the daemon runs", || beats(place, "beat").then_some(()));
    id
}

fn assert_it_cannot_hide(place: &Place, hide: &str) {
    let host = place.start(&[]);
    let started = |host: &Host<'_>, parameters: &Value| start_hidden(place, host, parameters);
    let id = started(&host, &json!({"cmd": format!("{hide}; sleep 60"), "timeout": 5}));
    host.until(&id, "timeout");
    assert!(!beats(place, "beat"), "it outlived a timeout: {hide}");
    let id = started(&host, &json!({"cmd": format!("{hide}; sleep 60")}));
    host.delete(&format!("/executions/{id}")).with_status(200);
    host.until(&id, "canceled");
    assert!(!beats(place, "beat"), "it outlived a cancel: {hide}");
    // A service that was started lives on.
    let id = started(&host, &json!({"cmd": hide}));
    host.until(&id, "succeeded");
    eventually("the service lives, and was not ended", || beats(place, "beat").then_some(()));
    // A later execution that is ended leaves it alone.
    let run = host.cli(&["run", "core.local", "cmd=sleep 60", "timeout=1"]).with_code(1);
    assert_says(&run.stdout, &["timeout"]);
    eventually("the service lives, and was not ended", || beats(place, "beat").then_some(()));
    // Also over the end of its host, and the start of the next.
    host.stop();
    let host = place.start(&[]);
    eventually("the service lives, and was not ended", || beats(place, "beat").then_some(()));
    place.write("stop", "");
    eventually("the service ends by itself", || (!beats(place, "beat")).then_some(()));
    std::fs::remove_file(place.path("stop")).unwrap();
    host.stop();
}

#[test]
fn what_an_entry_point_has_started_is_none_of_the_hosts() {
    let place = Place::default();
    let [daemon, side, mark, stop, go] =
        ["daemon.sh", "side.sh", "beat", "stop", "go"].map(|name| place.path(name));
    place.write("daemon.sh", &beat(&mark).replace("date", &format!("[ -e {stop} ] && exit; date")));
    // It comes to the host, as an orphan without any mark, while an execution runs.
    let start = format!("(setsid sh {daemon} &)");
    place.write(
        "side.sh",
        &format!("until [ -e {go} ]; do sleep 0.1; done; {start}; until [ -e {stop} ]; do sleep 0.1; done"),
    );
    let host = place.start_behind(&format!("sh {side} </dev/null >/dev/null 2>&1 &"), &[]);
    let id = host.shell("sleep 60");
    host.until(&id, "running");
    place.write("go", "");
    eventually("the daemon runs", || beats(&place, "beat").then_some(()));
    host.delete(&format!("/executions/{id}")).with_status(200);
    host.until(&id, "canceled");
    eventually("the daemon lives", || beats(&place, "beat").then_some(()));
    place.write("stop", "");
    eventually("the daemon ends by itself", || (!beats(&place, "beat")).then_some(()));
    host.stop();
}

/// What a host that was killed has left behind is ended by the next one.
fn assert_nothing_survives_its_host(place: &Place, hide: &str) {
    let host = place.start(&[]);
    let id = start_hidden(place, &host, &json!({"cmd": format!("{hide}; sleep 60")}));
    drop(host);
    eventually("it beats", || beats(place, "beat").then_some(()));
    let host = place.start(&[]);
    host.until(&id, "abandoned");
    assert!(!beats(place, "beat"), "it outlived its host: {hide}");
    host.stop();
}

#[test]
fn a_signal_from_outside_is_named() {
    let place = Place::default();
    let host = place.start(&[]);
    for (signal, status) in [(9, "failed"), (11, "failed"), (15, "abandoned")] {
        let ended = host.until(&host.shell(&format!("echo said; kill -{signal} $$")), status);
        let result = &ended["result"];
        assert_eq!((&result["return_code"], &result["stdout"]), (&json!(-signal), &json!("said")));
        assert_says(result["error"].as_str().unwrap(), &["from outside", &format!("signal {signal}")]);
        register_python(&place, &host, &format!("os.kill(os.getpid(), {signal})  # {status}"));
        let ended = host.until(&host.request(&json!({"action": "mine.act"})), status);
        assert_eq!(
            (&ended["result"]["exit_code"], &ended["result"]["result"]),
            (&json!(-signal), &json!("None"))
        );
    }
    host.stop();
}

#[test]
fn a_result_that_json_cannot_hold_is_kept_as_text() {
    let place = Place::default();
    let host = place.start(&[]);
    let run = |body: &str| -> Value {
        drop(std::fs::remove_dir_all(place.path("mine")));
        register_python(&place, &host, body);
        host.cli(&["run", "mine.act", "-j"]).json()
    };
    let made = run("return {'seen': {1}}");
    assert_eq!((&made["status"], &made["result"]["result"]), (&json!("succeeded"), &json!("{'seen': {1}}")));
    assert_says(
        made["result"]["stderr"].as_str().unwrap(),
        &["result['seen'] is of type set", "str(result)"],
    );
    let made = run("x = []\n        for _ in range(500): x = [x]\n        return x");
    assert!(made["status"] == "succeeded" && made["result"]["result"].is_string(), "{made:#}");
    let made = run("return 'x' * (17 << 20)");
    assert_eq!(made["status"], "failed");
    assert_says(made["result"]["error"].as_str().unwrap(), &["16777216 is the limit", "write it to a file"]);
    // A child that goes on holds neither the result nor the execution.
    let started = Instant::now();
    let made = run(
        "pid = os.fork()\n        if not pid:\n            os.setsid(); time.sleep(60); os._exit(0)\n        return pid > 0",
    );
    assert_eq!(made["result"]["result"], true);
    assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
    host.stop();
}
