//! Starts a process in a group of its own, feeds its output to a sink line by line, and ends the whole
//! group on timeout and cancel. What to start, and what an exit means, is the runner's business.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use petrel_model::Ref;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::output::{OutputSink, Stream};

mod capture;
mod children;
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
pub use input::Input;
pub use leftovers::end_leftovers;
pub use reaper::Reaper;

use capture::Reader;
use children::Started;
use group::{Group, signal};
use identity::Identity;
use seal::Seal;

/// How long a group that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the end of a group that was killed.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How long output is still read after the process itself has ended: what it left behind in the
/// background may hold the pipes open for ever.
const DRAIN: Duration = Duration::from_millis(500);
/// The variable by which a process that outlived its host is found again.
pub const EXECUTION_VARIABLE: &str = "PETREL_EXECUTION_ID";
/// The variable beside it that proves that this host has set it.
pub const PROOF_VARIABLE: &str = "PETREL_EXECUTION_PROOF";

/// What to start.
#[derive(Debug)]
pub struct Spec {
    /// The execution that it is for; all that is started carries it in [`EXECUTION_VARIABLE`], with its proof and
    /// its seal.
    pub execution: String,
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, but for the mark of its execution.
    pub environment: Vec<(String, String)>,
    /// Where it starts.
    pub working_directory: PathBuf,
    /// What it reads from standard input, and whether it answers there.
    pub input: Input,
    /// How long it may take.
    pub timeout: Duration,
    /// How many bytes of each stream are kept for the result, as they are stored.
    pub output_limit: usize,
}

/// How it ended.
#[derive(Debug)]
pub enum Exit {
    /// By itself, or by a signal from outside.
    Ended(ExitStatus),
    /// It took too long and was ended.
    TimedOut,
    /// It was ended on request.
    Canceled,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// What it answered in an exchange.
    pub answer: Captured,
}

/// Runs a process to its end, and ends what it may not leave behind: its group and all that is marked as its own
/// when it is ended by us; when it has ended by itself, what it left in the background and still holds its output
/// open. A daemon that has let go of its output lives on, as actions that start a service expect.
///
/// # Errors
/// When it cannot be started at all: no such program, no such directory.
pub async fn run(mut spec: Spec, sink: &OutputSink, cancel: &CancellationToken) -> std::io::Result<Finished> {
    let input = std::mem::take(&mut spec.input);
    let (stdin, ours) = input.open()?;
    let began = table::now();
    // In this order: when this future is dropped half-way, the child is to go first.
    let (started, mut child) = start(&mut spec, stdin)?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // Ends the group also when this future is dropped half-way.
    let guard = Group(group);
    let stdin = child.stdin.take();
    let mut answer = Captured::default();
    let feed = input::feed(input, stdin, ours, &mut answer, sink);
    let mut out = Reader::new(Stream::Stdout, sink, spec.output_limit);
    let mut err = Reader::new(Stream::Stderr, sink, spec.output_limit);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let pipes = [number(stdout.as_ref()), number(stderr.as_ref())].into_iter().flatten().collect();
    let exit = {
        let reading = async { tokio::join!(feed, out.read(stdout), err.read(stderr)) };
        tokio::pin!(reading);
        let ended = watch(&mut child, (group, began), &spec, cancel);
        tokio::pin!(ended);
        tokio::select! {
            exit = &mut ended => {
                if timeout(DRAIN, &mut reading).await.is_err() {
                    let held = leftovers::end_holders(pipes).await;
                    if held > 0 {
                        sink.line(Stream::Output, format!("{held} processes that were left in the background held the output open, and were ended"));
                    }
                    drop(timeout(DRAIN, &mut reading).await);
                }
                exit?
            }
            _ = &mut reading => ended.await?,
        }
    };
    guard.disarm();
    drop(started);
    Ok(Finished { exit, stdout: out.finish(), stderr: err.finish(), answer })
}

/// Starts a process, in a group of its own and with the marks of its execution.
fn start(spec: &mut Spec, stdin: Stdio) -> std::io::Result<(Started, Child)> {
    let identity = Identity::own();
    // Dropped at the end, with its copy of what the process finds at standard input.
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.arguments)
        .env_clear()
        .envs(spec.environment.drain(..))
        .env(EXECUTION_VARIABLE, &spec.execution)
        .env(PROOF_VARIABLE, identity.proof(&spec.execution))
        .current_dir(&spec.working_directory)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    children::start(|| Seal::of(&spec.execution, identity).put_on(|| command.spawn()), Child::id)
}

/// The number by which the system knows a pipe.
fn number(pipe: Option<&impl AsFd>) -> Option<u64> {
    pipe.and_then(|pipe| rustix::fs::fstat(pipe).ok()).map(|found| found.st_ino)
}

/// The outcome of a call whose `program` could not be started in `directory`. The system says "no such file" of
/// whatever is missing: which it is, is looked up here.
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
            "hand over what is large in a file",
        );
    }
    let path = Path::new(program);
    let name = path.display();
    let place = directory.display();
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    let (reason, remedy) = if !directory.is_dir() {
        (
            format!("{place}, where it is to start, is no directory"),
            "give an existing directory in cwd, or make it",
        )
    } else if is_missing && program == "sudo" {
        (
            "the program sudo is not on PATH, and it takes sudo to run as root or as another user".to_owned(),
            "install sudo; or run the host as that user, without --run-as and without sudo",
        )
    } else if is_missing && path.exists() {
        (
            format!("what is to interpret {name}, as its first line says, is missing"),
            "install it, or correct the first line",
        )
    } else if is_missing {
        (format!("the program {name} is not there"), "install it, or correct its path")
    } else {
        (
            format!("{name} in {place}: {error}"),
            "check that the user of the host may enter the directory and run the program",
        )
    };
    Outcome::failed("process.start", format!("{action} could not be started: {reason}"), remedy)
}

/// Waits for the end, and brings it about when it is time. The group comes with the tick at which it began.
async fn watch(
    child: &mut Child,
    (group, began): (Option<Pid>, u64),
    spec: &Spec,
    cancel: &CancellationToken,
) -> std::io::Result<Exit> {
    let exit = tokio::select! {
        status = child.wait() => return Ok(Exit::Ended(status?)),
        () = tokio::time::sleep(spec.timeout) => Exit::TimedOut,
        () = cancel.cancelled() => Exit::Canceled,
    };
    let marks = leftovers::look(&spec.execution, group, began).await;
    signal(group, Signal::TERM);
    let ended = timeout(GRACE, child.wait()).await;
    // Also when the leader has ended: others of the group may not have.
    signal(group, Signal::KILL);
    if ended.is_err() && timeout(LAST_WAIT, child.wait()).await.is_err() {
        // Nothing more can be done: it runs as another user, or hangs in the kernel.
        tracing::error!(process.id = child.id(), "a process cannot be ended");
    }
    // What has left the group.
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
            ("sudo", gone.as_path(), ErrorKind::NotFound, "is no directory".to_owned()),
            ("/nowhere/zsh", here, ErrorKind::NotFound, "the program /nowhere/zsh is not there".to_owned()),
            (
                script.to_str().unwrap(),
                here,
                ErrorKind::NotFound,
                format!("what is to interpret {}", script.display()),
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
