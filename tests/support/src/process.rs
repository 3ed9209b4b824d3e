//! A process under test: what it says, what it logs, how it ends. It is killed when it is dropped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::Signal;

use crate::log::Log;
use crate::process_id::ProcessId;
use crate::wait::until;

/// A process that was started here.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: Arc<Output>,
    log: Log,
}

impl Process {
    /// Starts a process; its standard error goes to `log`.
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

    /// Its number.
    pub fn id(&self) -> ProcessId {
        ProcessId(self.child.id())
    }

    /// Ends it with SIGKILL. One that has ended already is left as it is.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, with SIGTERM.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.id().signal(Signal::TERM)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within `patience`.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        until("the end of a process", patience, || Ok(self.child.try_wait()?))
    }

    /// The end of what it has logged, to its standard error; 64 KiB at most.
    pub fn log(&self) -> String {
        self.log.end()
    }

    /// What `found` finds in the lines that it has written to its standard output, as soon as there are enough of
    /// them; nothing when it has written the last one, or after `patience`.
    pub(crate) fn said<T>(&self, patience: Duration, found: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        self.output.until(patience, found)
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test is explained by the log")]
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.kill());
        if std::thread::panicking() {
            eprintln!("log of the host:\n{}", self.log());
        }
    }
}

/// What a process writes to its standard output.
#[derive(Debug, Default)]
struct Output {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    /// Nothing more will come.
    is_over: bool,
}

impl Output {
    /// Reads on to the end, so that the process never waits for its reader.
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
