//! The archive format: a copy of a store as a stream of records, independent of the engine.
//!
//! It begins with the line `petrel-archive 1`. A record is `kind (u8) | length (u32) | crc32c (u32) | body`,
//! little-endian, and the checksum covers kind, length and body. The last record contains the number of records;
//! without it the archive was cut short.

use std::io::{self, Read, Write};

use petrel_persistence::store::Archived;

use crate::base;
use crate::blobs::Digest;
use crate::journal::frame;
use crate::keys;

const MAGIC: &[u8] = b"petrel-archive 1\n";
/// Largest accepted body, in bytes.
const LARGEST: u32 = 1 << 30;

/// A record of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Rows, read while the store was in use.
    Rows(Vec<base::Write>),
    /// Changes made meanwhile, in order. Applied after all rows, they make these consistent.
    Log(Vec<base::Write>),
    /// A large value, with its digest.
    Blob([u8; 32], Vec<u8>),
    /// A file outside the store: its path in the data directory, its mode, its content.
    File(String, u32, Vec<u8>),
}

impl Record {
    fn kind(&self) -> u8 {
        match self {
            Self::Rows(_) => b'R',
            Self::Log(_) => b'L',
            Self::Blob(..) => b'B',
            Self::File(..) => b'F',
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        match self {
            Self::Rows(writes) | Self::Log(writes) => frame::encode_writes(&mut body, writes),
            Self::Blob(digest, content) => {
                body.extend_from_slice(digest);
                body.extend_from_slice(content);
            }
            Self::File(path, mode, content) => {
                body.extend_from_slice(&mode.to_le_bytes());
                body.extend_from_slice(&u16::try_from(path.len()).unwrap_or(u16::MAX).to_le_bytes());
                body.extend_from_slice(path.as_bytes());
                body.extend_from_slice(content);
            }
        }
        body
    }

    fn parse(kind: u8, body: &[u8]) -> Option<Self> {
        Some(match kind {
            b'R' => Self::Rows(frame::decode_writes(body)?),
            b'L' => Self::Log(frame::decode_writes(body)?),
            b'B' => {
                let (digest, content) = body.split_first_chunk::<32>()?;
                Self::Blob(Digest::from(*digest), content.to_vec())
            }
            b'F' => {
                let (mode, rest) = body.split_first_chunk::<4>()?;
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let (path, content) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
                let path = String::from_utf8(path.to_vec()).ok()?;
                Self::File(path, u32::from_le_bytes(*mode), content.to_vec())
            }
            _ => return None,
        })
    }
}

/// Reasons why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes are not an archive.
    #[error("this is not an archive of petrel; `petrel backup` and `petrel store export` make one")]
    Foreign,
    /// The archive ends too early.
    #[error(
        "the archive is cut short: it ends after {ends_at} bytes, and should have {wanted} bytes at least; make another one, or copy it again"
    )]
    CutShort {
        /// Its size, in bytes.
        ends_at: u64,
        /// The size that it should have at least, in bytes.
        wanted: u64,
    },
    /// Bytes follow its end.
    #[error(
        "the archive goes on after its end at byte {0}: something was appended to it; take another copy of it"
    )]
    GoesOn(u64),
    /// A checksum does not match.
    #[error("the archive is damaged at byte {0}; take another copy of it")]
    Damaged(u64),
    /// Reading failed.
    #[error("the archive cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Writes an archive.
pub struct Writer<'a> {
    to: &'a mut dyn Write,
    records: u64,
    archived: Archived,
}

impl<'a> Writer<'a> {
    /// Writes the beginning of an archive.
    ///
    /// # Errors
    /// If writing fails.
    pub fn begin(to: &'a mut dyn Write) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        let bytes = MAGIC.len() as u64;
        Ok(Self { to, records: 0, archived: Archived { bytes, ..Archived::default() } })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// If writing fails.
    pub fn add(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Rows(writes) => self.archived.rows += stored(writes),
            Record::Log(_) => {}
            Record::Blob(..) => self.archived.blobs += 1,
            Record::File(..) => self.archived.files += 1,
        }
        self.records += 1;
        self.record(record.kind(), &record.body())
    }

    fn record(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len())
            .ok()
            .filter(|length| *length <= LARGEST)
            .ok_or_else(|| io::Error::other(format!("a value of {} bytes is too large", body.len())))?;
        self.to.write_all(&[kind])?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&checksum(kind, length, body).to_le_bytes())?;
        self.to.write_all(body)?;
        self.archived.bytes += 9 + u64::from(length);
        Ok(())
    }

    /// Writes the end of the archive. Without it, the archive counts as cut short.
    ///
    /// # Errors
    /// If writing fails.
    pub fn end(mut self) -> io::Result<Archived> {
        self.record(b'E', &self.records.to_le_bytes())?;
        self.to.flush()?;
        Ok(self.archived)
    }
}

fn checksum(kind: u8, length: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&[kind]), &length.to_le_bytes()), body)
}

/// Reads an archive.
pub struct Reader<'a> {
    from: &'a mut dyn Read,
    at: u64,
    records: u64,
}

