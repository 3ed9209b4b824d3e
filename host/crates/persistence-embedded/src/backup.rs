//! Writes an archive of a store, also while it is in use.
//!
//! Rows are read one after the other while others are being written, so they are not consistent. The journal meanwhile
//! collects all changes; it is held until the end and appended to the archive. Applied after the rows, it makes them
//! consistent as of the moment at which it was read.
//!
//! An archive that cannot be restored is not written to its end: each large value that a row refers to is in it, or the
//! backup fails. References that no row makes any more are left out.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use petrel_persistence::Error;
use petrel_persistence::store::{Archived, ArchivedFile};

use crate::archive::{Record, Writer};
use crate::base::{self, gaps};
use crate::blobs::Digest;
use crate::directory::OpenError;
use crate::journal::{Hold, Segments, replay};
use crate::keys;
use crate::opening::Recovered;
use crate::options::Options;
use crate::rows::Rows;
use crate::value;

/// Number of rows in a record.
const ROWS_A_RECORD: usize = 500;

/// Writes the store in `directory` to `to`. No process may use the store.
///
/// # Errors
/// If the store cannot be opened or read, or the archive cannot be written.
pub fn export(directory: &Path, options: &Options, to: &mut dyn Write) -> Result<Archived, ExportError> {
    let recovered = Recovered::present(directory, options)?;
    Ok(write(&recovered.rows, None, &[], to)?)
}

/// Reasons why a store cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read, or the archive cannot be written.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Largest number of times that the journal is read again while large values are written. Each time has fewer new
/// groups.
const MOST_PASSES: usize = 100;

/// Writes `files` and all of `rows` to `to`. `segments` is given if the store is in use.
pub(crate) fn write(
    rows: &Rows,
    segments: Option<&Arc<Segments>>,
    files: &[ArchivedFile],
    to: &mut dyn Write,
) -> Result<Archived, Error> {
    Backup::begin(rows, to, false)?.finish(segments, files)
}

/// Writes to `to` what can be saved of `rows`, whose files are gone: a row is left out if its large value is gone with
/// them, and all others are worth having. Returns the number of rows left out, too.
pub(crate) fn rescue(rows: &Rows, to: &mut dyn Write) -> Result<(Archived, u64), Error> {
    let mut backup = Backup::begin(rows, to, true)?;
    backup.copy()?;
    let lost = backup.lost;
    backup.writer.end().map(|archived| (archived, lost)).map_err(|error| write_error(&error))
}

fn write_error(error: &std::io::Error) -> Error {
    Error::Unavailable(format!("the backup cannot be written: {error}"))
}

fn read_error(error: &std::io::Error) -> Error {
    Error::Unavailable(format!("the journal cannot be read: {error}"))
}

struct Backup<'a> {
    rows: &'a Rows,
    writer: Writer<'a>,
    /// The blobs in the archive so far.
    blobs: HashSet<Digest>,
    /// The rows whose blob was gone when they were written, with its digest.
    missing: BTreeMap<Vec<u8>, Digest>,
    /// Whether rows whose large value is gone are left out.
    is_rescue: bool,
    /// The number of rows left out for that.
    lost: u64,
}

impl<'a> Backup<'a> {
    fn begin(rows: &'a Rows, to: &'a mut dyn Write, is_rescue: bool) -> Result<Self, Error> {
        let writer = Writer::begin(to).map_err(|error| write_error(&error))?;
        Ok(Self { rows, writer, blobs: HashSet::new(), missing: BTreeMap::new(), is_rescue, lost: 0 })
    }

    /// Writes `files`, all rows, and what the journal receives meanwhile.
    fn finish(mut self, segments: Option<&Arc<Segments>>, files: &[ArchivedFile]) -> Result<Archived, Error> {
        // Held before the rows are read, so that no group in between is lost.
        let hold = segments.map(Segments::hold);
        for ArchivedFile { path, mode, content } in files {
            let record = Record::File(path.clone(), *mode, content.clone());
            self.writer.add(&record).map_err(|error| write_error(&error))?;
        }
        self.copy()?;
        let mut last = None;
        for _ in 0..MOST_PASSES {
            self.follow(hold.as_ref(), &mut last)?;
            // A blob may be gone because its row was changed after the journal was read; reading on shows the change.
            if !self.lacks_values()? {
                return self.writer.end().map_err(|error| write_error(&error));
            }
        }
        Err(Error::Unavailable(
            "large values were replaced faster than they could be copied; try again".into(),
        ))
    }

