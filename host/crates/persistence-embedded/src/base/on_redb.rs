//! redb 4 as the base: one file, one table.
//!
//! Slices are committed without a sync of their own. [`Base::sync`] is an empty durable commit, which makes all earlier
//! ones durable. With quick repair, a start after a crash does not read the whole file.

use std::fs::{self, File};
use std::path::Path;

use redb::{AccessGuard, Database, Durability, ReadableDatabase as _, StorageError, TableDefinition};

use crate::base::{Base, BaseError, Entry, Reads, Write};
use crate::presence::Place;

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// redb, in a directory of its own.
#[derive(Debug)]
pub(crate) struct RedbBase {
    db: Database,
    /// The place of its file.
    file: Place,
}

impl RedbBase {
    /// Opens the engine in `directory`, and creates it durably if it does not exist.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, BaseError> {
        fs::create_dir_all(directory).map_err(fail)?;
        let file = directory.join("rows.redb");
        if !directory.parent().is_some_and(|store| store.join("format").exists()) && file.exists() {
            // The creation of the store was never finished. redb may have been interrupted, and does not open half a
            // file.
            fs::remove_file(&file).map_err(fail)?;
        }
        let cache = usize::try_from(cache_bytes).unwrap_or(usize::MAX);
        let mut builder = Database::builder();
        builder.set_cache_size(cache);
        // An existing file is never initialized again, even if it is empty because all of it was cut off.
        let opened = if file.exists() { builder.open(&file) } else { builder.create(&file) };
        let db = opened.map_err(fail)?;
        let base = Self { db, file: Place::of(&file) };
        base.make_table()?;
        for path in [directory, directory.parent().unwrap_or(directory)] {
            File::open(path).and_then(|directory| directory.sync_all()).map_err(fail)?;
        }
        Ok(base)
    }
}

/// Converts an error of redb or of the system.
fn fail(error: impl Into<redb::Error>) -> BaseError {
    match error.into() {
        error @ redb::Error::Corrupted(_) => BaseError::damaged(error),
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            BaseError::damaged("its file ends before it")
        }
        error => BaseError::failed(error),
    }
}

impl RedbBase {
    /// Creates the table at the start, so that readers need not check for it.
    fn make_table(&self) -> Result<(), BaseError> {
        if self.db.begin_read().map_err(fail)?.open_table(ROWS).is_ok() {
            return Ok(());
        }
        let mut begun = self.db.begin_write().map_err(fail)?;
        begun.set_quick_repair(true);
        begun.open_table(ROWS).map_err(fail)?;
        begun.commit().map_err(fail)
    }
}

/// A row as redb returns it.
type Found<'a> = Result<(AccessGuard<'a, &'static [u8]>, AccessGuard<'a, &'static [u8]>), StorageError>;

fn entry(found: Found<'_>) -> Result<Entry, BaseError> {
    let (key, value) = found.map_err(fail)?;
    Ok((key.value().to_vec(), value.value().to_vec()))
}

impl Reads for RedbBase {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        let table = self.db.begin_read().map_err(fail)?.open_table(ROWS).map_err(fail)?;
        Ok(table.get(key).map_err(fail)?.map(|value| value.value().to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        let table = self.db.begin_read().map_err(fail)?.open_table(ROWS).map_err(fail)?;
        let range = table.range(from..to).map_err(fail)?;
        if reverse {
            range.rev().take(limit).map(entry).collect()
        } else {
            range.take(limit).map(entry).collect()
        }
    }
}

impl Base for RedbBase {
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
        let mut begun = self.db.begin_write().map_err(fail)?;
        begun.set_durability(Durability::None).map_err(fail)?;
        {
            let mut table = begun.open_table(ROWS).map_err(fail)?;
            for (key, value) in writes {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()).map_err(fail)?,
                    None => table.remove(key.as_slice()).map_err(fail)?,
                };
            }
        }
        begun.commit().map_err(fail)
    }

    fn sync(&self) -> Result<(), BaseError> {
        let mut begun = self.db.begin_write().map_err(fail)?;
        begun.set_durability(Durability::Immediate).map_err(fail)?;
        // With it, a start after a crash need not walk through the whole file.
        begun.set_quick_repair(true);
        begun.commit().map_err(fail)
    }

    fn is_gone(&self) -> bool {
        self.file.is_left()
    }
}
