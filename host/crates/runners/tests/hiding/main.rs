//! Processes that remove every mark of their execution. In a program of its own, since a reaper takes every child that
//! it has not started itself for an orphan of an execution.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use petrel_model::Id;
use petrel_runners::local_shell::{LocalShell, Options};
use petrel_runners::process::Reaper;
use petrel_runners::{Call, End, Outlet, OutputSink, Runner};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Number of looks for an expected event.
const LOOKS: usize = 50;

/// The directory of a test, with files of hidden processes.
struct Place(TempDir);

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command that leaves a process, which writes to the file of this name as long as it lives.
    fn hide(&self, mark: &str, how: &str) -> String {
        let [script, mark, stop] = ["hide.py", mark, "stop"].map(|name| self.path(name));
        format!("python3 {} {} {} {how}", script.display(), mark.display(), stop.display())
    }

    /// Whether a process still writes to the file.
    async fn beats(&self, mark: &str) -> bool {
        let before = std::fs::read(self.path(mark)).ok();
        tokio::time::sleep(Duration::from_millis(200)).await;
        std::fs::read(self.path(mark)).ok() != before
    }

    async fn until_it_beats(&self, mark: &str) {
        for _ in 0..LOOKS {
            if self.beats(mark).await {
                return;
            }
        }
        unreachable!("nothing writes to {mark}");
    }
}

fn runner(working_directory: &Path) -> LocalShell {
    LocalShell::new(Options {
        environment: vec![("PATH".into(), std::env::var("PATH").unwrap())],
        working_directory: working_directory.to_owned(),
        api_url: "http://127.0.0.1:9101".into(),
        output_limit: 1000,
        run_as: None,
        decode_scalars: true,
        upkeep: petrel_runners::Upkeep::default(),
    })
}

fn call(cmd: &str, timeout: f64) -> Call {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let action = json!({"ref": "core.local", "runner_type": "local-shell-cmd"});
    Call {
        execution_id: Id::from_parts(CALLS.fetch_add(1, Ordering::Relaxed), std::process::id().into()).into(),
        attempt: 0,
        action: Arc::new(serde_json::from_value(action).unwrap()),
        parameters: Arc::new(json!({"cmd": cmd, "timeout": timeout}).as_object().cloned().unwrap()),
        user: "admin".into(),
        pack_path: std::env::temp_dir(),
        pack_config: Arc::default(),
        outlet: Outlet::default(),
        around: petrel_runners::asked::Around::default(),
    }
}

/// The children of this process that nobody has waited for.
fn strays() -> String {
    std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id())).unwrap()
}

#[tokio::test]
async fn who_takes_off_all_marks_is_ended_with_its_execution() {
    let place = Place(tempfile::tempdir().unwrap());
    std::fs::write(place.path("hide.py"), include_str!("hide.py")).unwrap();
    let (_reaper, runner) = (Reaper::start(place.0.path(), "of this test"), runner(place.0.path()));

    for (how, timeout, is_canceled, end) in [
        ("stays", 5.0, false, End::TimedOut),
        ("stays", 60.0, true, End::Canceled),
        // It forks and exits again and again, so that each search of all processes may miss it.
        ("hops", 5.0, false, End::TimedOut),
        ("hops", 60.0, true, End::Canceled),
    ] {
        let (mark, cancel) = (format!("{how}-{end:?}"), CancellationToken::new());
        let hidden = call(&format!("{}; sleep 60", place.hide(&mark, how)), timeout);
        let running = runner.run(hidden, OutputSink::new(500), cancel.clone());
        let meanwhile = async {
            place.until_it_beats(&mark).await;
            if is_canceled {
                cancel.cancel();
            }
        };
        let (outcome, ()) = tokio::join!(running, meanwhile);
        assert_eq!((outcome.end, place.beats(&mark).await), (end, false), "{how}");
    }

    // A service lives on after its command, also when a later execution is ended.
    let service = call(&place.hide("service", "stays"), 60.0);
    let outcome = runner.run(service, OutputSink::new(500), CancellationToken::new()).await;
    assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
    place.until_it_beats("service").await;
    let late = runner.run(call("sleep 60", 0.5), OutputSink::new(500), CancellationToken::new()).await;
    assert_eq!((late.end, place.beats("service").await), (End::TimedOut, true));

    // Nobody else waits for it when it ends.
    assert!(!strays().is_empty());
    std::fs::write(place.path("stop"), "").unwrap();
    for _ in 0..LOOKS {
        if strays().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    unreachable!("these have ended and are waited for by nobody: {}", strays());
}
