//! Writing an archive of a store, also while it is in use.
//!
//! The rows are read one after the other while others write; so they are not those of one moment. What was
//! written meanwhile stands in the journal, which is kept until the end and added behind them: after it has
//! been applied they are those of the moment at which the journal was read.

use std::collections::HashSet;
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
use crate::opening::{Options, Recovered};
use crate::rows::Rows;
use crate::value;

/// How many rows a record holds.
const ROWS_A_RECORD: usize = 500;

/// Writes all of the store in `directory`, which nobody uses, to `to`.
///
/// # Errors
/// When it cannot be opened or read, or the archive cannot be written.
pub fn export(directory: &Path, options: &Options, to: &mut dyn Write) -> Result<Archived, ExportError> {
    let recovered = Recovered::present(directory, options)?;
    Ok(write(&recovered.rows, None, &[], to)?)
}

/// Why a store cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read, or the archive not be written.
    #[error(transparent)]
    Store(#[from] Error),
}

/// How often the journal is read on while large values go: each time there is less of it that is new.
const MOST_PASSES: usize = 100;

/// Writes `files` and all of `rows` to `to`; with `segments` while they are in use.
pub(crate) fn write(
    rows: &Rows,
    segments: Option<&Arc<Segments>>,
    files: &[ArchivedFile],
    to: &mut dyn Write,
) -> Result<Archived, Error> {
    let hold = segments.map(Segments::hold);
    let mut backup = Backup {
        rows,
        writer: Writer::begin(to).map_err(|error| unwritten(&error))?,
        blobs: HashSet::new(),
        is_missing: false,
    };
    for ArchivedFile { path, mode, content } in files {
        let record = Record::File(path.clone(), *mode, content.clone());
        backup.writer.add(&record).map_err(|error| unwritten(&error))?;
    }
    let mut from = Vec::new();
    loop {
        let entries = rows.range(&(from, vec![u8::MAX]), false, ROWS_A_RECORD)?;
        let Some((last, _)) = entries.last() else { break };
        from = [last.as_slice(), &[0]].concat();
        let writes: Vec<_> = entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
        backup.add(writes, Record::Rows)?;
    }
    let mut last = None;
    for _ in 0..MOST_PASSES {
        backup.is_missing = false;
        backup.follow(hold.as_ref(), &mut last)?;
        // What deleted it may have come after the journal was read, but is in it by now.
        if !backup.is_missing {
            break;
        }
    }
    backup.writer.end().map_err(|error| unwritten(&error))
}

fn unwritten(error: &std::io::Error) -> Error {
    Error::Unavailable(format!("the backup cannot be written: {error}"))
}

fn unread(error: &std::io::Error) -> Error {
    Error::Unavailable(format!("the journal cannot be read: {error}"))
}

struct Backup<'a> {
    rows: &'a Rows,
    writer: Writer<'a>,
    /// Those that are in the archive.
    blobs: HashSet<Digest>,
    /// Whether one was gone when its row came.
    is_missing: bool,
}

impl Backup<'_> {
    /// Adds what the journal has taken in since the group `last`.
    fn follow(&mut self, hold: Option<&Hold>, last: &mut Option<u64>) -> Result<(), Error> {
        for number in hold.into_iter().flat_map(Hold::numbers) {
            let bytes = hold.map_or_else(|| Ok(Vec::new()), |hold| hold.read(number));
            for (sequence, writes) in replay::groups(number, &bytes.map_err(|error| unread(&error))?) {
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
            let Some(value) = value else { continue };
            if let Some(reason) = gaps::reason(value) {
                return Err(Error::Damaged { what: value::describe(key), reason: reason.to_owned() });
            }
            // A row that cannot be read goes along as it is, and is shown as such after a restore too.
            let Ok(Some(digest)) = value::blob_of(key, value) else { continue };
            if self.blobs.contains(&digest) {
                continue;
            }
            // One that is gone was deleted meanwhile, and the journal says so; the restore makes sure of it.
            if let Some(body) = self.rows.blobs.find(&digest)? {
                self.writer.add(&Record::Blob(digest, body)).map_err(|error| unwritten(&error))?;
                self.blobs.insert(digest);
            } else {
                self.is_missing = true;
            }
        }
        self.writer.add(&record(writes)).map_err(|error| unwritten(&error))
    }
}