    /// Whether the large value of a row, or the one that a reference names, is gone.
    fn is_lost(&self, key: &[u8], value: &[u8]) -> Result<bool, Error> {
        let digest = match key.first() {
            Some(&keys::REFERENCE) => keys::referred_to(key),
            _ => value::blob_of(key, value).ok().flatten(),
        };
        let Some(digest) = digest.filter(|digest| !self.blobs.contains(digest)) else { return Ok(false) };
        Ok(self.rows.blobs.find(&digest)?.is_none())
    }

    /// Writes all rows, one record after the other.
    fn copy(&mut self) -> Result<(), Error> {
        let (mut from, mut left_over) = (Vec::new(), 0_u64);
        loop {
            let entries = self.rows.range(&(from, vec![u8::MAX]), false, ROWS_A_RECORD)?;
            let Some((last, _)) = entries.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            let mut writes = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let is_reference = key.first() == Some(&keys::REFERENCE) && gaps::reason(&value).is_none();
                // If the row that it names gets this value again, the journal has the reference again.
                if is_reference && self.rows.is_left_over_reference(&key)? {
                    left_over += 1;
                } else if self.is_rescue && self.is_lost(&key, &value)? {
                    self.lost += u64::from(!is_reference);
                } else {
                    writes.push((key, Some(value)));
                }
            }
            self.add(writes, Record::Rows)?;
        }
        if left_over > 0 {
            tracing::info!(
                left_over,
                "the copy leaves out references to large values that no row makes any more"
            );
        }
        Ok(())
    }

    /// Whether a row in the archive refers to a blob that is not in it, so that the journal has to explain that.
    ///
    /// # Errors
    /// If it cannot: the row still refers to that blob.
    fn lacks_values(&mut self) -> Result<bool, Error> {
        let Self { rows, blobs, missing, .. } = self;
        missing.retain(|_, digest| !blobs.contains(digest));
        for (key, digest) in missing.iter() {
            let reference = keys::reference(digest, key);
            let is_gone = || rows.blobs.find(digest).map(|found| found.is_none());
            // A blob is removed after its row was changed, so the order counts. And it may just have come back.
            if is_gone()? && !rows.is_left_over_reference(&reference)? && is_gone()? {
                return Err(Error::Damaged {
                    what: value::describe(key),
                    reason: "its large value is missing".into(),
                });
            }
        }
        Ok(!missing.is_empty())
    }

    /// Appends what the journal has received since the group `last`.
    fn follow(&mut self, hold: Option<&Hold>, last: &mut Option<u64>) -> Result<(), Error> {
        for number in hold.into_iter().flat_map(Hold::numbers) {
            let bytes = hold.map_or_else(|| Ok(Vec::new()), |hold| hold.read(number));
            for (sequence, writes) in replay::groups(number, &bytes.map_err(|error| read_error(&error))?) {
                if last.is_some_and(|last| sequence <= last) {
                    continue;
                }
                if last.is_some_and(|last| sequence != last + 1) {
                    let reason = format!("the journal has no group before {sequence}; try again");
                    return Err(Error::Unavailable(reason));
                }
                *last = Some(sequence);
                self.add(writes, Record::Log)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, writes: Vec<base::Write>, record: fn(Vec<base::Write>) -> Record) -> Result<(), Error> {
        for (key, value) in &writes {
            self.missing.remove(key);
            let Some(value) = value else { continue };
            if let Some(reason) = gaps::reason(value) {
                return Err(Error::Damaged { what: value::describe(key), reason: reason.to_owned() });
            }
            // A row that cannot be read is copied unchanged, and is reported as damaged after a restore, too.
            let Ok(Some(digest)) = value::blob_of(key, value) else { continue };
            if self.blobs.contains(&digest) {
                continue;
            }
            // A missing blob was deleted meanwhile, which the journal shows, or the backup fails.
            if let Some(body) = self.rows.blobs.find(&digest)? {
                self.writer.add(&Record::Blob(digest, body)).map_err(|error| write_error(&error))?;
                self.blobs.insert(digest);
            } else {
                self.missing.insert(key.clone(), digest);
            }
        }
        self.writer.add(&record(writes)).map_err(|error| write_error(&error))
    }
}
