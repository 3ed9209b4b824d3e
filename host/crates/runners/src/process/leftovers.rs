//! Finds processes that an execution has left behind, wherever they have gone, and ends them.
//!
//! Every process carries the id of its execution in its environment, and so does what it starts, also in a session of
//! its own; a process id that was used again does no harm. All processes of the machine are looked at, which takes
//! milliseconds: so this is for executions that did not end as they should, and never for the others.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::EXECUTION_VARIABLE;
use super::group::signal;

/// How often is looked again for what was started while others were being ended.
const ROUNDS: usize = 10;
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(5);

/// Kills the groups of processes that were started for the given executions and that are still there. Returns how
/// many processes there were.
pub fn end_leftovers(executions: &[String]) -> usize {
    end_where(|environment, _| has_mark(environment, executions))
}

/// Ends everything of an execution.
pub(super) async fn end_all(execution: &str) {
    let executions = vec![execution.to_owned()];
    until_none_is_left(move || end_leftovers(&executions)).await;
}

/// Ends what of an execution holds one of these pipes open; `pipes` are their numbers. Returns how many did.
pub(super) async fn end_holders(execution: &str, pipes: Vec<u64>) -> usize {
    let executions = vec![execution.to_owned()];
    until_none_is_left(move || {
        end_where(|environment, process| has_mark(environment, &executions) && holds(process, &pipes))
    })
    .await
}

async fn until_none_is_left(end: impl Fn() -> usize + Send + 'static) -> usize {
    let ended = tokio::task::spawn_blocking(move || {
        let mut most = 0;
        for _ in 0..ROUNDS {
            match end() {
                0 => break,
                count => most = most.max(count),
            }
            std::thread::sleep(PAUSE);
        }
        most
    });
    ended.await.unwrap_or_default()
}

fn end_where(is_meant: impl Fn(&[u8], &Path) -> bool) -> usize {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let mut ended = 0;
    for process in processes.flatten() {
        let id =
            process.file_name().to_str().and_then(|name| name.parse::<i32>().ok()).and_then(Pid::from_raw);
        let Some(id) = id else { continue };
        let Ok(environment) = std::fs::read(process.path().join("environ")) else { continue };
        if is_meant(&environment, &process.path()) {
            ended += 1;
            signal(Some(id), Signal::KILL);
            // It may lead no group; or it is gone, which is what we want.
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
    }
    ended
}

fn has_mark(environment: &[u8], executions: &[String]) -> bool {
    environment.split(|byte| *byte == 0).any(|variable| {
        let value = std::str::from_utf8(variable)
            .ok()
            .and_then(|text| text.strip_prefix(EXECUTION_VARIABLE)?.strip_prefix('='));
        value.is_some_and(|value| executions.iter().any(|execution| execution == value))
    })
}

/// Whether a process, given as its directory in `/proc`, has one of the pipes open.
fn holds(process: &Path, pipes: &[u64]) -> bool {
    let Ok(files) = std::fs::read_dir(process.join("fd")) else { return false };
    files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).any(|target| {
        let number = target.to_str().and_then(|text| text.strip_prefix("pipe:[")?.strip_suffix(']'));
        number.and_then(|number| number.parse().ok()).is_some_and(|number: u64| pipes.contains(&number))
    })
}
