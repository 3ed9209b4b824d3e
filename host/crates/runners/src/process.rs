//! Starts a process in a group of its own, passes its output to a sink line by line, and ends the whole group on
//! timeout and cancellation. The runner decides what to start, and what the exit means.

use std::ffi::OsStr;
use std::path::Path;

use petrel_model::Ref;
use rustix::io::Errno;
use rustix::process::Pid;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::output::OutputSink;

mod attend;
mod begin;
mod capture;
mod children;
mod conversation;
mod forked;
mod forker;
mod group;
mod home;
mod identity;
mod input;
mod leftovers;
mod marks;
mod reaper;
mod seal;
mod spec;
mod table;
mod usage;

pub(crate) use begin::{has_no_file_left, is_exhausted, marks_of};
pub use capture::Captured;
pub use conversation::{Peer, converse};
pub use forked::run_forked;
pub use forker::{Forker, NotForked};
pub use input::Input;
pub use leftovers::end_leftovers;
pub use reaper::Reaper;
pub use spec::{EXECUTION_VARIABLE, Exit, Finished, PROOF_VARIABLE, Spec};
pub use usage::Usage;

use attend::{Streams, attend};
use begin::{Begun, begin};

/// Runs a process to its end. If the host ends it, its group and all processes with its marks are ended, too. If it
/// ends by itself, only background processes that still hold its output open are ended: a daemon that has closed its
/// output lives on, as actions that start a service expect.
///
/// # Errors
/// If the process cannot be started, for example because the program or the directory does not exist. If the system has
/// no file or process left for it, it waits first.
pub async fn run(mut spec: Spec, sink: &OutputSink, cancel: &CancellationToken) -> std::io::Result<Finished> {
    let input = std::mem::take(&mut spec.input);
    let Some(Begun { ours, began, started, mut child }) = begin(&spec, &input, cancel).await? else {
        return Ok(Finished::canceled());
    };
    // The process has it, and it may be large.
    spec.environment = Vec::new();
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let streams = Streams {
        stdin: child.stdin.take(),
        exchange: ours,
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    let finished = attend((&mut child, group, began), streams, input, &spec, sink, cancel).await;
    drop(started);
    finished
}

/// The outcome of a call whose `program` could not be started in `directory`. The system reports "no such file" for
/// whatever is missing, so this looks up which file it is.
pub(crate) fn not_started(
    action: &Ref,
    program: &OsStr,
    directory: &Path,
    error: &std::io::Error,
) -> Outcome {
    if error.raw_os_error() == Some(Errno::TOOBIG.raw_os_error()) {
        return Outcome::failed(
            "process.arguments",
            format!("{action} could not be started: its parameters are longer than a command line may be"),
            "pass large values in a file",
        );
    }
    let path = Path::new(program);
    let name = path.display();
    let place = directory.display();
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    let (reason, remedy) = if is_exhausted(error) {
        (
            format!("{error}, for as long as it may run"),
            "let the host open more files or start more processes (LimitNOFILE= and TasksMax= of systemd), or run fewer at once",
        )
    } else if !directory.is_dir() {
        (
            format!("{place}, where it is to start, is not a directory"),
            "give an existing directory in cwd, or make it; if something else stands in its place, remove that first",
        )
    } else if is_missing && program == "sudo" {
        (
            "the program sudo is not on PATH, and it takes sudo to run as root or as another user".to_owned(),
            "install sudo; or run the host as that user, without --run-as and without sudo",
        )
    } else if is_missing && path.exists() {
        (
            format!("the interpreter that the first line of {name} names is missing"),
            "install it, or correct the first line",
        )
    } else if is_missing {
        (format!("the program {name} does not exist"), "install it, or correct its path")
    } else {
        (
            format!("{name} in {place}: {error}"),
            "check that the user of the host may enter the directory and run the program",
        )
    };
    Outcome::failed("process.start", format!("{action} could not be started: {reason}"), remedy)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let place = tempfile::tempdir().unwrap();
        let script = place.path().join("a.sh");
        fs::write(&script, "#!/nowhere/sh\n").unwrap();
        let (here, gone) = (place.path(), place.path().join("gone"));
        let action: Ref = "mine.act".parse().unwrap();
        for (program, directory, kind, says) in [
            (
                "/bin/sh",
                gone.as_path(),
                ErrorKind::NotFound,
                format!("{}, where it is to start", gone.display()),
            ),
            ("sudo", here, ErrorKind::NotFound, "the program sudo is not on PATH".to_owned()),
            ("sudo", gone.as_path(), ErrorKind::NotFound, "is not a directory".to_owned()),
            ("/nowhere/zsh", here, ErrorKind::NotFound, "the program /nowhere/zsh does not exist".to_owned()),
            (
                script.to_str().unwrap(),
                here,
                ErrorKind::NotFound,
                format!("the interpreter that the first line of {}", script.display()),
            ),
            ("/bin/sh", here, ErrorKind::PermissionDenied, format!("/bin/sh in {}", here.display())),
        ] {
            let outcome = not_started(&action, program.as_ref(), directory, &Error::from(kind));
            assert_eq!(outcome.result["code"], "process.start");
            let error = outcome.result["error"].as_str().unwrap();
            assert!(error.starts_with("mine.act could not be started: ") && error.contains(&says), "{error}");
        }
    }
}
