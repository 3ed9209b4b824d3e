//! sled 0.34 as the base, with the rules that make it durable.
//!
//! * `flush()` alone is not durable on Linux: it never calls fsync. So a second handle to the engine's
//!   file is synced after it.
//! * `flush_async`, `watch_prefix`, `merge` and transactions are never used: the first deadlocks, the
//!   second can block the writer, the last two are not needed by a single writer.
//! * Values stay far below the size from which sled puts pages into files that it never syncs; `value`
//!   sees to that, and [`MAX_VALUE`] asserts it.
//! * A snapshot that was being written when the process was killed is removed before the engine is opened: sled would
//!   take it for the newest one and refuse to open.
//! * The engine's own flusher thread stays on: space is only reclaimed there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::{Base, BaseError, Entry, Reads, Write};
use crate::presence::Place;
use crate::remedy;

/// Largest value that may be written, in bytes: the 16 items of a leaf must stay below 128 KiB.
pub(crate) const MAX_VALUE: usize = 7 * 1024;

/// The message of sled when another process has locked the directory.
const IN_USE: &str = "could not acquire lock";
/// Longest wait for that lock. No other process uses the store, so the holder can only be a store that this process has
/// closed, whose threads release the file a moment later.
const PATIENCE: Duration = Duration::from_secs(2);

/// sled, in a directory of its own.
#[derive(Debug)]
pub(crate) struct SledBase {
    db: sled::Db,
    file: File,
    /// The place of that file.
    rows: Place,
    /// The rows that were given up when it was opened, in words.
    lost: Option<String>,
}

impl SledBase {
    /// Opens the engine in `directory`, and creates it durably if it does not exist. A small file of which nothing can
    /// be read is left unchanged, or with `accept_loss` kept beside the engine, which then starts empty.
    pub(crate) fn open(directory: &Path, cache_bytes: u64, accept_loss: bool) -> Result<Self, BaseError> {
        remove_unfinished(directory).map_err(fail)?;
        let config =
            sled::Config::new().path(directory).cache_capacity(cache_bytes).flush_every_ms(Some(500));
        let rows = directory.join("db");
        let before = SmallFile::read(&rows).map_err(fail)?;
        let begun = Instant::now();
        let opened = loop {
            match config.open().map_err(from_sled) {
                Err(BaseError { reason, .. }) if reason.contains(IN_USE) && begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => break opened,
            }
        };
        if let (Err(error), Some(before)) = (&opened, &before)
            && !error.reason.contains(IN_USE)
        {
            before.put_back(&rows).map_err(fail)?;
        }
        let mut base =
            Self { db: opened?, file: File::open(&rows).map_err(fail)?, rows: Place::of(&rows), lost: None };
        if let Some(before) = before.filter(|before| before.is_lost(&base)) {
            if !accept_loss {
                drop(base);
                before.put_back(&rows).map_err(fail)?;
                return Err(BaseError::failed(
                    "its file sled/db is damaged, and the engine can read nothing of it; the file was left as it was. \
                     What the journal holds is whole: --accept-loss goes on with that, and keeps a copy of the file",
                ));
            }
            let kept = before.keep(directory).map_err(fail)?;
            base.lost = Some(format!(
                "all rows in sled/db: the engine can read nothing of it, so how many they were is not known; what the \
                 journal holds is whole, and a copy of the file is kept as {}",
                kept.display()
            ));
        }
        // At every start, since an earlier process may have been killed before its sync.
        base.sync()?;
        for path in [rows, directory.join("conf"), directory.to_path_buf()] {
            File::open(path).and_then(|file| file.sync_all()).map_err(fail)?;
        }
        if let Some(parent) = directory.parent() {
            File::open(parent).and_then(|file| file.sync_all()).map_err(fail)?;
        }
        Ok(base)
    }
}

/// The file of a small store, as it was before the engine opened it. sled truncates the file at the first part that it
/// cannot read; if the file is a single segment, that is its beginning, and everything is lost.
struct SmallFile(Vec<u8>);

impl SmallFile {
    /// Largest file that is saved, in bytes: two segments. Of a larger one, sled keeps the rest.
    const LARGEST: u64 = 1 << 20;
    /// Largest size of an engine without rows, in bytes.
    const EMPTY: usize = 4096;

