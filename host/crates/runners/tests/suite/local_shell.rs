//! Effects of command lines, and results of their executions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use petrel_model::Id;
use petrel_runners::local_shell::{LocalShell, Options};
use petrel_runners::{Call, End, Outcome, OutputSink, Runner, Upkeep};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{assert_says_that_it_was_cut, call_of, crowded, shell_options};

fn runner() -> LocalShell {
    LocalShell::new(shell_options())
}

fn call(parameters: Value) -> Call {
    let action = json!({"ref": "core.local", "runner_type": "local-shell-cmd"});
    call_of(action, parameters, &std::env::temp_dir())
}

async fn run(parameters: Value) -> (Outcome, Vec<String>) {
    let sink = OutputSink::new(2000);
    let outcome = runner().run(call(parameters), sink.clone(), CancellationToken::new()).await;
    (outcome, sink.take().into_iter().map(|line| line.text).collect())
}

#[tokio::test]
async fn results_are_shaped_as_stackstorm_shapes_them() {
    let cases = [
        (json!({"cmd": "echo hi"}), End::Succeeded, 0, json!("hi"), json!("")),
        (json!({"cmd": "echo; echo hi; echo"}), End::Succeeded, 0, json!("\nhi\n"), json!("")),
        (json!({"cmd": "echo '{\"a\": 1}'; echo 5 >&2"}), End::Succeeded, 0, json!({"a": 1}), json!(5)),
        (json!({"cmd": "exit 3"}), End::Failed, 3, json!(""), json!("")),
        (json!({"cmd": "kill -9 $$"}), End::Failed, -9, json!(""), json!("")),
        (json!({"cmd": "kill -15 $$"}), End::Abandoned, -15, json!(""), json!("")),
        (json!({"cmd": "echo $A $B", "env": {"B": 2}}), End::Succeeded, 0, json!("host 2"), json!("")),
        (json!({"cmd": "pwd", "cwd": "/"}), End::Succeeded, 0, json!("/"), json!("")),
        (
            json!({"cmd": "echo early; sleep 30", "timeout": 0.2}),
            End::TimedOut,
            -9,
            json!("early"),
            json!(""),
        ),
    ];
    for (parameters, end, code, stdout, stderr) in cases {
        let (outcome, _) = run(parameters.clone()).await;
        let result = &outcome.result;
        let got = (outcome.end, &result["return_code"], &result["stdout"], &result["stderr"]);
        assert_eq!(got, (end, &json!(code), &stdout, &stderr), "{parameters}");
        assert_eq!(result["succeeded"], json!(end == End::Succeeded), "{parameters}");
    }
}

#[tokio::test]
async fn a_command_without_time_is_refused() {
    for timeout in [json!(0), json!(-1), json!(-0.5)] {
        let (outcome, _) = run(json!({"cmd": "echo hi", "timeout": timeout})).await;
        let code = outcome.result["code"].as_str();
        assert_eq!((outcome.end, code), (End::Failed, Some("parameters.timeout")), "{timeout}");
        assert_eq!(outcome.result["hint"], "give a number of seconds above 0", "{timeout}");
    }
}

#[tokio::test]
async fn a_command_line_is_for_bash_and_for_sh_where_there_is_none() {
    let cmd = "words=(a b); echo ${#words[@]}$(echo '\\n') ${BASH_VERSION:+bash}";
    let (outcome, _) = run(json!({"cmd": cmd})).await;
    assert_eq!(outcome.result["stdout"], "2\\n bash");
    // The shell is found although the environment is empty.
    let nowhere = Options { environment: Vec::new(), ..shell_options() };
    let outcome = LocalShell::new(nowhere)
        .run(
            call(json!({"cmd": "echo ${BASH_VERSION:+bash}"})),
            OutputSink::new(2000),
            CancellationToken::new(),
        )
        .await;
    assert_eq!(outcome.result["stdout"], "bash");
}

