//! Creates a store from an archive, with any engine. The store appears when it is complete, or not at all.

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

/// Bytes that are written between two syncs.
const SYNC_BYTES: usize = 8 << 20;
/// Number of references that are checked at a time.
const STEP: usize = 1000;

/// Reasons why an archive was not restored. No store was created.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a store already.
    #[error("there is a store in {0} already; restore into an empty directory, or move that one away first")]
    Occupied(PathBuf),
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A large value is missing in the archive.
    #[error(
        "the archive lacks a value that it refers to ({0}); make another one, after `petrel store check --repair` where it is from"
    )]
    Incomplete(String),
    /// A file outside the store cannot be written.
    #[error("the file {0} of the archive cannot be written: {1}")]
    File(String, #[source] io::Error),
    /// The store cannot be written.
    #[error("the store in {0} cannot be written: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The engine cannot write the store.
    #[error("the store in {0} cannot be written: {1}")]
    Base(PathBuf, String),
    /// The directory cannot be locked.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// The treatment of executions in flight. On the host from which the archive comes they may have continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// They are held until somebody releases them: see [`Change::LiftHold`](petrel_persistence::Change::LiftHold).
    Held,
    /// They continue as soon as the store is used.
    GoesOn,
    /// They stay held if they were, and otherwise continue: for a store that only moves.
    AsItWas,
}

/// The results of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// The contents of the archive.
    pub archived: Archived,
    /// Number of executions in flight that had not begun.
    pub waiting: u64,
    /// Number of executions in flight that had begun, including workflows.
    pub begun: u64,
}

/// Creates the store `directory` from an archive. Files outside the store are passed to `file` (path in the data
/// directory, mode, content) before the store appears.
///
/// # Errors
/// If there is a store already, or the archive is not complete. Nothing is left behind then.
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
        // Left behind by a restore that was interrupted.
        fs::remove_dir_all(&unfinished).map_err(io)?;
    }
    let made = fill(archive, &unfinished, engine, in_flight, &mut file);
    if made.is_err() {
        drop(fs::remove_dir_all(&unfinished));
        return made;
    }
    // The rename makes the store appear as a whole. It is durable once the parent directory is.
    fs::rename(&unfinished, directory).map_err(io)?;
    let parent = directory.parent().unwrap_or(directory);
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(io)?;
    made
}

/// Receives the files outside the store.
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
                // Counted as the writer counts: changes in the log concern rows that were counted before.
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
                // Blobs are found by the digest of their content, so a wrong digest in the record would dangle.
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
    settle_references(&rows).map_err(|error| match error {
        Error::Damaged { what, reason } => RestoreError::Incomplete(format!("{what}: {reason}")),
        error @ (Error::Sealed { .. } | Error::Starved { .. } | Error::Unavailable(_)) => {
            RestoreError::Base(directory.to_path_buf(), error.to_string())
        }
    })?;
    let restored = settle_in_flight(&rows, in_flight)
        .map_err(|error| RestoreError::Base(directory.to_path_buf(), error.to_string()))?;
    // Last, since a directory without a format is not a store.
    taken.set_format(engine)?;
    Ok(Restored { archived, ..restored })
}

/// Counts the executions in flight, and applies `in_flight` to them.
fn settle_in_flight(rows: &Rows, in_flight: InFlight) -> Result<Restored, Error> {
    let (restored, ids) = count_in_flight(rows)?;
    let writes: Vec<Write> = match in_flight {
        InFlight::Held => ids.iter().map(|id| value::row(keys::held(*id), &[])).collect(),
        InFlight::AsItWas => Vec::new(),
        // They may have been held in the store from which the archive comes.
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

/// Counts the executions in flight. One that cannot be read may have begun, so it counts as such.
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

/// Adds rows for references to blobs, which the first format did not have.
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

/// Restarts the numbers of groups, since the new store has an empty journal.
fn renumber(base: Box<dyn Base>, blobs: Arc<Blobs>) -> Result<Rows, BaseError> {
    base.apply(&[(keys::meta(keys::SEQUENCE), None), value::row(keys::meta(keys::REFERENCES), &[])])?;
    base.sync()?;
    Ok(Rows::new(Image::new(base), blobs))
}

/// Checks that every large value that a row refers to is present and intact. References that an earlier version left
/// over are removed.
fn settle_references(rows: &Rows) -> Result<(), Error> {
    let (mut from, to) = keys::all(keys::REFERENCE);
    loop {
        let entries = rows.range(&(from, to.clone()), false, STEP)?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        from = [last.as_slice(), &[0]].concat();
        let mut left_over: Vec<Write> = Vec::new();
        for (reference, _) in entries {
            if rows.is_left_over_reference(&reference)? {
                left_over.push((reference, None));
            } else if let Some(digest) = keys::referred_to(&reference) {
                rows.blobs.get(&digest)?;
            }
        }
        // Synced together with what follows.
        rows.image.base().apply(&left_over).map_err(|error| Error::Unavailable(error.to_string()))?;
    }
}
