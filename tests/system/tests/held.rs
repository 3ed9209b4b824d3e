//! A restore does not act a second time: what was in flight at the backup rests until somebody lets it go on.
#![expect(clippy::indexing_slicing, reason = "what is absent reads as null")]

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

const PACK: &str =
    "ref: flows\nname: flows\ndescription: Workflows.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const METADATA: &str = "name: two\nrunner_type: orquesta\nentry_point: workflows/two.yaml\nenabled: true\nparameters: {out: {type: string}}\n";
/// Waits, then writes.
const WORKFLOW: &str = "version: 1.0\ninput: [out]\ntasks:\n  wait:\n    action: core.local cmd=\"sleep 600\"\n    next: [{when: <% succeeded() %>, do: write}]\n  write:\n    action: core.local cmd=\"echo workflow >> <% ctx().out %>\"\n";

/// What is in flight in a host when its backup is made.
struct InFlight {
    running: String,
    waiting: String,
    delayed: String,
    workflow: String,
}

impl InFlight {
    /// Begins all of it in a host with two slots, which writes to `out` when it runs; and makes a backup.
    fn of(host: &Host<'_>, place: &Place, file: &str) -> Self {
        place.write("flows/pack.yaml", PACK);
        place.write("flows/actions/two.yaml", METADATA);
        place.write("flows/actions/workflows/two.yaml", WORKFLOW);
        host.ok(&["pack", "register", &place.path("flows")]);
        let out = place.path("out");
        let workflow = host.request(&json!({"action": "flows.two", "parameters": {"out": out}}));
        host.until(&workflow, "running");
        let running = host.shell(&format!("sleep 600; echo running >> {out}"));
        host.until(&running, "running");
        let children = || host.list(&format!("/executions/{workflow}/children?depth=1"));
        petrel_system_tests::eventually("the first task runs", || {
            children().iter().any(|child| child["status"] == "running").then_some(())
        });
        let waiting = host.shell(&format!("echo waiting >> {out}"));
        let delayed = host.request(
            &json!({"action": "core.local", "parameters": {"cmd": format!("echo delayed >> {out}")}, "delay": 1000}),
        );
        host.ok(&["backup", file]);
        Self { running, waiting, delayed, workflow }
    }

    /// All of it, with the statuses that it had at the backup.
    fn all(&self) -> [(&str, &str); 4] {
        [
            (&self.running, "running"),
            (&self.waiting, "requested"),
            (&self.delayed, "requested"),
            (&self.workflow, "running"),
        ]
    }

    /// All of it has the status of then. What is delayed is shown as that until its time comes.
    fn is_as_it_was(&self, host: &Host<'_>) {
        for (id, status) in self.all() {
            let now = host.execution(id)["status"].clone();
            let is_there = now == status || (id == self.delayed && now == "delayed");
            assert!(is_there, "{id} is {now} and was {status}");
        }
    }
}

const SLOTS: [&str; 4] = ["--process-slots", "2", "--drain-seconds", "0"];

fn held(host: &Host<'_>) -> Value {
    host.get("/hold").with_status(200).json()["held"].clone()
}

fn each_is_told_what_becomes_of_it(host: &Host<'_>, in_flight: &InFlight) {
    let all = host.ok(&["resume-all", "--show"]).stdout;
    for (id, outcome) in [
        (&in_flight.running, "abandoned, if not idempotent"),
        (&in_flight.workflow, "goes on"),
        (&in_flight.waiting, "runs"),
        (&in_flight.delayed, "runs"),
    ] {
        let line = all.lines().find(|line| line.starts_with(id.as_str())).unwrap_or_default();
        assert_says(line, &[outcome]);
    }
    assert_eq!((held(host), all.lines().count()), (json!(5), 6), "{all}");
}

