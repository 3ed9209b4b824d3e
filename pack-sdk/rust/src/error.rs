//! How an action fails: in a way that policies can act on and people can understand.

use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::Value;

/// What kind of failure it is. Policies look at it to decide whether to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's fault.
    InvalidInput,
    /// A setting or a secret is missing or wrong.
    Misconfigured,
    /// A capability is not granted.
    Denied,
    /// The far side refused who we are.
    Unauthenticated,
    /// What was asked for does not exist.
    NotFound,
    /// It exists already, or has changed meanwhile.
    Conflict,
    /// May work later; after this time, if known.
    Transient(Option<Duration>),
    /// As transient, because of a limit on the far side.
    RateLimited(Option<Duration>),
    /// The far side took too long.
    Timeout,
    /// Ended on request.
    Canceled,
    /// It failed and will fail again.
    Permanent,
    /// Anything else, in a word.
    Other(String),
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// One line, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Stable and dotted, for programs: `github.unknown_event`. Without one the host gives its own.
    pub code: Option<String>,
    /// More, folded away when it is shown.
    pub details: Option<Box<Value>>,
}

impl Error {
    /// An error with nothing but its kind and message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, code: None, details: None }
    }

    /// The caller's fault: it will not be tried again.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// What was asked for does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// It may work later.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient(None), message)
    }

    /// It failed and will fail again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a stable code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds details.
    #[must_use]
    pub fn details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(Box::new(details.into()));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            io::ErrorKind::AlreadyExists => ErrorKind::Conflict,
            io::ErrorKind::TimedOut => ErrorKind::Timeout,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::Interrupted => ErrorKind::Transient(None),
            _ => ErrorKind::Permanent,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid_input(format!("not the JSON that was expected: {error}"))
    }
}