impl<'a> Reader<'a> {
    /// Reads the beginning of an archive.
    ///
    /// # Errors
    /// If it is not an archive, or reading fails.
    pub fn begin(from: &'a mut dyn Read) -> Result<Self, ArchiveError> {
        let mut reader = Self { from, at: 0, records: 0 };
        let wanted = MAGIC.len() as u64;
        let magic = reader.next(wanted)?;
        if magic == MAGIC {
            Ok(reader)
        } else if MAGIC.starts_with(&magic) {
            Err(ArchiveError::CutShort { ends_at: reader.at, wanted })
        } else {
            Err(ArchiveError::Foreign)
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.at
    }

    /// Reads up to `length` bytes. Memory grows with the bytes that exist, whatever length a damaged record claims.
    fn next(&mut self, length: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        Read::take(&mut *self.from, length).read_to_end(&mut bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    /// Reads exactly `length` bytes.
    fn all_of_next(&mut self, length: u64) -> Result<Vec<u8>, ArchiveError> {
        let wanted = self.at + length;
        let bytes = self.next(length)?;
        if self.at < wanted {
            return Err(ArchiveError::CutShort { ends_at: self.at, wanted });
        }
        Ok(bytes)
    }

    /// Reads the next record. `None` at the end of a complete archive.
    ///
    /// # Errors
    /// If the archive is cut short or damaged, or reading fails.
    pub fn read(&mut self) -> Result<Option<Record>, ArchiveError> {
        let begin = self.at;
        let damaged = || ArchiveError::Damaged(begin);
        let head = self.all_of_next(9)?;
        let &[kind, l0, l1, l2, l3, c0, c1, c2, c3] = head.as_slice() else { return Err(damaged()) };
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > LARGEST {
            return Err(damaged());
        }
        let body = self.all_of_next(length.into())?;
        if checksum(kind, length, &body) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged());
        }
        if kind == b'E' {
            // A record that was cut out as a whole shows only here.
            if body != self.records.to_le_bytes() {
                return Err(damaged());
            }
            let end = self.at;
            return if self.next(1)?.is_empty() { Ok(None) } else { Err(ArchiveError::GoesOn(end)) };
        }
        self.records += 1;
        Record::parse(kind, &body).map(Some).ok_or_else(damaged)
    }
}

/// Counts rows of users, without the store's own.
pub(crate) fn stored(writes: &[base::Write]) -> u64 {
    writes.iter().filter(|(key, value)| value.is_some() && keys::is_stored(key)).count() as u64
}

/// Whether a file that begins with `head` is an archive, of any version.
pub fn is_begun(head: &[u8]) -> bool {
    head.starts_with(b"petrel-archive ")
}

/// Reads a whole archive and returns a summary of its contents.
///
/// # Errors
/// If it is not complete.
pub fn inspect(from: &mut dyn Read) -> Result<Archived, ArchiveError> {
    let mut reader = Reader::begin(from)?;
    let mut held = Archived::default();
    while let Some(record) = reader.read()? {
        match record {
            Record::Rows(writes) => held.rows += stored(&writes),
            Record::Log(_) => {}
            Record::Blob(..) => held.blobs += 1,
            Record::File(..) => held.files += 1,
        }
    }
    held.bytes = reader.at;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        vec![
            Record::Rows(vec![(b"a".to_vec(), Some(b"1".to_vec()))]),
            Record::Blob([7; 32], b"large".to_vec()),
            Record::File("packs/own/pack.yaml".into(), 0o600, b"name: own".to_vec()),
            Record::Log(vec![(b"a".to_vec(), None)]),
        ]
    }

    fn archive() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&mut bytes).unwrap();
        for record in records() {
            writer.add(&record).unwrap();
        }
        let archived = writer.end().unwrap();
        assert_eq!(archived, Archived { rows: 1, blobs: 1, files: 1, bytes: bytes.len() as u64 });
        assert_eq!(inspect(&mut bytes.as_slice()).unwrap(), archived);
        bytes
    }

    fn read(mut bytes: &[u8]) -> Result<Vec<Record>, ArchiveError> {
        let mut reader = Reader::begin(&mut bytes)?;
        let mut found = Vec::new();
        while let Some(record) = reader.read()? {
            found.push(record);
        }
        Ok(found)
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&archive()).unwrap(), records());
    }

    #[test]
    fn every_cut_every_flipped_bit_and_what_was_appended_is_noticed() {
        let bytes = archive();
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).unwrap_err();
            let ArchiveError::CutShort { ends_at, wanted } = error else {
                panic!("cut to {length}: {error}")
            };
            assert_eq!(ends_at, length as u64, "it says how much there is");
            assert!(wanted > ends_at && wanted <= bytes.len() as u64, "cut to {length}, wanted {wanted}");
        }
        for appended in [&b"\0"[..], b"E", b"petrel-archive 1\n", bytes.as_slice()] {
            let error = read(&[&bytes, appended].concat()).unwrap_err();
            assert!(matches!(error, ArchiveError::GoesOn(end) if end == bytes.len() as u64), "{error}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            read(&damaged).unwrap_err();
        }
    }

    #[test]
    fn what_is_no_archive_is_no_archive_that_is_cut_short() {
        for (bytes, is_foreign) in [(&b""[..], false), (b"petrel-a", false), (b"petrol", true), (b"{}", true)]
        {
            let error = read(bytes).unwrap_err();
            assert_eq!(matches!(error, ArchiveError::Foreign), is_foreign, "{bytes:?}: {error}");
        }
    }
}