#[test]
fn what_was_in_flight_at_a_backup_rests_after_a_restore_until_it_is_let_go_on() {
    let place = Place::default();
    let file = place.path("petrel.backup");
    let host = place.start(&SLOTS);
    let in_flight = InFlight::of(&host, &place, &file);
    host.stop();
    assert_eq!(place.read("out"), "");

    let other = Place::default();
    let restored = other.petrel(&["restore", &file]).with_code(0);
    // The workflow and what its task has asked for are two.
    let says = [
        "in flight at the backup: 5 executions",
        "2 waited, 3 had begun",
        "held, as they",
        "`petrel resume-all`",
        "becomes abandoned unless",
    ];
    assert_says(&restored.stdout, &says);
    let host = other.start(&SLOTS);
    host.send_plain("GET", "/readyz", "", b"").with_status(200);
    assert_eq!((held(&host), &host.get("/status").json()["held"]), (json!(5), &json!(5)));
    // New work runs, and nothing else does: not after its delay either, as the tests of the engine show.
    let new = host.shell("echo new");
    host.until(&new, "succeeded");
    in_flight.is_as_it_was(&host);
    // Their status alone would say that they run.
    let listed = host.ok(&["execution", "list"]);
    assert_says(&listed.stdout, &["running (held)", "requested (held)", "succeeded"]);
    assert_says(&listed.stderr, &["`petrel resume-all`"]);
    let shown = host.ok(&["execution", "get", &in_flight.workflow]);
    assert_says(&shown.stdout, &["running (held)"]);
    assert_says(&shown.stderr, &["`petrel resume-all`"]);
    assert_eq!(host.execution(&in_flight.running)["held"], json!(true));
    each_is_told_what_becomes_of_it(&host, &in_flight);
    assert_eq!(host.execution(&new)["held"], json!(null));
    let refused = host.cli(&["execution", "resume", &in_flight.workflow]).with_code(6);
    assert_says(&refused.stderr, &["is held", "`petrel resume-all`"]);
    assert_eq!(place.read("out"), "");
    // A kill leaves it held.
    drop(host);
    assert_says(
        &other.petrel(&["store", "check"]).with_code(0).stdout,
        &["held since a restore: 5 executions", "no problems"],
    );
    let host = other.start(&SLOTS);
    assert_eq!(held(&host), 5);
    only_the_admin_lets_go_on(&host);
    // What is not to run can be ended.
    host.ok(&["execution", "cancel", &in_flight.delayed]);
    assert_eq!(held(&host), 4);
    // What it runs had begun, and so had the task of the workflow.
    assert_says(
        &host.ok(&["resume-all"]).stdout,
        &["of 4 executions", "2 go on", "2 abandoned", "--status abandoned"],
    );
    host.until(&in_flight.waiting, "succeeded");
    let lost = host.until(&in_flight.running, "abandoned");
    assert_says(&lost["result"].to_string(), &["host.lost"]);
    // Its task was lost, and with it the workflow fails.
    host.until(&in_flight.workflow, "failed");
    assert_eq!(host.execution(&in_flight.delayed)["status"], "canceled");
    assert_eq!(place.read("out"), "waiting\n");
    assert_says(&host.ok(&["resume-all"]).stderr, &["nothing is held"]);
    host.stop();
    assert_says(&other.petrel(&["store", "check"]).with_code(0).stdout, &["no problems"]);
}

fn only_the_admin_lets_go_on(host: &Host<'_>) {
    host.send_plain("DELETE", "/api/v1/hold", "", b"").with_status(401);
    host.post("/users", &json!({"name": "ada", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "ada"})).with_status(201).json();
    let head = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap_or_default());
    let refused = host.send_plain("DELETE", "/api/v1/hold", &head, b"").with_status(403);
    let [code, message, hint] = refused.error();
    assert_eq!((code.as_str(), hint.as_str()), ("forbidden", "ask the user `admin`"));
    assert_says(&message, &["`ada`", "held"]);
    assert_eq!(held(host), 5);
}

#[test]
fn who_says_run_restores_without_a_hold() {
    let place = Place::default();
    let file = place.path("petrel.backup");
    let host = place.start(&SLOTS);
    let in_flight = InFlight::of(&host, &place, &file);
    host.stop();
    let other = Place::default();
    let restored = other.petrel(&["restore", &file, "--run"]).with_code(0);
    assert_says(
        &restored.stdout,
        &["in flight at the backup: 5 executions", "goes on as soon as the host is started"],
    );
    let host = other.start(&SLOTS);
    assert_eq!(held(&host), 0);
    for id in [&in_flight.waiting, &in_flight.delayed] {
        host.until(id, "succeeded");
    }
    host.until(&in_flight.running, "abandoned");
    let out = place.read("out");
    assert_says(&out, &["waiting\n", "delayed\n"]);
    host.stop();
}

#[test]
fn what_is_held_is_canceled_at_once_and_cannot_be_paused() {
    let (place, other) = (Place::default(), Place::default());
    let file = place.path("petrel.backup");
    let host = place.start(&SLOTS);
    let in_flight = InFlight::of(&host, &place, &file);
    host.stop();
    other.petrel(&["restore", &file]).with_code(0);
    let host = other.start(&SLOTS);
    let refused = host.cli(&["execution", "pause", &in_flight.workflow]).with_code(6);
    assert_says(&refused.stderr, &["is held", "`petrel resume-all`", "canceling it is possible"]);
    for id in [&in_flight.running, &in_flight.workflow] {
        host.ok(&["execution", "cancel", id]);
        host.until(id, "canceled");
    }
    let children = host.list(&format!("/executions/{}/children?depth=1", in_flight.workflow));
    let statuses: Vec<_> = children.iter().map(|child| &child["status"]).collect();
    assert_eq!(statuses, ["canceled"]);
    // What nobody has canceled rests on.
    assert_eq!(held(&host), 2);
    let refused = host.cli(&["execution", "pause", &in_flight.workflow]).with_code(6);
    assert_says(&refused.stderr, &["is canceled"]);
    let resumed = host.ok(&["resume-all"]).stdout;
    assert_says(&resumed, &["of 2 executions", "2 go on"]);
    assert!(!resumed.contains("abandoned"), "{resumed}");
    host.until(&in_flight.waiting, "succeeded");
    for id in [&in_flight.running, &in_flight.workflow] {
        assert_eq!(host.execution(id)["status"], "canceled");
    }
    // What was delayed may have had its time meanwhile.
    let done = place.read("out");
    assert!(done.lines().all(|line| ["waiting", "delayed"].contains(&line)), "{done}");
    host.stop();
    assert_says(&other.petrel(&["store", "check"]).with_code(0).stdout, &["no problems"]);
}