#[tokio::test]
async fn what_is_no_object_and_no_array_stays_text_if_it_is_to() {
    let options = || Options { decode_scalars: false, ..shell_options() };
    for (printed, all, structured) in [
        ("5", json!(5), json!("5")),
        ("00123", json!("00123"), json!("00123")),
        ("1e3", json!(1000.0), json!("1e3")),
        ("true", json!(true), json!("true")),
        ("null", json!(null), json!("null")),
        ("\"x\"", json!("x"), json!("\"x\"")),
        (" [5]", json!([5]), json!([5])),
        ("{\"a\": null}", json!({"a": null}), json!({"a": null})),
        ("{no", json!("{no"), json!("{no")),
    ] {
        for (options, expected) in [(shell_options(), &all), (options(), &structured)] {
            let parameters =
                json!({"cmd": "printf %s \"$TEXT\"; printf %s \"$TEXT\" >&2", "env": {"TEXT": printed}});
            let ran = LocalShell::new(options);
            let outcome = ran.run(call(parameters), OutputSink::new(2000), CancellationToken::new()).await;
            let got = (&outcome.result["stdout"], &outcome.result["stderr"]);
            assert_eq!(got, (expected, expected), "{printed}");
        }
    }
}

#[tokio::test]
async fn a_command_knows_its_execution() {
    let call = call(
        json!({"cmd": "echo x$ST2_ACTION_EXECUTION_ID x$PETREL_EXECUTION_ID", "env": {"PETREL_EXECUTION_ID": "1"}}),
    );
    let id = call.execution_id;
    let outcome = runner().run(call, OutputSink::new(2000), CancellationToken::new()).await;
    assert_eq!(outcome.result["stdout"], format!("x{id} x{id}"));
}

#[tokio::test]
async fn what_cannot_be_started_says_what_to_do() {
    let (outcome, _) = run(json!({"cmd": "true", "cwd": "/no/such/place"})).await;
    assert_eq!((outcome.end, &outcome.result["code"]), (End::Failed, &json!("process.start")));
    assert!(outcome.result["error"].as_str().unwrap().contains("/no/such/place"));
    let (outcome, _) = run(json!({})).await;
    assert_eq!(outcome.result["hint"], "give the parameter cmd");
}

#[tokio::test]
async fn output_comes_line_by_line_and_a_flood_is_cut() {
    let (_, lines) = run(json!({"cmd": "printf 'a\\nb'; sleep 0.05; printf 'c\\nd'"})).await;
    assert_eq!(lines, ["a", "bc", "d"]);
    let (outcome, _) = run(json!({"cmd": "head -c 5000 /dev/zero | tr '\\0' x"})).await;
    let stdout = outcome.result["stdout"].as_str().unwrap();
    assert!(stdout.ends_with("[cut: 4000 more bytes were dropped]"), "{stdout}");
}

#[tokio::test]
async fn cancel_and_timeout_end_the_whole_group() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    let beat = format!("for i in $(seq 3000); do date +%s%N > {} || exit; sleep 0.02; done", mark.display());
    let stubborn = format!("trap '' TERM; ({beat}) & sleep 60");
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let cancel = cancel.clone();
        async move { runner().run(call(json!({"cmd": stubborn})), OutputSink::new(10), cancel).await }
    });
    until_it_beats(&mark).await;
    cancel.cancel();
    let outcome = tokio::time::timeout(Duration::from_secs(45), running).await.unwrap().unwrap();
    assert_eq!(outcome.end, End::Canceled);
    assert!(!beats(&mark).await, "a process in the background outlived the cancel");
}

#[tokio::test]
async fn a_process_in_the_background_does_not_hold_the_execution() {
    let started = Instant::now();
    let (outcome, _) = run(json!({"cmd": "sleep 60 & echo started"})).await;
    assert_eq!(outcome.result["stdout"], "started");
    assert!(started.elapsed() < Duration::from_secs(45));
}

