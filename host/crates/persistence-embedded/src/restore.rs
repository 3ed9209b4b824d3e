//! Making a store from an archive, for any engine. The store appears when it is whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId};
use petrel_persistence::Error;
use petrel_persistence::store::Archived;

use crate::archive::{ArchiveError, Reader, Record, stored};
use crate::base::{Base, BaseError, Engine, Write};
use crate::blobs::Blobs;
use crate::directory::{Directory, OpenError};
use crate::image::Image;
use crate::keys;
use crate::rows::Rows;
use crate::value;

/// How much is written between two syncs, in bytes.
const SYNC_BYTES: usize = 8 << 20;
/// How many references are looked at at once.
const STEP: usize = 1000;

/// Why a store was not made. There is none then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something already.
    #[error("there is a store in {0} already; restore into an empty directory, or move that one away first")]
    Occupied(PathBuf),
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A large value is not in the archive.
    #[error("the archive lacks a value that it refers to ({0}); make another one")]
    Incomplete(String),
    /// A file beside the store cannot be laid out.
    #[error("the file {0} of the archive cannot be laid out: {1}")]
    File(String, #[source] io::Error),
    /// The store cannot be written.
    #[error("the store in {0} cannot be written: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The engine cannot write it.
    #[error("the store in {0} cannot be written: {1}")]
    Base(PathBuf, String),
    /// The directory cannot be taken.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// What becomes of what was in flight when the archive was written. Where that was it may have gone on since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// It rests until somebody lets it go on: see [`Change::LiftHold`](petrel_persistence::Change::LiftHold).
    Held,
    /// It goes on as soon as the store is in use.
    GoesOn,
    /// It is held if it was, and else goes on: for a store that only moves.
    AsItWas,
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// What the archive held.
    pub archived: Archived,
    /// Executions in flight that had not begun.
    pub waiting: u64,
    /// Executions in flight that had begun, workflows among them.
    pub begun: u64,
}

/// Makes the store `directory` from an archive. Files beside the store go to `file` (path in the data
/// directory, mode, content) as they come, before the store is there.
///
/// # Errors
/// When there is a store already, or the archive is not whole; nothing is left behind then.
pub fn restore(
    archive: &mut dyn Read,
    directory: &Path,
    engine: Engine,
    in_flight: InFlight,
    mut file: impl FnMut(&str, u32, &[u8]) -> io::Result<()>,
) -> Result<Restored, RestoreError> {
    if directory.exists() {
        return Err(RestoreError::Occupied(directory.to_path_buf()));
    }
    let io = |error| RestoreError::Io(directory.to_path_buf(), error);
    let unfinished = directory.with_extension("restoring");
    if unfinished.exists() {
        // Left by a restore that was ended.
        fs::remove_dir_all(&unfinished).map_err(io)?;
    }
    let made = fill(archive, &unfinished, engine, in_flight, &mut file);
    if made.is_err() {
        drop(fs::remove_dir_all(&unfinished));
        return made;
    }
    fs::rename(&unfinished, directory).map_err(io)?;
    let parent = directory.parent().unwrap_or(directory);
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(io)?;
    made
}

/// Where files beside the store go.
type OnFile<'a> = &'a mut dyn FnMut(&str, u32, &[u8]) -> io::Result<()>;

