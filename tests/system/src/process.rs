//! Processes that end in bounded time.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use petrel_test_support::{PATIENCE, until};
use serde_json::Value;

/// The outcome of a process.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; -1 after a signal.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// The standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| unreachable!("{error}: {self:?}"))
    }

    /// Asserts the exit code, and returns the outcome.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// A running process whose output is being read.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

impl Running {
    /// Starts a process.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command, "")
    }

    /// Starts a process with `input` on its standard input.
    pub(crate) fn start_with(command: &mut Command, input: &str) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The process need not read it.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let stdout = read(child.stdout.take().unwrap());
        let stderr = read(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Waits for the end of the process.
    pub(crate) fn end(self) -> Ended {
        self.end_within(PATIENCE)
    }

    /// As [`Running::end`], for up to `patience`.
    pub(crate) fn end_within(mut self, patience: Duration) -> Ended {
        let status = until("the end of a process", patience, || Ok(self.child.try_wait()?)).unwrap();
        let code = status.code().unwrap_or(-1);
        Ended { code, stdout: self.stdout.join().unwrap(), stderr: self.stderr.join().unwrap() }
    }
}

fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
