//! sled 0.34 as the base, under the rules that make it durable.
//!
//! * `flush()` alone is not durable on Linux: it never calls fsync. So a second handle to the engine's
//!   file is synced after it.
//! * `flush_async`, `watch_prefix`, `merge` and transactions are never used: the first deadlocks, the
//!   second can block the writer, the last two are not needed by a single writer.
//! * Values stay far below the size from which sled puts pages into files that it never syncs; `value`
//!   sees to that, and [`MAX_VALUE`] asserts it.
//! * A snapshot that was being written when a process was killed is removed before the engine is opened: it would
//!   be taken for the newest one, and refused.
//! * The engine's own flusher thread stays on: space is only reclaimed there.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::base::{Base, BaseError, Entry, Reads, Write};

/// The largest value that may be written: 16 items a leaf must stay below 128 KiB.
pub(crate) const MAX_VALUE: usize = 7 * 1024;

/// What sled says when another one has the directory.
const IN_USE: &str = "could not acquire lock";
/// How long to wait for that one. Nobody else has the store, so it can only be one of this process that was
/// closed: its threads let go of the file a moment later.
const PATIENCE: Duration = Duration::from_secs(2);

/// sled, in a directory of its own.
#[derive(Debug)]
pub(crate) struct SledBase {
    db: sled::Db,
    file: File,
}

impl SledBase {
    /// Opens the engine in `directory`, and creates it durably if it is not there yet.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, BaseError> {
        remove_unfinished(directory).map_err(fail)?;
        let config =
            sled::Config::new().path(directory).cache_capacity(cache_bytes).flush_every_ms(Some(500));
        let before = Small::read(&directory.join("db")).map_err(fail)?;
        let begun = Instant::now();
        let db = loop {
            match config.open().map_err(said) {
                Err(BaseError { reason, .. }) if reason.contains(IN_USE) && begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => break opened?,
            }
        };
        let file = File::open(directory.join("db")).map_err(fail)?;
        let base = Self { db, file };
        if let Some(before) = before.filter(|before| before.is_lost(&base)) {
            drop(base);
            before.put_back(&directory.join("db")).map_err(fail)?;
            return Err(BaseError::failed(io::Error::other(
                "sled/db is damaged, and the engine can read nothing of it; the file was left as it was",
            )));
        }
        // At every opening, since an earlier process may have been killed before it came to this.
        base.sync()?;
        for path in [directory.join("db"), directory.join("conf"), directory.to_path_buf()] {
            File::open(path).and_then(|file| file.sync_all()).map_err(fail)?;
        }
        if let Some(parent) = directory.parent() {
            File::open(parent).and_then(|file| file.sync_all()).map_err(fail)?;
        }
        Ok(base)
    }
}

/// The file of a small store, as it was before the engine opened it. The engine cuts it off at the first thing that it
/// cannot read: of a file of one segment, at its beginning, and everything is gone.
struct Small(Vec<u8>);

impl Small {
    /// The largest file that is looked after, in bytes: two segments. Of a larger one the engine keeps the rest.
    const LARGEST: u64 = 1 << 20;
    /// What an engine without rows fills at most, in bytes.
    const EMPTY: usize = 4096;

    fn read(file: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(file) {
            Ok(found) if found.len() <= Self::LARGEST => fs::read(file).map(|content| Some(Self(content))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there was something in it, and nothing is any more.
    fn is_lost(&self, base: &SledBase) -> bool {
        let filled = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        filled > Self::EMPTY && base.db.is_empty()
    }

    fn put_back(&self, file: &Path) -> io::Result<()> {
        fs::write(file, &self.0)?;
        File::open(file)?.sync_all()
    }
}

/// Removes what a process that was killed while it opened the engine has left behind: sled takes a snapshot
/// that it had begun to write for the newest one, and refuses it as damaged.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    if !directory.parent().is_some_and(|store| store.join("format").exists()) {
        // The store was never finished, so there is nothing in it.
        return fs::remove_dir_all(directory);
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn fail(error: io::Error) -> BaseError {
    BaseError::failed(error)
}

/// What sled says.
fn said(error: sled::Error) -> BaseError {
    match error {
        sled::Error::Corruption { .. } => BaseError::damaged("its files are damaged there"),
        sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            BaseError::damaged("its files end before it")
        }
        error @ sled::Error::ReportableBug(_) => BaseError::damaged(error),
        error => BaseError::failed(error),
    }
}

impl Reads for SledBase {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        Ok(self.db.get(key).map_err(said)?.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        let range = self.db.range(from..to);
        let entry = |found: sled::Result<(sled::IVec, sled::IVec)>| {
            found.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(said)
        };
        if reverse {
            range.rev().take(limit).map(entry).collect()
        } else {
            range.take(limit).map(entry).collect()
        }
    }
}

impl Base for SledBase {
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) if value.len() > MAX_VALUE => {
                    return Err(BaseError::failed(format!(
                        "a value of {} bytes is too large for a row",
                        value.len()
                    )));
                }
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        self.db.apply_batch(batch).map_err(said)
    }

    fn sync(&self) -> Result<(), BaseError> {
        self.db.flush().map_err(said)?;
        self.file.sync_data().map_err(fail)
    }
}
