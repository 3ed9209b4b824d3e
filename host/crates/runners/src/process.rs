//! Starts a process in a group of its own, feeds its output to a sink line by line, and ends the whole
//! group on timeout and cancel. What to start, and what an exit means, is the runner's business.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use petrel_model::Ref;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::output::{OutputSink, Stream};

mod input;

pub use input::Input;

/// How long a group that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the end of a group that was killed.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// How long output is still read after the process itself has ended: what it left behind in the
/// background may hold the pipes open for ever.
const DRAIN: Duration = Duration::from_millis(500);
/// The variable by which a process that outlived its host is found again.
pub const EXECUTION_VARIABLE: &str = "PETREL_EXECUTION_ID";

/// What to start.
#[derive(Debug)]
pub struct Spec {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Where it starts.
    pub working_directory: PathBuf,
    /// What it reads from standard input, and whether it answers there.
    pub input: Input,
    /// How long it may take; for ever if not given.
    pub timeout: Option<Duration>,
    /// How many bytes of each stream are kept for the result.
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

/// What it wrote to one stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes, up to the limit.
    pub bytes: Vec<u8>,
    /// How many more there were.
    pub dropped: usize,
}

impl Captured {
    /// Takes in more, up to `limit` bytes in all.
    fn take(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
        let (kept, dropped) = bytes.split_at(room);
        self.bytes.extend_from_slice(kept);
        self.dropped += dropped.len();
    }

    /// The text, with what was lost of it said at its end.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        if self.dropped == 0 {
            return text.into_owned();
        }
        let text = text.strip_suffix('\n').unwrap_or(&text);
        format!("{text}\n[cut: {} more bytes were dropped]", self.dropped)
    }
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

/// Runs a process to its end.
///
/// # Errors
/// When it cannot be started at all: no such program, no such directory.
pub async fn run(spec: Spec, sink: &OutputSink, cancel: &CancellationToken) -> std::io::Result<Finished> {
    let (stdin, ours) = spec.input.open()?;
    let mut child = Command::new(&spec.program)
        .args(&spec.arguments)
        .env_clear()
        .envs(spec.environment)
        .current_dir(&spec.working_directory)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // Ends the group also when this future is dropped half-way.
    let guard = Group(group);
    let stdin = child.stdin.take();
    let mut answer = Captured::default();
    let feed = input::feed(spec.input, stdin, ours, &mut answer);
    let mut out = Reader::new(Stream::Stdout, sink, spec.output_limit);
    let mut err = Reader::new(Stream::Stderr, sink, spec.output_limit);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let exit = {
        let reading = async { tokio::join!(feed, out.read(stdout), err.read(stderr)) };
        tokio::pin!(reading);
        let ended = watch(&mut child, group, spec.timeout, cancel);
        tokio::pin!(ended);
        tokio::select! {
            exit = &mut ended => {
                drop(timeout(DRAIN, reading).await);
                exit?
            }
            _ = &mut reading => ended.await?,
        }
    };
    guard.disarm();
    Ok(Finished { exit, stdout: out.finish(), stderr: err.finish(), answer })
}

/// The outcome of a call whose process could not be started in `directory`.
pub(crate) fn not_started(action: &Ref, directory: &Path, error: &std::io::Error) -> Outcome {
    if error.raw_os_error() == Some(Errno::TOOBIG.raw_os_error()) {
        return Outcome::failed(
            "process.arguments",
            format!("{action} could not be started: its parameters are longer than a command line may be"),
            "hand over what is large in a file",
        );
    }
    Outcome::failed(
        "process.start",
        format!("{action} could not be started in {}: {error}", directory.display()),
        "check that the working directory exists and that its shell (for sudo: sudo) is installed",
    )
}

/// Waits for the end, and brings it about when it is time.
async fn watch(
    child: &mut Child,
    group: Option<Pid>,
    limit: Option<Duration>,
    cancel: &CancellationToken,
) -> std::io::Result<Exit> {
    let expired = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let exit = tokio::select! {
        status = child.wait() => return Ok(Exit::Ended(status?)),
        () = expired => Exit::TimedOut,
        () = cancel.cancelled() => Exit::Canceled,
    };
    signal(group, Signal::TERM);
    let ended = timeout(GRACE, child.wait()).await;
    // Also when the leader has ended: others of the group may not have.
    signal(group, Signal::KILL);
    if ended.is_err() && timeout(LAST_WAIT, child.wait()).await.is_err() {
        // Nothing more can be done: it runs as another user, or hangs in the kernel.
        tracing::error!(process.id = child.id(), "a process cannot be ended");
    }
    Ok(exit)
}

fn signal(group: Option<Pid>, signal: Signal) {
    let Some(group) = group else { return };
    // The group may be gone already, which is what we want.
    if kill_process_group(group, signal) == Err(Errno::PERM) {
        // What sudo started belongs to root; who may start it by sudo may end it so.
        let number = if signal == Signal::TERM { "-TERM" } else { "-KILL" };
        let target = format!("-{}", group.as_raw_nonzero());
        let sudo = std::process::Command::new("sudo")
            .args(["-n", "kill", number, "--", &target])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !sudo.is_ok_and(|status| status.success()) {
            tracing::warn!(process.group = %target, "a process of another user cannot be signaled");
        }
    }
}

/// A process group that is killed when this is dropped armed.
struct Group(Option<Pid>);

impl Group {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        signal(self.0.take(), Signal::KILL);
    }
}

/// Reads one stream: the head is kept for the result, and every line goes to the sink.
struct Reader<'a> {
    stream: Stream,
    sink: &'a OutputSink,
    captured: Captured,
    limit: usize,
    line: Vec<u8>,
}

/// A longer line is handed on in parts, so that output without line ends does not pile up.
const LONGEST_LINE: usize = 8 * 1024;

impl<'a> Reader<'a> {
    fn new(stream: Stream, sink: &'a OutputSink, limit: usize) -> Self {
        Self { stream, sink, captured: Captured::default(), limit, line: Vec::new() }
    }

    async fn read(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match pipe.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.captured.take(bytes, self.limit);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
            if part.ends_with(b"\n") || self.line.len() > LONGEST_LINE {
                self.hand_on();
            }
        }
    }

    fn hand_on(&mut self) {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.sink.line(self.stream, text);
        self.line.clear();
    }

    fn finish(mut self) -> Captured {
        if !self.line.is_empty() {
            self.hand_on();
        }
        self.captured
    }
}

/// Kills the groups of processes that earlier hosts started for the given executions and that are still
/// there. They are recognised by their environment, so that a process id that was used again does no
/// harm. Returns how many there were.
pub fn end_leftovers(executions: &[String]) -> usize {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let mut ended = 0;
    for process in processes.flatten() {
        let id =
            process.file_name().to_str().and_then(|name| name.parse::<i32>().ok()).and_then(Pid::from_raw);
        let environment = std::fs::read(process.path().join("environ"));
        let (Some(id), Ok(environment)) = (id, environment) else { continue };
        let is_ours = environment.split(|byte| *byte == 0).any(|variable| {
            let value = std::str::from_utf8(variable)
                .ok()
                .and_then(|text| text.strip_prefix(EXECUTION_VARIABLE)?.strip_prefix('='));
            value.is_some_and(|value| executions.iter().any(|execution| execution == value))
        });
        if is_ours {
            ended += 1;
            signal(Some(id), Signal::KILL);
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
    }
    ended
}
