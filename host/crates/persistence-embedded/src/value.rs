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

    /// Removes the row under `key`, whose present value is `value`, with its pieces and its reference.
    pub(crate) fn delete(&mut self, key: Vec<u8>, value: &[u8]) {
        let Ok(opened) = open(&key, value) else {
            // A row that cannot be read may have had any number of pieces, so all possible ones are deleted.
            let pieces = (0..=PIECES / PIECE).filter_map(|number| u16::try_from(number).ok());
            self.writes.extend(pieces.map(|number| (keys::piece(&key, number), None)));
            self.writes.push((key, None));
            return;
        };
        match opened {
            (FORMAT_PIECES, _, count) => {
                let count = count.first_chunk::<2>().map_or(0, |count| u16::from_le_bytes(*count));
                self.writes.extend((0..count).map(|number| (keys::piece(&key, number), None)));
            }
            (FORMAT_BLOB, _, digest) => {
                if let Ok(digest) = Digest::try_from(digest) {
                    self.writes.push((keys::reference(&digest, &key), None));
                    self.released.push(digest);
                }
            }
            _ => {}
        }
        self.writes.push((key, None));
    }
}

/// The flags that the writer of a value set.
pub(crate) fn flags(key: &[u8], value: &[u8]) -> Result<u8, Error> {
    Ok(open(key, value)?.1)
}

/// The blob that a value refers to, if it is stored in one.
pub(crate) fn blob_of(key: &[u8], value: &[u8]) -> Result<Option<Digest>, Error> {
    let (format, _, body) = open(key, value)?;
    Ok(if format == FORMAT_BLOB { Digest::try_from(body).ok() } else { None })
}

/// Decodes a value that was read under `key`, including its pieces or its blob.
pub(crate) fn resolve(base: &dyn Reads, blobs: &Blobs, key: &[u8], value: &[u8]) -> Result<Row, Error> {
    let (format, flags, body) = open(key, value)?;
    let damaged = |reason: String| Error::Damaged { what: describe(key), reason };
    let body = match format {
        FORMAT_INLINE => body.to_vec(),
        FORMAT_PIECES => {
            let count =
                u16::from_le_bytes(body.try_into().map_err(|_size| damaged("it has no count".into()))?);
            let mut whole = Vec::new();
            for number in 0..count {
                let piece_key = keys::piece(key, number);
                let piece =
                    get(base, &piece_key)?.ok_or_else(|| damaged(format!("piece {number} is missing")))?;
                whole.extend_from_slice(open(&piece_key, &piece)?.2);
            }
            whole
        }
        FORMAT_BLOB => {
            let digest: Digest = body.try_into().map_err(|_size| damaged("it has no digest".into()))?;
            blobs.get(&digest).map_err(|error| match error {
                Error::Damaged { what, reason } => damaged(format!("{what}: {reason}")),
                error @ Error::Unavailable(_) => error,
            })?
        }
        other => return Err(damaged(format!("its format {other} is unknown to this version"))),
    };
    Ok(Row { flags, body })
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
