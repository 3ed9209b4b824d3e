//! Executions that are forked from interpreters that are kept warm.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use petrel_runners::python_script::{PythonScript, WarmOptions};
use petrel_runners::{End, Outcome, OutputSink, Runner as _, Stream};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Place;
use crate::call_of;

const HEAD: &str = "import os, sys, signal, time\nfrom st2common.runners.base_action import Action\n";
/// The number of runs until one is warm, each of which lasts as long as the start of an interpreter.
const MOST_RUNS: usize = 400;

/// A runner that keeps interpreters warm, with actions in `actions/` of its place.
struct House {
    place: Place,
    runner: PythonScript,
}

impl House {
    fn new(most: usize) -> Self {
        let place = Place::new();
        let options = WarmOptions { most, idle: Duration::from_secs(300) };
        let runner = PythonScript::new(place.options()).kept_warm(options);
        Self { place, runner }
    }

    fn write(&self, name: &str, head: &str, body: &str) {
        let text = format!("{HEAD}{head}\nclass Act(Action):\n    def run(self, **given):\n        {body}\n");
        drop(fs::remove_dir_all(self.place.pack.path().join("actions/__pycache__")));
        self.place.write(&format!("actions/{name}.py"), &text);
    }

    async fn run_by(&self, name: &str, given: Value, cancel: CancellationToken) -> (Outcome, Vec<String>) {
        let (sink, file) = (OutputSink::new(2000), format!("{name}.py"));
        let action =
            json!({"ref": format!("mine.{name}"), "runner_type": "python-script", "entry_point": file});
        let mut call = call_of(action, given, self.place.pack.path());
        call.pack_config = Arc::new(json!({"url": "http://a"}).as_object().cloned().unwrap());
        let outcome = self.runner.run(call, sink.clone(), cancel).await;
        let told = sink.take().into_iter().filter(|line| line.stream == Stream::Output);
        (outcome, told.map(|line| line.text).collect())
    }

    async fn run(&self, name: &str, given: Value) -> Outcome {
        self.run_by(name, given, CancellationToken::new()).await.0
    }

