//! Rows as listings need them: one that cannot be read is said to be so, and keeps no other from being read.

use petrel_persistence::{Document, DocumentKind, Error, Unreadable};

use super::Rows;
use crate::base::{Entry, gaps};
use crate::keys;
use crate::value;

/// What an entry of a range came to.
pub(crate) enum Listed<T> {
    /// It was read.
    Whole(T),
    /// It was deleted meanwhile.
    Gone,
    /// It is there, and cannot be read.
    Unreadable(Unreadable),
}

/// What cannot be read, by its key and what was met.
pub(crate) fn unreadable(key: &[u8], error: &Error) -> Unreadable {
    let (kind, id) = keys::named(key);
    let reason = match error {
        Error::Damaged { what, reason } if *what == value::describe(key) => reason.clone(),
        Error::Damaged { what, reason } => format!("{what}: {reason}"),
        error @ Error::Unavailable(_) => error.to_string(),
    };
    Unreadable { kind, id, reason }
}

impl Rows {
    /// What `read` makes of an entry of a range and of the rows that it refers to.
    ///
    /// # Errors
    /// When the store cannot be used. Damage is none.
    pub(crate) fn listed<T>(
        &self,
        entry: &Entry,
        read: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<Listed<T>, Error> {
        let found = match read(entry) {
            // It may have been replaced or deleted since the range was read. What the engine cannot read has no key
            // to look for.
            Err(Error::Damaged { .. }) if gaps::reason(&entry.1).is_none() => self.settled(&entry.0, read),
            item => item.map(Some),
        };
        match found {
            Ok(Some(item)) => Ok(Listed::Whole(item)),
            Ok(None) => Ok(Listed::Gone),
            Err(error @ Error::Damaged { .. }) => Ok(Listed::Unreadable(unreadable(&entry.0, &error))),
            Err(error) => Err(error),
        }
    }

    /// All documents of a kind that can be read, by key; and what cannot be.
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
