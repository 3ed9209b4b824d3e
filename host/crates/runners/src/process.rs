//! Starts a process in a group of its own, passes its output to a sink line by line, and ends the whole group on
//! timeout and cancellation. The runner decides what to start, and what the exit means.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use petrel_model::Ref;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::output::OutputSink;
use crate::{Outcome, Upkeep};

mod attend;
mod capture;
mod children;
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
mod table;

pub use capture::Captured;
pub use forked::run_forked;
pub use forker::{Forker, NotForked};
pub use input::Input;
pub use leftovers::end_leftovers;
pub use reaper::Reaper;

use attend::{Leader, Streams, attend};
use children::Started;
use group::signal;
use identity::Identity;
use seal::Seal;

/// Pause between attempts to start a process for which the system has no room.
const NEXT_TRY: Duration = Duration::from_millis(200);
/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);
/// Longest wait for the end of a group after SIGKILL.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Time that output is still read after the process has ended. A process that it left in the background may hold the
/// pipes open for ever.
const DRAIN: Duration = Duration::from_millis(500);
/// The environment variable by which a later host finds processes of an execution.
pub const EXECUTION_VARIABLE: &str = "PETREL_EXECUTION_ID";
/// The environment variable that proves that this host has set [`EXECUTION_VARIABLE`].
pub const PROOF_VARIABLE: &str = "PETREL_EXECUTION_PROOF";

/// The description of a process to start.
#[derive(Debug)]
pub struct Spec {
    /// The execution. Every process that is started for it carries the id in [`EXECUTION_VARIABLE`], with a proof and a
    /// seal.
    pub execution: String,
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, without the marks of the execution.
    pub environment: Vec<(String, String)>,
    /// Directory in which it starts.
    pub working_directory: PathBuf,
    /// Standard input.
    pub input: Input,
    /// Longest duration.
    pub timeout: Duration,
    /// Bytes of each stream that are kept for the result, as stored.
    pub output_limit: usize,
    /// Lays the working directory out if it is the host's own and missing.
    pub upkeep: Upkeep,
}

/// The way in which a process ended.
#[derive(Debug)]
pub enum Exit {
    /// By itself, or by a signal from outside.
    Ended(ExitStatus),
    /// By itself, or by a signal from outside, and nobody knows how: who had forked it has ended before.
    Unknown,
    /// It exceeded its timeout and was ended.
    TimedOut,
    /// It was canceled.
    Canceled,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The way in which it ended.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// The answer, if the input was an exchange.
    pub answer: Captured,
}

impl Finished {
    /// One that was canceled before it began.
    fn canceled() -> Self {
        let nothing = Captured::default;
        Self { exit: Exit::Canceled, stdout: nothing(), stderr: nothing(), answer: nothing() }
    }
}

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

/// A process that has begun. Fields of a pattern are dropped in reverse order: if a future with them is dropped, the child
/// must go before its registration.
struct Begun {
    /// Our end of its standard input, if that is a socket.
    ours: Option<UnixStream>,
    /// A tick before which no process of its execution can have begun.
    began: u64,
    started: Started,
    child: Child,
}

/// Begins a process. If the system has no file or process left for it, nothing has begun, and it waits for its turn, for as
/// long as it could run. If the host's own working directory is missing, it is laid out once. `None` if it is canceled
/// meanwhile.
async fn begin(spec: &Spec, input: &Input, cancel: &CancellationToken) -> std::io::Result<Option<Begun>> {
    let (mut waited, mut is_laid_out) = (Duration::ZERO, false);
    loop {
        let error = match try_to_begin(spec, input) {
            Ok(begun) => return Ok(Some(begun)),
            Err(error) if is_exhausted(&error) && waited < spec.timeout => error,
            Err(error) if is_missing(&error) && !is_laid_out => {
                is_laid_out = spec.upkeep.lay_out(spec.working_directory.clone()).await;
                if is_laid_out {
                    continue;
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        if waited.is_zero() {
            tracing::warn!(%error, "a process waits until it can be started; let the host open more files (`ulimit -n`, or LimitNOFILE= of systemd), or start more processes");
        }
        tokio::select! {
            () = tokio::time::sleep(NEXT_TRY) => waited += NEXT_TRY,
            () = cancel.cancelled() => return Ok(None),
        }
    }
}

fn try_to_begin(spec: &Spec, input: &Input) -> std::io::Result<Begun> {
    let (stdin, ours) = input.open()?;
    let began = table::now();
    let (started, child) = start(spec, stdin)?;
    Ok(Begun { ours, began, started, child })
}

/// Whether the system had no file or process left. It says so before anything has begun.
pub(crate) fn is_exhausted(error: &std::io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::AGAIN]
        .iter()
        .any(|one| error.raw_os_error() == Some(one.raw_os_error()))
}

/// Whether a file or a directory was not there.
fn is_missing(error: &std::io::Error) -> bool {
    [Errno::NOENT, Errno::NOTDIR].iter().any(|one| error.raw_os_error() == Some(one.raw_os_error()))
}

/// Whether this process may open no more files at the moment, for errors of others that do not say what they come from.
pub(crate) fn has_no_file_left() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_exhausted(&error))
}

/// The variables that mark the processes of an execution.
pub(crate) fn marks(execution: &str) -> [(String, String); 2] {
    let proof = Identity::own().proof(execution);
    [(EXECUTION_VARIABLE.to_owned(), execution.to_owned()), (PROOF_VARIABLE.to_owned(), proof)]
}

/// Starts a process in a group of its own, with the marks of its execution.
fn start(spec: &Spec, stdin: Stdio) -> std::io::Result<(Started, Child)> {
    let identity = Identity::own();
    // Local, so that it is dropped here: it holds a copy of the child's end of standard input.
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.arguments)
        // The environment of the host may contain secrets, so nothing of it is inherited.
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .envs(marks(&spec.execution))
        .current_dir(&spec.working_directory)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // One signal to the group reaches everything that the command starts.
        .process_group(0)
        .kill_on_drop(true);
    children::start(|| Seal::of(&spec.execution, identity).put_on(|| command.spawn()), Child::id)
}

/// The inode number of a pipe.
fn number(pipe: Option<&impl AsFd>) -> Option<u64> {
    pipe.and_then(|pipe| rustix::fs::fstat(pipe).ok()).map(|found| found.st_ino)
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

/// Waits for the end of the process, and ends it on timeout or cancellation. `group` comes with the tick at which it
/// began.
async fn watch(
    child: &mut impl Leader,
    (group, began): (Option<Pid>, u64),
    spec: &Spec,
    cancel: &CancellationToken,
) -> std::io::Result<Exit> {
    let exit = tokio::select! {
        exit = child.wait() => return exit,
        () = tokio::time::sleep(spec.timeout) => Exit::TimedOut,
        () = cancel.cancelled() => Exit::Canceled,
    };
    let marks = leftovers::look(&spec.execution, group, began).await;
    signal(group, Signal::TERM);
    let ended = timeout(GRACE, child.wait()).await;
    // Sent even if the leader has ended: other members of the group may still run.
    signal(group, Signal::KILL);
    if ended.is_err() && timeout(LAST_WAIT, child.wait()).await.is_err() {
        // Nothing more can be done: the process belongs to another user, or hangs in the kernel.
        tracing::error!(process.id = group.map(Pid::as_raw_pid), "process did not end after SIGKILL");
    }
    // Processes that have left the group.
    leftovers::end_all(marks).await;
    Ok(exit)
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