fn fill(
    archive: &mut dyn Read,
    directory: &Path,
    engine: Engine,
    in_flight: InFlight,
    on_file: OnFile<'_>,
) -> Result<Restored, RestoreError> {
    let io = |error| RestoreError::Io(directory.to_path_buf(), error);
    let failed = |error: BaseError| RestoreError::Base(directory.to_path_buf(), error.reason);
    let mut reader = Reader::begin(archive)?;
    let taken = Directory::take(directory, engine)?;
    let base = engine.open(directory, 64 << 20, false).map_err(failed)?;
    let blobs = Arc::new(Blobs::open(&directory.join("blobs")).map_err(io)?);
    let mut archived = Archived::default();
    let mut unsynced = 0;
    while let Some(record) = reader.read()? {
        match record {
            Record::Rows(mut writes) => {
                // As whoever wrote it counts: what the log says is about rows that stand before it.
                archived.rows += stored(&writes);
                add_references(&mut writes);
                base.apply(&writes).map_err(failed)?;
                unsynced += size(&writes);
            }
            Record::Log(writes) => {
                base.apply(&writes).map_err(failed)?;
                unsynced += size(&writes);
            }
            Record::Blob(digest, body) => {
                let (found, _pin) = blobs.put(&body).map_err(|error| io(io::Error::other(error)))?;
                if found != digest {
                    return Err(RestoreError::Incomplete("its digest does not fit its content".into()));
                }
                archived.blobs += 1;
            }
            Record::File(path, mode, content) => {
                on_file(&path, mode, &content).map_err(|error| RestoreError::File(path, error))?;
                archived.files += 1;
            }
        }
        if unsynced >= SYNC_BYTES {
            base.sync().map_err(failed)?;
            unsynced = 0;
        }
    }
    base.sync().map_err(failed)?;
    archived.bytes = reader.bytes();
    let rows = renumber(base, blobs).map_err(failed)?;
    check_blobs(&rows).map_err(|error| match error {
        Error::Damaged { what, reason } => RestoreError::Incomplete(format!("{what}: {reason}")),
        error @ Error::Unavailable(_) => RestoreError::Base(directory.to_path_buf(), error.to_string()),
    })?;
    let restored = settle_in_flight(&rows, in_flight)
        .map_err(|error| RestoreError::Base(directory.to_path_buf(), error.to_string()))?;
    taken.set_format(engine)?;
    Ok(Restored { archived, ..restored })
}

/// Counts what is in flight, and sees to what becomes of it.
fn settle_in_flight(rows: &Rows, in_flight: InFlight) -> Result<Restored, Error> {
    let (restored, ids) = count_in_flight(rows)?;
    let writes: Vec<Write> = match in_flight {
        InFlight::Held => ids.iter().map(|id| value::row(keys::held(*id), &[])).collect(),
        InFlight::AsItWas => Vec::new(),
        // It may have been held where the archive comes from.
        InFlight::GoesOn => {
            let held = rows.range(&keys::all(keys::HELD), false, usize::MAX)?;
            held.into_iter().map(|(key, _)| (key, None)).collect()
        }
    };
    let base = rows.image.base();
    let written = writes.chunks(STEP).try_for_each(|part| base.apply(part)).and_then(|()| base.sync());
    written.map_err(|error| Error::Unavailable(error.to_string()))?;
    Ok(restored)
}

/// What is in flight. Of what cannot be read it is not known how far it got, so that it counts as begun.
fn count_in_flight(rows: &Rows) -> Result<(Restored, Vec<ExecutionId>), Error> {
    let (mut restored, mut ids) = (Restored::default(), Vec::new());
    for (key, _) in rows.range(&keys::all(keys::ACTIVE), false, usize::MAX)? {
        let Some(id) = keys::id_of(&key).map(ExecutionId::from) else { continue };
        match rows.noun::<Execution>(&keys::execution(id)) {
            Ok(Some(execution)) if execution.status.is_waiting() => restored.waiting += 1,
            Ok(Some(execution)) if execution.status.is_final() => continue,
            Ok(None) => continue,
            Ok(Some(_)) | Err(Error::Damaged { .. }) => restored.begun += 1,
            Err(error) => return Err(error),
        }
        ids.push(id);
    }
    Ok((restored, ids))
}

fn size(writes: &[Write]) -> usize {
    writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}

/// A store of the first format had no rows for its references to blobs.
fn add_references(writes: &mut Vec<Write>) {
    let references: Vec<Write> = writes
        .iter()
        .filter_map(|(key, value)| {
            let digest = value::blob_of(key, value.as_deref()?).ok()??;
            Some(value::row(keys::reference(&digest, key), &[]))
        })
        .collect();
    writes.extend(references);
}

/// Groups are counted from the beginning again: there is no journal yet that they stand in.
fn renumber(base: Box<dyn Base>, blobs: Arc<Blobs>) -> Result<Rows, BaseError> {
    base.apply(&[(keys::meta(keys::SEQUENCE), None), value::row(keys::meta(keys::REFERENCES), &[])])?;
    base.sync()?;
    Ok(Rows { image: Arc::new(Image::new(base)), blobs })
}

/// Every large value that a row refers to is there and whole.
fn check_blobs(rows: &Rows) -> Result<(), Error> {
    let (mut from, to) = keys::all(keys::REFERENCE);
    loop {
        let entries = rows.range(&(from, to.clone()), false, STEP)?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        from = [last.as_slice(), &[0]].concat();
        for (reference, _) in &entries {
            if let Some(digest) = keys::referred_to(reference) {
                rows.blobs.get(&digest)?;
            }
        }
    }
}