    fn read(file: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(file) {
            Ok(found) if found.len() <= Self::LARGEST => fs::read(file).map(|content| Some(Self(content))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the file had contents and the engine has none.
    fn is_lost(&self, base: &SledBase) -> bool {
        let filled = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        filled > Self::EMPTY && base.db.is_empty()
    }

    fn put_back(&self, file: &Path) -> io::Result<()> {
        if fs::read(file).is_ok_and(|found| found == self.0) {
            return Ok(());
        }
        // Never cut off first: the disk may be full, and then there might be no room to write it again.
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(file)?;
        file.write_all_at(&self.0, 0)?;
        file.set_len(self.0.len() as u64)?;
        file.sync_all()
    }

    /// Writes the file beside the engine's directory, under a name that must not exist. Returns its path.
    fn keep(&self, directory: &Path) -> io::Result<PathBuf> {
        let path = directory.with_file_name("sled-db.damaged");
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = made.map_err(|error| {
            let message = format!("{} cannot be made ({error}); move it elsewhere", path.display());
            io::Error::new(error.kind(), message)
        })?;
        file.write_all(&self.0)?;
        file.sync_all()?;
        Ok(path)
    }
}

/// Names the file in `directory` that caused `error`, if it is one of sled's small files. The engine recreates those
/// once they are removed.
pub(crate) fn with_damaged_file(directory: &Path, error: BaseError) -> BaseError {
    if remedy::of_words(&error.reason).is_some() {
        return error;
    }
    let newest_snapshot = || {
        let found =
            fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        found.filter(|name| name.starts_with("snap.") && !name.ends_with("generating")).max()
    };
    // In a snapshot, the checksum is followed by its length.
    let files = [(Some("conf".to_owned()), 4), (newest_snapshot(), 12)];
    let damaged = files
        .into_iter()
        .filter_map(|(name, tail)| Some((name?, tail)))
        .find(|(name, tail)| fs::read(directory.join(name)).is_ok_and(|bytes| !is_whole(&bytes, *tail)));
    match damaged {
        Some((name, _)) => BaseError {
            reason: format!(
                "its file sled/{name} is damaged ({}); keep a copy of it and move it away, and the engine makes it anew \
                 from the others. If that does not help",
                error.reason
            ),
            ..error
        },
        None => error,
    }
}

/// Whether the last four bytes are the checksum of what comes before the `tail`.
fn is_whole(bytes: &[u8], tail: usize) -> bool {
    let (Some(content), Some(sum)) = (bytes.len().checked_sub(tail), bytes.last_chunk::<4>()) else {
        return false;
    };
    bytes
        .get(..content)
        .is_some_and(|content| !content.is_empty() && crc32(content) == u32::from_le_bytes(*sum))
}

/// The checksum that sled uses: CRC-32 (IEEE 802.3).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _bit| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

/// Removes what a process left behind that was killed while it opened the engine: sled takes an unfinished snapshot for
/// the newest one, and refuses it as damaged.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    if !directory.parent().is_some_and(|store| store.join("format").exists()) {
        // The creation of the store was never finished, so it is empty.
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

/// Converts an error of sled.
fn from_sled(error: sled::Error) -> BaseError {
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
        Ok(self.db.get(key).map_err(from_sled)?.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        let range = self.db.range(from..to);
        let entry = |found: sled::Result<(sled::IVec, sled::IVec)>| {
            found.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(from_sled)
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
        self.db.apply_batch(batch).map_err(from_sled)
    }

    fn sync(&self) -> Result<(), BaseError> {
        self.db.flush().map_err(from_sled)?;
        self.file.sync_data().map_err(fail)
    }

    fn is_gone(&self) -> bool {
        self.rows.is_left()
    }

    fn lost(&self) -> Option<String> {
        self.lost.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_engine() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let whole = [&b"123456789"[..], &0xCBF4_3926_u32.to_le_bytes()].concat();
        assert!(is_whole(&whole, 4));
        for other in [&whole[1..], &whole[..12], b"abc", b""] {
            assert!(!is_whole(other, 4), "{other:?}");
        }
    }

    #[test]
    fn the_files_of_a_new_engine_are_whole() {
        let place = tempfile::TempDir::new().unwrap();
        let directory = place.path().join("sled");
        drop(SledBase::open(&directory, 1 << 20, false).unwrap());
        assert!(is_whole(&fs::read(directory.join("conf")).unwrap(), 4));
        let error = with_damaged_file(&directory, BaseError::failed("why"));
        assert_eq!(error.reason, "why");
    }
}