#[tokio::test]
async fn what_an_earlier_host_left_running_is_found_and_ended() {
    let service = call(json!({"cmd": "setsid sleep 60 </dev/null >/dev/null 2>&1 & echo $!"}));
    let id = service.execution_id.to_string();
    let outcome = runner().run(service, OutputSink::new(10), CancellationToken::new()).await;
    let left = format!("/proc/{}/cmdline", outcome.result["stdout"]);
    // The environment of a process is empty at the moment of exec.
    let runs = async || {
        while std::fs::read(&left).unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), runs()).await.unwrap();
    assert_eq!(runner().end_leftovers(&["other".into()]), 0);
    assert_eq!(runner().end_leftovers(&[id]), 1);
    // It stays in the process table until somebody waits for it, with an empty environment.
    assert!(std::fs::read(&left).unwrap_or_default().is_empty());
}

#[tokio::test]
async fn who_only_says_that_it_is_of_an_execution_is_left_alone() {
    let id = Id::from_parts(77, std::process::id().into()).to_string();
    let mut stranger = tokio::process::Command::new("sleep")
        .arg("60")
        .env(petrel_runners::process::EXECUTION_VARIABLE, &id)
        .env(petrel_runners::process::PROOF_VARIABLE, &id)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    assert_eq!(runner().end_leftovers(&[id]), 0);
    assert!(stranger.try_wait().unwrap().is_none());
}

/// A command that leaves a process in a session of its own, which writes to a file as long as it lives, and as long as the
/// directory is there: a test that has ended leaves nothing behind.
fn daemon(mark: &std::path::Path, redirect: &str) -> String {
    let beat = format!(
        "trap '' TERM; for i in $(seq 3000); do date +%s%N > {} || exit; sleep 0.02; done",
        mark.display()
    );
    format!("setsid sh -c \"{}\" {redirect} &", beat.replace('$', "\\$"))
}

/// Whether a process still writes to the file.
async fn beats(mark: &std::path::Path) -> bool {
    let before = std::fs::read(mark).ok();
    tokio::time::sleep(Duration::from_millis(200)).await;
    std::fs::read(mark).ok() != before
}

#[tokio::test]
async fn a_daemon_is_ended_with_what_started_it() {
    let directory = tempfile::tempdir().unwrap();
    for (command, timeout, end, lives) in [
        // It has closed the output, and the command ends normally: it has started a service.
        ("sleep 0.2; echo started", 20.0, End::Succeeded, true),
        ("sleep 30", 0.5, End::TimedOut, false),
    ] {
        let mark = directory.path().join(format!("{end:?}"));
        let cmd = format!("{} {command}", daemon(&mark, ">/dev/null 2>&1 </dev/null"));
        let call = call(json!({"cmd": cmd, "timeout": timeout}));
        let outcome = runner().run(call, OutputSink::new(2000), CancellationToken::new()).await;
        assert_eq!(outcome.end, end, "{command}");
        if lives {
            // On a busy machine its turn may not come at once.
            let alive = async || while !beats(&mark).await {};
            assert!(tokio::time::timeout(Duration::from_secs(60), alive()).await.is_ok(), "{command}");
        } else {
            assert!(!beats(&mark).await, "{command}");
        }
    }
    // It holds the output open, which nobody would read.
    let mark = directory.path().join("loud");
    let cmd = format!("{} sleep 0.2; echo started", daemon(&mark, ""));
    let sink = OutputSink::new(2000);
    let started = Instant::now();
    let call = call(json!({"cmd": cmd}));
    let outcome = runner().run(call, sink.clone(), CancellationToken::new()).await;
    assert_eq!((outcome.end, &outcome.result["stdout"]), (End::Succeeded, &json!("started")));
    assert!(!beats(&mark).await && started.elapsed() < Duration::from_secs(45));
    assert!(sink.take().iter().any(|line| line.text.contains("held the output open")));
}

