//! Errors of actions, with a kind for policies and a message for people.

use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::Value;

/// The kind of a failure. Policies use it to decide whether to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller gave invalid input.
    InvalidInput,
    /// A setting or a secret is missing or wrong.
    Misconfigured,
    /// A capability is not granted.
    Denied,
    /// The remote service did not accept the credentials.
    Unauthenticated,
    /// The requested object does not exist.
    NotFound,
    /// The object exists already, or has changed meanwhile.
    Conflict,
    /// A retry may succeed, after this time if known.
    Transient(Option<Duration>),
    /// As transient, because of a rate limit of the remote service.
    RateLimited(Option<Duration>),
    /// The remote service took too long.
    Timeout,
    /// The call was canceled.
    Canceled,
    /// A retry will fail as well.
    Permanent,
    /// Any other kind, as a word.
    Other(String),
}

/// The error of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// One line, for people.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
    /// A stable dotted code for programs, such as `github.unknown_event`. Default: set by the host.
    pub code: Option<String>,
    /// Further details, folded when they are shown.
    pub details: Option<Box<Value>>,
}

impl Error {
    /// Creates an error with a kind and a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, code: None, details: None }
    }

    /// The caller gave invalid input, so there is no retry.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// The requested object does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A retry may succeed.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient(None), message)
    }

    /// A retry will fail as well.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, message)
    }

    /// Sets the remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets a stable code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets details.
    #[must_use]
    pub fn details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(Box::new(details.into()));
        self
    }

    /// A text in the details, by its place (a JSON pointer, as `/body/message`).
    pub fn detail(&self, pointer: &str) -> Option<&str> {
        self.details.as_ref()?.pointer(pointer)?.as_str()
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
        Self::invalid_input(format!("the JSON is not as expected: {error}"))
    }
}
