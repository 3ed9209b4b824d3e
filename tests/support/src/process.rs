//! A process under test: its output, its log and its end. On drop it is killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::Signal;

use crate::log::Log;
use crate::process_id::ProcessId;
use crate::wait::until;

/// A process that was started by this crate.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: Arc<Output>,
    log: Log,
}

impl Process {
    /// Starts a process whose standard error goes to `log`.
    pub(crate) fn start(command: &mut Command, log: Log) -> anyhow::Result<Self> {
        let stderr = log.stdio().context("keeping a log")?;
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let output = Arc::<Output>::default();
        if let Some(stdout) = child.stdout.take() {
            let output = Arc::clone(&output);
            std::thread::spawn(move || output.take(stdout));
        }
        Ok(Self { child, output, log })
    }

    /// The id of the process.
    pub fn id(&self) -> ProcessId {
        ProcessId(self.child.id())
    }

    /// Ends the process with SIGKILL, unless it has ended already.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to end, with SIGTERM.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.id().signal(Signal::TERM)
    }

    /// The exit status, if the process has ended.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the end of the process.
    ///
    /// # Errors
    /// When it does not end within `patience`.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        until("the end of a process", patience, || Ok(self.child.try_wait()?))
    }

    /// The last 64 KiB of its standard error.
    pub fn log(&self) -> String {
        self.log.end()
    }

    /// The result of `found` on the lines of its standard output, as soon as there are enough of them; `None` after
    /// the last line, or after `patience`.
    pub(crate) fn said<T>(&self, patience: Duration, found: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        self.output.until(patience, found)
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test is explained by the log")]
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.kill());
        if std::thread::panicking() {
            eprintln!("log of the host:\n{}", self.log());
        }
    }
}

/// The standard output of a process.
#[derive(Debug, Default)]
struct Output {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    /// Whether the output has ended.
    is_over: bool,
}

impl Output {
    /// Reads the output to its end, so that the process never blocks on a full pipe.
    fn take(&self, stdout: ChildStdout) {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            self.change(|said| said.lines.push(line));
        }
        self.change(|said| said.is_over = true);
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }

    fn until<T>(&self, patience: Duration, found: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = found(&said.lines) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if said.is_over || left.is_zero() {
                return None;
            }
            said = self.more.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
