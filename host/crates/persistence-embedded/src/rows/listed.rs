//! Rows for listings: a row that cannot be read is reported, and does not hide others.

use petrel_persistence::{Document, DocumentKind, Error, Unreadable};

use super::Rows;
use crate::base::{Entry, gaps};
use crate::keys;
use crate::remedy;
use crate::value;

/// The result of reading an entry of a range.
pub(crate) enum Listed<T> {
    /// The row.
    Whole(T),
    /// The row has been deleted meanwhile.
    Gone,
    /// The row exists and cannot be read.
    Unreadable(Unreadable),
}

/// The report of a row that cannot be read, by its key and the error.
pub(crate) fn unreadable(key: &[u8], error: &Error) -> Unreadable {
    let (kind, id) = keys::named(key);
    let reason = match error {
        Error::Damaged { what, reason } if *what == value::describe(key) => reason.clone(),
        Error::Damaged { what, reason } => format!("{what}: {reason}"),
        Error::Sealed { reason, .. } => reason.clone(),
        error @ (Error::Starved { .. } | Error::Unavailable(_)) => error.to_string(),
    };
    Unreadable { kind, id, reason, is_sealed: matches!(error, Error::Sealed { .. }) }
}

/// Whether the next attempt at a row fares no better: it is damaged, or this process may not read it.
pub(crate) fn is_lasting(error: &Error) -> bool {
    match error {
        Error::Damaged { .. } | Error::Sealed { .. } => true,
        Error::Starved { reason, .. } => {
            remedy::in_words(reason).is_none_or(|error| !remedy::is_passing(&error))
        }
        Error::Unavailable(_) => false,
    }
}

impl Rows {
    /// Applies `read` to an entry of a range, including the rows that it refers to.
    ///
    /// # Errors
    /// If the store cannot be used. Damage is not an error here, nor is a missing right.
    pub(crate) fn listed<T>(
        &self,
        entry: &Entry,
        read: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<Listed<T>, Error> {
        let found = match read(entry) {
            // The row may have been replaced or deleted since the range was read, so it is read again. A gap has no
            // key to look for.
            Err(Error::Damaged { .. }) if gaps::reason(&entry.1).is_none() => self.settled(&entry.0, read),
            item => item.map(Some),
        };
        match found {
            Ok(Some(item)) => Ok(Listed::Whole(item)),
            Ok(None) => Ok(Listed::Gone),
            Err(error) if is_lasting(&error) => Ok(Listed::Unreadable(unreadable(&entry.0, &error))),
            Err(error) => Err(error),
        }
    }

    /// All readable documents of a kind, by key, and reports of the others.
    pub(crate) fn documents(&self, kind: DocumentKind) -> Result<(Vec<Document>, Vec<Unreadable>), Error> {
        let (mut documents, mut lost) = (Vec::new(), Vec::new());
        for entry in self.range(&keys::all(keys::document_prefix(kind)), false, usize::MAX)? {
            match self.listed(&entry, |entry| self.document_of(kind, entry))? {
                Listed::Whole(document) => documents.push(document),
                Listed::Gone => {}
                Listed::Unreadable(one) => lost.push(one),
            }
        }
        Ok((documents, lost))
    }
}