/// A command that leaves a process without any mark of its execution: no environment, no session, no parent, no output.
fn stranger(mark: &std::path::Path) -> String {
    let beat = format!(
        "trap \"\" TERM HUP; for i in $(seq 3000); do date +%s%N > {} || exit; sleep 0.02; done",
        mark.display()
    );
    format!("env -i PATH=\"$PATH\" setsid sh -c '({beat}) & exit 0' >/dev/null 2>&1 </dev/null")
}

/// Waits until a process writes to the file.
async fn until_it_beats(mark: &std::path::Path) {
    for _ in 0..300 {
        if beats(mark).await {
            return;
        }
    }
    unreachable!("nothing writes to {}", mark.display());
}

#[tokio::test]
async fn who_empties_its_environment_is_ended_too() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("late");
    let late = call(json!({"cmd": format!("{}; sleep 30", stranger(&mark)), "timeout": 5}));
    let outcome = runner().run(late, OutputSink::new(2000), CancellationToken::new()).await;
    assert_eq!((outcome.end, mark.exists(), beats(&mark).await), (End::TimedOut, true, false));

    let mark = directory.path().join("canceled");
    let (unwanted, cancel) =
        (call(json!({"cmd": format!("{}; sleep 30", stranger(&mark))})), CancellationToken::new());
    let subject = runner();
    let running = subject.run(unwanted, OutputSink::new(2000), cancel.clone());
    let stop = async {
        until_it_beats(&mark).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(running, stop);
    assert_eq!((outcome.end, beats(&mark).await), (End::Canceled, false));

    // A service that was started lives on, until the leftovers of its execution are to be ended.
    let mark = directory.path().join("service");
    let service = call(json!({"cmd": format!("{}; sleep 0.2", stranger(&mark))}));
    let id = service.execution_id.to_string();
    let outcome = runner().run(service, OutputSink::new(2000), CancellationToken::new()).await;
    assert_eq!(outcome.end, End::Succeeded);
    until_it_beats(&mark).await;
    assert!(runner().end_leftovers(&[id]) > 0);
    assert!(!beats(&mark).await);
}

#[tokio::test]
async fn who_holds_the_output_is_ended_whatever_its_environment() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("loud");
    let cmd = format!("{}; sleep 0.2; echo started", stranger(&mark).replace(">/dev/null 2>&1", ""));
    let started = Instant::now();
    let outcome =
        runner().run(call(json!({"cmd": cmd})), OutputSink::new(2000), CancellationToken::new()).await;
    assert_eq!((outcome.end, &outcome.result["stdout"]), (End::Succeeded, &json!("started")));
    assert!(!beats(&mark).await && started.elapsed() < Duration::from_secs(45));
}

#[tokio::test]
async fn a_result_that_was_cut_for_the_room_of_all_says_so() {
    let call = call(json!({"cmd": "head -c 900 /dev/zero | tr '\\0' x"}));
    let outcome = runner().run(call, crowded(), CancellationToken::new()).await;
    assert_eq!(outcome.end, End::Succeeded);
    assert_says_that_it_was_cut(&outcome);
}

#[tokio::test]
async fn a_directory_of_the_host_that_is_missing_is_laid_out_once() {
    let place = tempfile::tempdir().unwrap();
    for (name, makes, end) in [("made", true, End::Succeeded), ("gone", false, End::Failed)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let times = Arc::clone(&asked);
        let upkeep = Upkeep::by(move |missing| {
            times.fetch_add(1, Ordering::Relaxed);
            makes && std::fs::create_dir(missing).is_ok()
        });
        let options = Options { working_directory: place.path().join(name), upkeep, ..shell_options() };
        let sink = OutputSink::new(2000);
        let outcome =
            LocalShell::new(options).run(call(json!({"cmd": "pwd"})), sink, CancellationToken::new()).await;
        assert_eq!((outcome.end, asked.load(Ordering::Relaxed)), (end, 1), "{name}: {:?}", outcome.result);
        if !makes {
            assert_eq!(outcome.result["code"], "process.start");
            assert!(outcome.result["error"].as_str().unwrap().contains("is not a directory"));
        }
    }
}