/// A host over a store that was restored from a backup with five executions in flight.
fn restored(other: &Place) -> Place {
    let place = Place::default();
    let file = place.path("petrel.backup");
    let host = place.start(&SLOTS);
    InFlight::of(&host, &place, &file);
    host.stop();
    other.petrel(&["restore", &file]).with_code(0);
    place
}

#[test]
fn a_copy_beside_the_original_ends_nothing_that_runs_there() {
    let place = Place::default();
    let file = place.path("petrel.backup");
    let host = place.start(&SLOTS);
    let in_flight = InFlight::of(&host, &place, &file);
    for arguments in [&["restore", file.as_str()][..], &["restore", file.as_str(), "--run"]] {
        let other = Place::default();
        other.petrel(arguments).with_code(0);
        let copy = other.start(&SLOTS);
        copy.ok(&["resume-all"]);
        copy.until(&in_flight.running, "abandoned");
        copy.until(&in_flight.workflow, "failed");
        copy.stop();
        let [one, another] =
            [&place, &other].map(|place| std::fs::read(place.data().join("identity")).unwrap());
        assert_ne!(one, another);
        in_flight.is_as_it_was(&host);
    }
    // Had it been ended by somebody else, it could not be canceled.
    host.ok(&["execution", "cancel", &in_flight.running]);
    host.until(&in_flight.running, "canceled");
    host.stop();
}

#[test]
fn what_a_host_runs_itself_is_not_ended_when_what_is_held_is_let_go_on() {
    let other = Place::default();
    let _of_the_backup = restored(&other);
    let host = other.start(&SLOTS);
    // It has no mark of its execution, as what an earlier host has left may have none.
    let [mark, stop] = ["mark", "stop"].map(|name| other.path(name));
    let script = other.write("hide.py", include_str!("../../../host/crates/runners/tests/hiding/hide.py"));
    let id = host.shell(&format!("python3 {script} {mark} {stop} stays; sleep 60"));
    petrel_system_tests::eventually("it hides", || (!other.read("mark").is_empty()).then_some(()));
    host.ok(&["resume-all"]);
    let before = other.read("mark");
    petrel_system_tests::eventually("it goes on", || (other.read("mark") != before).then_some(()));
    assert_eq!(host.execution(&id)["status"], "running");
    other.write("stop", "");
    host.stop();
}

#[test]
fn of_many_who_let_go_on_what_is_held_each_tells_what_it_did_itself() {
    let other = Place::default();
    let _of_the_backup = restored(&other);
    let host = other.start(&SLOTS);
    let told: Vec<Value> = std::thread::scope(|scope| {
        let lifting: Vec<_> =
            (0..6).map(|_| scope.spawn(|| host.delete("/hold").with_status(200).json())).collect();
        lifting.into_iter().map(|lifting| lifting.join().unwrap()).collect()
    });
    let sum = |name: &str| told.iter().filter_map(|answer| answer[name].as_u64()).sum::<u64>();
    let count = told.iter().filter(|answer| answer["held"] != 0).count();
    assert_eq!((sum("held"), count), (5, 1), "{told:?}");
    // Those that go on, and the others, are all that were held.
    assert_eq!(sum("resumed") + sum("abandoned") + sum("canceled"), 5, "{told:?}");
    assert_eq!(sum("abandoned"), 2, "{told:?}");
    host.stop();
}

#[test]
fn what_was_let_go_on_runs_after_a_crash_too() {
    let other = Place::default();
    let place = restored(&other);
    let host = other.start(&SLOTS);
    let waiting = host.list("/executions?status=requested");
    assert!(!waiting.is_empty());
    host.delete("/hold").with_status(200);
    // Killed at once.
    drop(host);
    let host = other.start(&SLOTS);
    assert_eq!(held(&host), 0);
    for execution in waiting {
        let id = execution["id"].as_str().unwrap_or_default().to_owned();
        petrel_system_tests::eventually("what waited has run, or was lost as it ran", || {
            let status = host.execution(&id)["status"].clone();
            (status == "succeeded" || status == "abandoned").then_some(())
        });
    }
    drop(place);
    host.stop();
}
