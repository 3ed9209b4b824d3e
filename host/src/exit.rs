//! Exit codes, and failures that carry one.

use std::fmt;

use petrel_persistence_embedded::remedy;
use serde_json::{Value, json};

/// What the process ends with. Part of the interface: scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// All went well.
    Ok = 0,
    /// The run failed, or something was found to be wrong.
    Failed = 1,
    /// It was called in a way that makes no sense, or with something that is not right.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// Not signed in.
    Unauthorized = 4,
    /// There is one already, or it changed meanwhile.
    Conflict = 6,
    /// It had not ended when patience did.
    TimedOut = 7,
    /// The server is not there, or in trouble.
    Server = 8,
    /// The run was canceled.
    Canceled = 9,
    /// Who waited has broken off: the number is that of a shell for SIGINT.
    Interrupted = 130,
}

/// The table of exit codes, for the help.
pub(crate) const TABLE: &str = "Exit codes: 0 done, 1 the run failed or problems were found, 2 wrong usage or input, 3 not found, 4 not signed in, \
6 conflict, 7 still running when patience ended, 8 server not reachable or in trouble, 9 canceled, \
130 broken off by ^C";

/// A failure: what is wrong, what to do about it, and what to end with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: String,
    /// The stable word for it, as the API has it.
    pub(crate) kind: String,
}

impl Failure {
    /// A failure with its remedy.
    pub(crate) fn new(code: Code, kind: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, kind: kind.into(), message: message.into(), hint: hint.into() }
    }

    /// Something about the call is not right.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::Usage, "usage", message, hint)
    }

    /// The same object that the API answers with.
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
        // A full disk, a missing right: that is not mended in the host.
        let system = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
        let hint = system.and_then(remedy::of_error).unwrap_or_default();
        Self::new(Code::Server, "host", format!("{error:#}"), hint)
    }
}
