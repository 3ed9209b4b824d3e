//! The error of this crate: what happened to which object, the remedy, and the kind by which a caller decides.

use std::io;
use std::path::Path;

/// The kind of an error, by what its reader can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something was written wrongly: a reference, a setting, a name.
    Usage,
    /// The object does not exist.
    NotFound,
    /// The registry asks for a login, or for another one.
    Unauthorized,
    /// Something else is there already.
    Conflict,
    /// The registry took too long.
    TimedOut,
    /// The registry cannot be reached, or is in trouble.
    Unreachable,
    /// What came, or what is to go, is not what it must be. Nothing of it was used.
    Refused,
    /// It lacks a signature that it needs. Nothing of it was used.
    Untrusted,
    /// This machine could not do its part: a disk, a file.
    Machine,
}

/// An error with its remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {hint}")]
pub struct Error {
    /// The kind.
    pub kind: Kind,
    /// What happened, with the name of the object.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Error {
    /// An error.
    pub fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }

    /// The error for what is not what it must be.
    pub(crate) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message, hint)
    }

    /// The error for a file or a directory of this machine.
    pub fn of_file(what: &str, path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space on its disk and try again: what was there before is unchanged"
            }
            io::ErrorKind::PermissionDenied => {
                "run it as the owner of the files, or let this user write there"
            }
            io::ErrorKind::ReadOnlyFilesystem => "its file system is read-only: name another directory",
            io::ErrorKind::NotFound => "check the path",
            _ => "see to the file or its directory and try again",
        };
        Self::new(Kind::Machine, format!("{} cannot be {what}: {error}", path.display()), hint)
    }
}
