//! The encoding of values, which detects damage and keeps every stored value small.
//!
//! A value is `format (1 byte) | flags (1 byte) | body | crc32c of key, format, flags and body (4 bytes)`. A body of
//! up to [`INLINE`] bytes is stored inline; up to [`PIECES`] bytes as pieces, which are rows of the same commit; a
//! larger one in a content-addressed file, which is durable before the commit.

use crate::base::{Reads, Write, gaps};
use std::sync::Arc;

use crate::blobs::{Blobs, Digest, Pin};
use crate::keys;
use petrel_persistence::Error;

/// Largest body that is stored inline, in bytes.
pub(crate) const INLINE: usize = 4096;
/// Largest body that is split into pieces, in bytes.
pub(crate) const PIECES: usize = 64 * 1024;
const PIECE: usize = 4000;
/// Largest number of pieces of a row: [`PIECES`] by the size of one.
pub(crate) const MOST_PIECES: u16 = 17;
/// Number of times that a value is resolved because its row was replaced meanwhile.
const READ_AGAIN: usize = 8;

/// The flag of a row whose body is encrypted. No other flag of any row has this value.
pub(crate) const SEALED: u8 = 0x80;

const FORMAT_INLINE: u8 = 1;
const FORMAT_PIECES: u8 = 2;
const FORMAT_BLOB: u8 = 3;

/// A decoded row: the flags that its writer set, and its body.
pub(crate) struct Row {
    pub(crate) flags: u8,
    pub(crate) body: Vec<u8>,
}

fn seal(key: &[u8], format: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(body.len() + 6);
    value.push(format);
    value.push(flags);
    value.extend_from_slice(body);
    // With the key, so that a value under another one counts as damaged.
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), &value);
    value.extend_from_slice(&crc.to_le_bytes());
    value
}

fn open<'a>(key: &[u8], value: &'a [u8]) -> Result<(u8, u8, &'a [u8]), Error> {
    let damaged = |reason: &str| Error::Damaged { what: describe(key), reason: reason.into() };
    if let Some(reason) = gaps::reason(value) {
        return Err(damaged(reason));
    }
    let (sealed, crc) = value.split_last_chunk::<4>().ok_or_else(|| damaged("it is too short"))?;
    if crc32c::crc32c_append(crc32c::crc32c(key), sealed) != u32::from_le_bytes(*crc) {
        return Err(damaged("its checksum does not match"));
    }
    match sealed {
        [format, flags, body @ ..] => Ok((*format, *flags, body)),
        _ => Err(damaged("it is too short")),
    }
}

/// The name of a row in messages.
pub(crate) fn describe(key: &[u8]) -> String {
    let (kind, name) = keys::named(key);
    format!("{kind} {name}")
}

/// A write of a body of at most [`INLINE`] bytes under `key`.
pub(crate) fn row(key: Vec<u8>, body: &[u8]) -> Write {
    let value = seal(&key, FORMAT_INLINE, 0, body);
    (key, Some(value))
}

/// The writes of a commit while they are being collected.
pub(crate) struct Encoding<'a> {
    /// The store for large values. Without it, such a value is refused with [`EncodeError::Large`].
    blobs: Option<&'a Arc<Blobs>>,
    pub(crate) writes: Vec<Write>,
    /// Keep the blobs that `writes` refer to until the commit is done.
    pub(crate) pins: Vec<Pin>,
    /// Blobs to which `writes` remove a reference.
    pub(crate) released: Vec<Digest>,
}

/// Reasons why changes cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// A value needs a file, which takes longer than an async task may block.
    #[error("a value is too large for a row")]
    Large,
    #[error(transparent)]
    Store(#[from] Error),
}

impl<'a> Encoding<'a> {
    pub(crate) fn new(blobs: Option<&'a Arc<Blobs>>) -> Self {
        Self { blobs, writes: Vec::new(), pins: Vec::new(), released: Vec::new() }
    }

