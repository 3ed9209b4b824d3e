//! Begins a process in a group of its own, with the marks of its execution.

use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::children::{self, Started};
use super::identity::Identity;
use super::input::Input;
use super::seal::Seal;
use super::spec::{EXECUTION_VARIABLE, PROOF_VARIABLE, Spec};
use super::table;

/// Pause between attempts to start a process for which the system has no room.
const NEXT_TRY: Duration = Duration::from_millis(200);

/// A process that has begun. Fields of a pattern are dropped in reverse order: if a future with them is dropped, the child
/// must go before its registration.
pub(super) struct Begun {
    /// Our end of its standard input, if that is a socket.
    pub(super) ours: Option<UnixStream>,
    /// A tick before which no process of its execution can have begun.
    pub(super) began: u64,
    pub(super) started: Started,
    pub(super) child: Child,
}

/// Begins a process. If the system has no file or process left for it, nothing has begun, and it waits for its turn, for as
/// long as it could run. If the host's own working directory is missing, it is laid out once. `None` if it is canceled
/// meanwhile.
pub(super) async fn begin(
    spec: &Spec,
    input: &Input,
    cancel: &CancellationToken,
) -> std::io::Result<Option<Begun>> {
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
pub(crate) fn marks_of(execution: &str) -> [(String, String); 2] {
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
        .envs(marks_of(&spec.execution))
        .current_dir(&spec.working_directory)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // One signal to the group reaches everything that the command starts.
        .process_group(0)
        .kill_on_drop(true);
    children::start(|| Seal::of(&spec.execution, identity).put_on(|| command.spawn()), Child::id)
}
