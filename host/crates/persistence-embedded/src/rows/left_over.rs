//! Left-overs to which no row refers any more: blobs are removed, and rows that nobody reads are recognized.
//! Earlier versions left such rows behind when they replaced a value of an execution; none of them has
//! anything that is not stored elsewhere.

use std::io;

use petrel_persistence::Error;

use super::Rows;
use crate::base::{Write, gaps};
use crate::blobs::{Digest, Pin};
use crate::keys;
use crate::value::{self, Encoding};

/// Number of references to a blob that are read at a time. Usually the first one decides.
const REFERENCES_AT_ONCE: usize = 16;
/// Number of references that are read at a time when all are.
const STEP: usize = 1000;

impl Rows {
    /// Whether every reference to a blob has a row of its own. Not so in a store of the first format.
    pub(crate) fn knows_references(&self) -> Result<bool, Error> {
        Ok(value::get(self.image.as_ref(), &keys::meta(keys::REFERENCES))?.is_some())
    }

    /// Removes a blob if no row refers to it. Returns the bytes freed.
    pub(crate) fn remove_blob(&self, digest: &Digest) -> Result<u64, Error> {
        self.blobs.remove(digest, || Ok(!self.knows_references()? || self.is_referred_to(digest)?))
    }

    /// Removes the blobs of a commit that comes to nothing. Encrypted again, a value has another digest: each attempt would
    /// leave a file, on a disk that may be nearly full.
    pub(super) fn give_back(&self, to: Encoding<'_>) {
        let digests: Vec<Digest> = to.pins.iter().map(Pin::digest).collect();
        drop(to);
        for digest in &digests {
            if let Err(error) = self.remove_blob(digest) {
                tracing::debug!(%error, "failed to remove a large value of a commit that was not made; the next start does");
            }
        }
    }

    fn is_referred_to(&self, digest: &Digest) -> Result<bool, Error> {
        let (mut from, to) = keys::references(digest);
        loop {
            let references = self.range(&(from, to.clone()), false, REFERENCES_AT_ONCE)?;
            let Some((last, _)) = references.last() else { return Ok(false) };
            from = [last.as_slice(), &[0]].concat();
            for (reference, value) in &references {
                // A gap may contain such a reference, so the blob is kept.
                if gaps::reason(value).is_some() || !self.is_left_over_reference(reference)? {
                    return Ok(true);
                }
            }
        }
    }

    /// Removes all blobs that no row refers to. Returns the bytes freed.
    pub(crate) fn sweep(&self) -> Result<u64, Error> {
        let unreadable =
            |error: io::Error| Error::Unavailable(format!("the blobs cannot be listed: {error}"));
        let digests = self.blobs.list().map_err(unreadable)?;
        digests.iter().map(|digest| self.remove_blob(digest)).sum()
    }

    /// Whether the row under `key` is one that nobody reads: a reference or a piece of a value that was replaced. Not so
    /// if the row that it belongs to cannot be read, since that may still be repaired.
    pub(crate) fn is_left_over(&self, key: &[u8]) -> Result<bool, Error> {
        match key.first() {
            Some(&keys::REFERENCE) => self.is_left_over_reference(key),
            Some(&keys::PIECE) => self.is_left_over_piece(key),
            _ => Ok(false),
        }
    }

    /// Whether the row that a reference names is gone, or has another value by now.
    pub(crate) fn is_left_over_reference(&self, reference: &[u8]) -> Result<bool, Error> {
        let Some(digest) = keys::referred_to(reference) else { return Ok(false) };
        let key = keys::referring(reference);
        Ok(match value::get(self.image.as_ref(), key)? {
            Some(value) => value::blob_of(key, &value).is_ok_and(|found| found != Some(digest)),
            None => true,
        })
    }

    /// Whether the row that a piece belongs to is gone, or has fewer pieces by now.
    fn is_left_over_piece(&self, piece: &[u8]) -> Result<bool, Error> {
        let (Some(key), Some(number)) = (keys::of_piece(piece), keys::number_of_piece(piece)) else {
            return Ok(false);
        };
        Ok(match value::get(self.image.as_ref(), key)? {
            Some(value) => value::pieces_of(key, &value).is_ok_and(|count| number >= count),
            None => true,
        })
    }

    /// The writes that remove the references that versions before left behind, and mark the store as rid of them. Empty
    /// if it is: what replaces a value now removes its reference. Pieces stay until the store is compacted, since
    /// looking for them means reading most of it.
    pub(crate) fn left_over_references(&self) -> Result<Vec<Write>, Error> {
        let mark = keys::meta(keys::RELEASED);
        if value::get(self.image.as_ref(), &mark)?.is_some() {
            return Ok(Vec::new());
        }
        let mut writes = vec![value::row(mark, &[])];
        let (mut from, to) = keys::all(keys::REFERENCE);
        loop {
            let references = self.range(&(from, to.clone()), false, STEP)?;
            let Some((last, _)) = references.last() else { return Ok(writes) };
            from = [last.as_slice(), &[0]].concat();
            for (reference, value) in &references {
                if gaps::reason(value).is_none() && self.is_left_over_reference(reference)? {
                    writes.push((reference.clone(), None));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