    /// Stores `body` under `key`. If it needs a file, that is durable when this returns.
    pub(crate) fn put(&mut self, key: Vec<u8>, flags: u8, body: &[u8]) -> Result<(), EncodeError> {
        if body.len() <= INLINE {
            let value = seal(&key, FORMAT_INLINE, flags, body);
            self.writes.push((key, Some(value)));
        } else if body.len() <= PIECES {
            let mut count: u16 = 0;
            for piece in body.chunks(PIECE) {
                self.writes.push(row(keys::piece(&key, count), piece));
                count += 1;
            }
            let value = seal(&key, FORMAT_PIECES, flags, &count.to_le_bytes());
            self.writes.push((key, Some(value)));
        } else {
            let (digest, pin) = self.blobs.ok_or(EncodeError::Large)?.put(body)?;
            self.pins.push(pin);
            self.writes.push(row(keys::reference(&digest, &key), &[]));
            let value = seal(&key, FORMAT_BLOB, flags, digest.as_ref());
            self.writes.push((key, Some(value)));
        }
        Ok(())
    }

    /// Stores `body` under `key` in the place of the value `old`, if there is one. Pieces of it that the new value does
    /// not have are removed, and so is its reference.
    pub(crate) fn replace(
        &mut self,
        key: Vec<u8>,
        old: Option<&[u8]>,
        flags: u8,
        body: &[u8],
    ) -> Result<(), EncodeError> {
        if let Some(old) = old {
            self.release(&key, old, pieces_for(body));
        }
        self.put(key, flags, body)
    }

    /// Removes the row under `key`, whose present value is `value`, with its pieces and its reference.
    pub(crate) fn delete(&mut self, key: Vec<u8>, value: &[u8]) {
        self.release(&key, value, 0);
        self.writes.push((key, None));
    }

    /// Removes what the value has in other rows: its pieces from the number `kept` on, and its reference.
    fn release(&mut self, key: &[u8], value: &[u8], kept: u16) {
        let pieces = match open(key, value) {
            Ok((FORMAT_PIECES, _, count)) => count_of(count).unwrap_or(MOST_PIECES),
            Ok((FORMAT_BLOB, _, digest)) => {
                if let Ok(digest) = Digest::try_from(digest) {
                    self.writes.push((keys::reference(&digest, key), None));
                    self.released.push(digest);
                }
                0
            }
            Ok(_) => 0,
            // A row that cannot be read may have had any number of pieces, so all possible ones are deleted.
            Err(_) => MOST_PIECES,
        };
        self.writes.extend((kept..pieces).map(|number| (keys::piece(key, number), None)));
    }
}

/// Number of pieces in which `body` is stored: 0 if it is stored otherwise.
fn pieces_for(body: &[u8]) -> u16 {
    let is_in_pieces = body.len() > INLINE && body.len() <= PIECES;
    if is_in_pieces { u16::try_from(body.len().div_ceil(PIECE)).unwrap_or(MOST_PIECES) } else { 0 }
}

/// The number of pieces that the body of a row in pieces names.
fn count_of(body: &[u8]) -> Option<u16> {
    body.try_into().ok().map(u16::from_le_bytes)
}

/// The flags that the writer of a value set.
pub(crate) fn flags(key: &[u8], value: &[u8]) -> Result<u8, Error> {
    Ok(open(key, value)?.1)
}

/// Whether the body of a row is encrypted. Not so of one that cannot be read.
pub(crate) fn is_sealed(key: &[u8], value: &[u8]) -> bool {
    flags(key, value).is_ok_and(|flags| flags & SEALED != 0)
}

/// The beginning of the body of a row: all of it if it is inline. `None` if it is elsewhere.
pub(crate) fn beginning(base: &dyn Reads, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let (format, _, body) = open(key, value)?;
    match format {
        FORMAT_INLINE => Ok(Some(body.to_vec())),
        FORMAT_PIECES => {
            let piece = keys::piece(key, 0);
            let first = get(base, &piece)?;
            first.map(|value| open(&piece, &value).map(|(_, _, body)| body.to_vec())).transpose()
        }
        _ => Ok(None),
    }
}

/// The blob that a value refers to, if it is stored in one.
pub(crate) fn blob_of(key: &[u8], value: &[u8]) -> Result<Option<Digest>, Error> {
    let (format, _, body) = open(key, value)?;
    Ok(if format == FORMAT_BLOB { Digest::try_from(body).ok() } else { None })
}

/// The number of pieces of a value that was read under `key`: 0 if it is stored otherwise.
pub(crate) fn pieces_of(key: &[u8], value: &[u8]) -> Result<u16, Error> {
    let (format, _, body) = open(key, value)?;
    if format != FORMAT_PIECES {
        return Ok(0);
    }
    count_of(body).ok_or_else(|| without_count(key))
}

fn without_count(key: &[u8]) -> Error {
    Error::Damaged { what: describe(key), reason: "it has no count".into() }
}

