//! Making a store from an archive, for any engine. The store appears when it is whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_persistence::Error;
use petrel_persistence::store::Archived;

use crate::archive::{ArchiveError, Reader, Record};
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

/// Makes the store `directory` from an archive. Files beside the store go to `file` (path in the data
/// directory, mode, content) as they come, before the store is there.
///
/// # Errors
/// When there is a store already, or the archive is not whole; nothing is left behind then.
pub fn restore(
    archive: &mut dyn Read,
    directory: &Path,
    engine: Engine,
    mut file: impl FnMut(&str, u32, &[u8]) -> io::Result<()>,
) -> Result<Archived, RestoreError> {
    if directory.exists() {
        return Err(RestoreError::Occupied(directory.to_path_buf()));
    }
    let io = |error| RestoreError::Io(directory.to_path_buf(), error);
    let unfinished = directory.with_extension("restoring");
    if unfinished.exists() {
        // Left by a restore that was ended.
        fs::remove_dir_all(&unfinished).map_err(io)?;
    }
    let made = fill(archive, &unfinished, engine, &mut file);
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
    on_file: OnFile<'_>,
) -> Result<Archived, RestoreError> {
    let io = |error| RestoreError::Io(directory.to_path_buf(), error);
    let failed = |BaseError(reason)| RestoreError::Base(directory.to_path_buf(), reason);
    let mut reader = Reader::begin(archive)?;
    let taken = Directory::take(directory, engine)?;
    let base = engine.open(directory, 64 << 20).map_err(failed)?;
    let blobs = Arc::new(Blobs::open(&directory.join("blobs")).map_err(io)?);
    let mut archived = Archived::default();
    let mut unsynced = 0;
    while let Some(record) = reader.read()? {
        // As whoever wrote it counts: what the log says is about rows that stand before it.
        if let Record::Rows(writes) = &record {
            archived.rows += writes.len() as u64;
        }
        match record {
            Record::Rows(mut writes) => {
                add_references(&mut writes);
                base.apply(&writes).map_err(failed)?;
                archived.rows += writes.len() as u64;
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
                archived.bytes += body.len() as u64;
            }
            Record::File(path, mode, content) => {
                on_file(&path, mode, &content).map_err(|error| RestoreError::File(path, error))?;
                archived.files += 1;
                archived.bytes += content.len() as u64;
            }
        }
        if unsynced >= SYNC_BYTES {
            base.sync().map_err(failed)?;
            archived.bytes += unsynced as u64;
            unsynced = 0;
        }
    }
    base.sync().map_err(failed)?;
    archived.bytes += unsynced as u64;
    let rows = renumber(base, blobs).map_err(failed)?;
    check_blobs(&rows).map_err(|error| RestoreError::Incomplete(error.to_string()))?;
    taken.set_format(engine)?;
    Ok(archived)
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