    /// Runs an action that returns the number of its parent until it was forked: returns the parent.
    async fn warmed(&self, name: &str) -> i64 {
        let own = i64::from(std::process::id());
        let mut parent = own;
        for _ in 0..MOST_RUNS {
            let outcome = self.run(name, json!({})).await;
            assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
            parent = outcome.result.pointer("/result/parent").and_then(Value::as_i64).unwrap();
            if parent != own {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_ne!(parent, own, "{name} is never forked");
        parent
    }
}

const TELLS: &str = "return dict(given, parent=os.getppid(), own=os.getpid(), group=os.getpgid(0), \
                     env={k: v for k, v in os.environ.items() if k[:3] in ('ST2', 'MY_', 'PET')})";

#[tokio::test]
async fn what_is_forked_has_what_a_process_of_its_own_has() {
    let house = House::new(4);
    house.write(
        "act",
        "COUNT = []",
        &format!(
            "COUNT.append(1); print('out'); sys.stderr.write('err\\n'); given['count'] = len(COUNT); {TELLS}"
        ),
    );
    let cold = house.run("act", json!({"env": {"MY_A": "1"}, "x": "é"})).await;
    house.warmed("act").await;
    let warm = house.run("act", json!({"env": {"MY_A": "1"}, "x": "é"})).await;
    for outcome in [&cold, &warm] {
        let result = &outcome.result;
        assert_eq!((&result["stdout"], &result["stderr"]), (&json!("out\n"), &json!("err\n")), "{outcome:?}");
        let said = &result["result"];
        assert_eq!((&said["x"], &said["count"], &said["group"]), (&json!("é"), &json!(1), &said["own"]));
        assert_eq!(said["env"]["MY_A"], "1");
        assert!(said["env"]["PETREL_EXECUTION_PROOF"].is_string(), "{outcome:?}");
    }
    let names = |outcome: &Outcome| -> Vec<String> {
        let mut names: Vec<_> =
            outcome.result["result"]["env"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&cold), names(&warm));
    assert_ne!(
        cold.result["result"]["env"]["ST2_ACTION_EXECUTION_ID"],
        warm.result["result"]["env"]["ST2_ACTION_EXECUTION_ID"]
    );
}

#[tokio::test]
async fn every_end_of_a_fork_is_told_as_that_of_a_process() {
    let house = House::new(16);
    for (name, body, end, code, result) in [
        ("ok", "return True, 5", End::Succeeded, 0, json!(5)),
        ("no", "return False, {'why': 'x'}", End::Failed, 0, json!({"why": "x"})),
        ("pair", "return 'no', 5", End::Failed, 220, json!("None")),
        ("raises", "raise ValueError('bad')", End::Failed, 1, json!("None")),
        ("exits", "sys.exit(3)", End::Failed, 3, json!("None")),
        ("says", "sys.exit('gone')", End::Failed, 1, json!("None")),
        ("killed", "os.kill(os.getpid(), 9)", End::Failed, -9, json!("None")),
        ("ended", "os.kill(os.getpid(), 15)", End::Abandoned, -15, json!("None")),
        ("forks", "return None if os.fork() == 0 else os.wait()[1]", End::Succeeded, 0, json!(0)),
    ] {
        // It tells its parent until it is forked.
        house.write(name, "", &format!("if not given: {TELLS}\n        {body}"));
        house.warmed(name).await;
        let outcome = house.run(name, json!({"x": 1})).await;
        let got = (outcome.end, &outcome.result["exit_code"], &outcome.result["result"]);
        assert_eq!(got, (end, &json!(code), &result), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_changed_file_is_imported_again() {
    let house = House::new(4);
    house.write("act", "import near\nOWN = 1", &format!("given['said'] = [OWN, near.TEXT]; {TELLS}"));
    house.place.write("actions/near.py", "TEXT = 'one'\n");
    let first = house.warmed("act").await;
    let said = async || house.run("act", json!({})).await.result["result"]["said"].clone();
    assert_eq!(said().await, json!([1, "one"]));
    drop(fs::remove_dir_all(house.place.pack.path().join("actions/__pycache__")));
    house.place.write("actions/near.py", "TEXT = 'three'\n");
    assert_eq!(said().await, json!([1, "three"]), "at once");
    assert_ne!(house.warmed("act").await, first);
    assert_eq!(said().await, json!([1, "three"]), "and by the next interpreter");
}

#[tokio::test]
async fn what_an_import_leaves_behind_makes_an_action_cold_and_is_told_once() {
    let house = House::new(16);
    for (name, head, says) in [
        (
            "thread",
            "import threading\nthreading.Thread(target=time.sleep, args=(1,), daemon=True).start()",
            "started 1 thread",
        ),
        ("socket", "import socket\nKEPT = socket.socket()", "left a socket open"),
        ("file", "KEPT = open(__file__)", "file.py open"),
        ("child", "import subprocess\nKEPT = subprocess.Popen(['sleep', '1'])", "left a process running"),
        (
            "own",
            "TOKEN = os.environ.get('ST2_ACTION_EXECUTION_ID')",
            "reads the variable ST2_ACTION_EXECUTION_ID",
        ),
        ("all", "KEPT = dict(os.environ)", "reads all of the environment"),
        ("signal", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)", "took the signal SIGCHLD"),
    ] {
        house.write(name, head, TELLS);
        // Some tell of processes that held their output open as well.
        let is_meant = |line: &String| line.contains("a Python of its own");
        let mut told: Vec<String> = Vec::new();
        for _ in 0..MOST_RUNS {
            let (outcome, lines) = house.run_by(name, json!({}), CancellationToken::new()).await;
            assert_eq!(outcome.result["result"]["parent"], std::process::id(), "{name}: {outcome:?}");
            told.extend(lines.into_iter().filter(is_meant));
            if !told.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert!(told.len() == 1 && told[0].contains(says), "{name}: {told:?}");
        let (_, lines) = house.run_by(name, json!({}), CancellationToken::new()).await;
        assert!(!lines.iter().any(is_meant), "{name}: {lines:?}");
    }
}

#[tokio::test]
async fn a_variable_that_an_import_has_read_is_not_what_it_was() {
    let house = House::new(4);
    house.write("act", "MODE = os.environ.get('MY_MODE', 'none')", &format!("given['mode'] = MODE; {TELLS}"));
    house.warmed("act").await;
    for (env, mode) in
        [(json!({"MY_MODE": "fast"}), "fast"), (json!({"MY_OTHER": "1"}), "none"), (json!({}), "none")]
    {
        let outcome = house.run("act", json!({"env": env})).await;
        assert_eq!(outcome.result["result"]["mode"], mode, "{env}");
    }
}

#[tokio::test]
async fn timeout_and_cancel_end_all_that_a_fork_has_started() {
    let house = House::new(4);
    let body = format!(
        "if not given: {TELLS}\n        import subprocess\n        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n        \
         kept = [subprocess.Popen(['sleep', '600'], start_new_session=way) for way in (False, True)]\n        \
         print(*[one.pid for one in kept], flush=True)\n        time.sleep(600)"
    );
    house.write("act", "", &body);
    let parent = house.warmed("act").await;
    let cancel = CancellationToken::new();
    for (given, end) in [(json!({"x": 1, "timeout": 3}), End::TimedOut), (json!({"x": 1}), End::Canceled)] {
        if end == End::Canceled {
            let cancel = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                cancel.cancel();
            });
        }
        let (outcome, _) = house.run_by("act", given, cancel.clone()).await;
        assert_eq!(outcome.end, end, "{outcome:?}");
        let text = outcome.result["stdout"].as_str().unwrap();
        let left: Vec<_> = text.split_whitespace().filter(|id| is_running(id)).collect();
        assert!(left.is_empty() && !text.is_empty(), "{left:?} of {text}");
    }
    assert_eq!(house.warmed("act").await, parent, "the interpreter itself goes on");
}

#[tokio::test]
async fn an_interpreter_that_is_killed_takes_no_execution_along() {
    let house = House::new(4);
    // Its parent goes while it runs.
    house.write(
        "act",
        "",
        &format!("given.get('kill') and (os.kill(os.getppid(), 9), time.sleep(1)); {TELLS}"),
    );
    let first = house.warmed("act").await;
    let outcome = house.run("act", json!({"kill": true})).await;
    assert_eq!(
        (outcome.end, &outcome.result["result"]["kill"]),
        (End::Succeeded, &json!(true)),
        "{outcome:?}"
    );
    let second = house.warmed("act").await;
    assert_ne!(first, second);
    // It goes before: the next execution begins cold.
    let id = rustix::process::Pid::from_raw(i32::try_from(second).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    let outcome = house.run("act", json!({"x": 1})).await;
    assert_eq!((outcome.end, &outcome.result["result"]["x"]), (End::Succeeded, &json!(1)), "{outcome:?}");
}

#[tokio::test]
async fn there_are_only_so_many_and_an_unused_one_makes_room() {
    let house = House::new(1);
    for name in ["one", "two"] {
        house.write(name, "", TELLS);
    }
    let first = house.warmed("one").await;
    let second = house.warmed("two").await;
    assert_ne!(first, second);
    for _ in 0..MOST_RUNS {
        if !is_running(&first.to_string()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the first interpreter does not end");
}

/// Whether a process runs, and is not only waited for.
fn is_running(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
