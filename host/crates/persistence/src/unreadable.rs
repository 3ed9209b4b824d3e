//! Rows that cannot be read, and what to do about them.

use std::fmt;

use crate::documents::DocumentKind;
use crate::row_kind::RowKind;
use crate::store::Error;

/// A row that cannot be read back. It is shown as such, and hides no other row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The kind of the row.
    pub kind: RowKind,
    /// The id or the name.
    pub id: String,
    /// The reason.
    pub reason: String,
    /// Whether it is whole, but encrypted, and its key is not there.
    pub is_sealed: bool,
}

impl Unreadable {
    /// The row of a kind with this id, if `error` says that it cannot be read.
    ///
    /// # Errors
    /// `error`, if it is another.
    pub fn of(kind: RowKind, id: impl fmt::Display, error: Error) -> Result<Self, Error> {
        let (reason, is_sealed) = match error {
            Error::Damaged { reason, .. } => (reason, false),
            Error::Sealed { reason, .. } => (reason, true),
            error @ (Error::Starved { .. } | Error::Unavailable(_)) => return Err(error),
        };
        Ok(Self { kind, id: id.to_string(), reason, is_sealed })
    }

    /// Whether this is the document of a kind with this key.
    pub fn is_document(&self, kind: DocumentKind, key: &str) -> bool {
        self.kind == RowKind::Document(kind) && self.id == key
    }

    /// The remedy.
    pub fn remedy(&self) -> &'static str {
        if self.is_sealed { Self::SEALED } else { Self::REMEDY }
    }

    /// The remedy for what is damaged.
    pub const REMEDY: &'static str =
        "`petrel store check --repair` sets it aside, and a backup may still have it whole";

    /// The remedy for what is encrypted: nothing is to be repaired.
    pub const SEALED: &'static str = "put the file with its key back and start the host again, whose log tells at its start which file that is; \
                                      without the key nothing brings it back, and `petrel execution cancel` and `petrel purge` end and delete \
                                      executions all the same";
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} cannot be read: {}", self.kind, self.id, self.reason)
    }
}