/// Decodes a value that was read under `key`, including its pieces or its blob. If the row has been replaced since, and
/// what belonged to the value is gone, the present value is decoded instead.
pub(crate) fn resolve(base: &dyn Reads, blobs: &Blobs, key: &[u8], value: &[u8]) -> Result<Row, Error> {
    let mut newer: Option<Vec<u8>> = None;
    let mut attempts = 0;
    loop {
        let value = newer.as_deref().unwrap_or(value);
        attempts += 1;
        match resolve_once(base, blobs, key, value) {
            Err(error @ Error::Damaged { .. }) => match replaced(base, key, value) {
                Some(now) if attempts < READ_AGAIN => newer = Some(now),
                _ => return Err(error),
            },
            done => return done,
        }
    }
}

/// The present value under `key`, if it is another one than `value`.
fn replaced(base: &dyn Reads, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    if gaps::reason(value).is_some() {
        // A gap has no key to look for.
        return None;
    }
    get(base, key).ok().flatten().filter(|now| now.as_slice() != value)
}

fn resolve_once(base: &dyn Reads, blobs: &Blobs, key: &[u8], value: &[u8]) -> Result<Row, Error> {
    let (format, flags, body) = open(key, value)?;
    let damaged = |reason: String| Error::Damaged { what: describe(key), reason };
    let body = match format {
        FORMAT_INLINE => body.to_vec(),
        FORMAT_PIECES => {
            let count = count_of(body).ok_or_else(|| without_count(key))?;
            in_pieces(base, key, value, count)?
        }
        FORMAT_BLOB => {
            let digest: Digest = body.try_into().map_err(|_size| damaged("it has no digest".into()))?;
            blobs.get(&digest).map_err(|error| match error {
                Error::Damaged { what, reason } => damaged(format!("{what}: {reason}")),
                Error::Starved { what, reason } => {
                    Error::Starved { what: describe(key), reason: format!("{what}: {reason}") }
                }
                error @ (Error::Sealed { .. } | Error::Unavailable(_)) => error,
            })?
        }
        other => return Err(damaged(format!("its format {other} is unknown to this version"))),
    };
    Ok(Row { flags, body })
}

/// The body of a row in `count` pieces. They are read together with `value`, the row's own, as of one moment: a commit
/// in between would mix two versions, of which each piece is intact.
fn in_pieces(base: &dyn Reads, key: &[u8], value: &[u8], count: u16) -> Result<Vec<u8>, Error> {
    let damaged = |reason: String| Error::Damaged { what: describe(key), reason };
    let pieces = (0..count).map(|number| keys::piece(key, number));
    let keys: Vec<Vec<u8>> = std::iter::once(key.to_vec()).chain(pieces).collect();
    let found = base.get_all(&keys).map_err(|error| Error::Unavailable(error.to_string()))?;
    let mut rows = keys.iter().zip(found);
    if rows.next().and_then(|(_, head)| head).as_deref() != Some(value) {
        return Err(damaged("it was replaced while it was read".into()));
    }
    let mut whole = Vec::with_capacity(usize::from(count) * PIECE);
    for (number, (piece_key, piece)) in rows.enumerate() {
        let piece = piece.ok_or_else(|| damaged(format!("piece {number} is missing")))?;
        whole.extend_from_slice(open(piece_key, &piece)?.2);
    }
    Ok(whole)
}

/// Reads a value, and converts an error of the engine.
pub(crate) fn get(base: &dyn Reads, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    base.get(key).map_err(|error| Error::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::simulated::SimulatedMachine;

    #[test]
    fn the_largest_body_in_pieces_has_the_largest_number_of_them() {
        assert_eq!(pieces_for(&vec![0; PIECES]), MOST_PIECES);
        assert_eq!(pieces_for(&vec![0; PIECES + 1]), 0);
    }

    #[test]
    fn a_flipped_bit_is_noticed_wherever_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&directory.path().join("blobs")).unwrap();
        let base = SimulatedMachine::default();
        let (key, value) = row(b"key".to_vec(), b"body");
        let value = value.unwrap();
        assert_eq!(resolve(&base, &blobs, &key, &value).unwrap().body, b"body");
        for bit in 0..value.len() * 8 {
            let mut damaged = value.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                matches!(resolve(&base, &blobs, &key, &damaged), Err(Error::Damaged { .. })),
                "bit {bit}"
            );
        }
        assert!(resolve(&base, &blobs, b"other key", &value).is_err());
    }
}
