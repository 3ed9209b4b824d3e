//! Exit codes, and the failures that carry them.

use std::fmt;

use petrel_persistence_embedded::remedy;
use serde_json::{Value, json};

/// The exit code of the process. Scripts rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Success.
    Ok = 0,
    /// The run failed, or problems were found.
    Failed = 1,
    /// The command line or its input is wrong.
    Usage = 2,
    /// The object does not exist.
    NotFound = 3,
    /// The caller is not signed in.
    Unauthorized = 4,
    /// Somebody has to accept it first.
    Unaccepted = 5,
    /// The object exists already, or has changed meanwhile.
    Conflict = 6,
    /// The execution did not end in time.
    TimedOut = 7,
    /// The host does not answer, or has failed.
    Server = 8,
    /// The execution was canceled.
    Canceled = 9,
    /// A waiting client was interrupted. The number is a shell's for SIGINT.
    Interrupted = 130,
}

/// The table of exit codes, for the help.
pub(crate) const TABLE: &str = "Exit codes: 0 done, 1 the run failed or problems were found, 2 wrong usage or input, 3 not found, 4 not signed in or not allowed to, \
5 must be accepted first, 6 conflict, 7 still running when patience ended, 8 server not reachable or in trouble, 9 canceled, \
130 broken off by ^C";

/// A failure: the message, the remedy, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: String,
    /// The stable code of the failure, as in the API.
    pub(crate) kind: String,
}

impl Failure {
    /// A failure with its remedy.
    pub(crate) fn new(code: Code, kind: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, kind: kind.into(), message: message.into(), hint: hint.into() }
    }

    /// A failure of the command line or its input.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::Usage, "usage", message, hint)
    }

    /// The failure in the form of the API's errors.
    pub(crate) fn as_json(&self) -> Value {
        json!({"faultstring": self.message, "code": self.kind, "hint": self.hint})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if !self.hint.is_empty() {
            write!(f, "\n  try: {}", self.hint)?;
        }
        Ok(())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // A full disk or a missing right is no fault of the host, and has a remedy of its own.
        let system = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
        let hint = system.and_then(remedy::of_error).unwrap_or_default();
        Self::new(Code::Server, "host", format!("{error:#}"), hint)
    }
}
