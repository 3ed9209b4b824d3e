//! The data directory: its lock, its format and its watermark. `room.rs` has the free space on its disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::Engine;
use crate::presence::Place;
use crate::remedy;
use crate::reserve;

/// The file that is locked.
const LOCK: &str = "lock";
/// The format that this version writes. It is raised when an older version could not read the store.
///
/// Format 1 had no journal, only sled, and no rows for references to blobs. Format 2 has a journal in front of the
/// engine that the second line of the file names.
const FORMAT: u32 = 2;
/// Longest wait for a process that is just ending. One that was killed while it started a child keeps its lock until
/// that child has called exec.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reasons why a store could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error(
        "the data directory {0} is in use by process {1}; stop that one, or give another directory with --data-dir"
    )]
    InUse(PathBuf, String),
    /// The store was written by a newer version.
    #[error(
        "the store in {0} has format {1}, and this version of petrel reads formats up to {FORMAT}; use the version that wrote it, or a newer one"
    )]
    Newer(PathBuf, u32),
    /// The store does not exist, and the operation needs one.
    #[error(
        "there is no store in {0}; name the data directory that has it with --data-dir, or make one with `petrel serve`, `petrel restore` or `petrel store import`"
    )]
    Missing(PathBuf),
    /// The store was written by an older version, and the operation needs the present format.
    #[error(
        "the store in {0} has format {1}, and this needs format {FORMAT}; start it once with `petrel serve`, which takes it over"
    )]
    Older(PathBuf, u32),
    /// The store was created with another engine.
    #[error(
        "the store in {0} is kept by the engine {1}, and the setting store.engine asks for {2}; set it to \"{1}\", or move the store: `petrel store export` with the old setting, `petrel store import` with the new one"
    )]
    OtherEngine(PathBuf, Engine, Engine),
    /// Its journal cannot be replayed.
    #[error(
        "the store in {0} cannot be opened: {1}; {remedy}",
        remedy = remedy::of_words(.1).unwrap_or("restore from a backup, or go on without what cannot be read with --accept-loss")
    )]
    Journal(PathBuf, String),
    /// The directory contains something other than a store.
    #[error("{0} is not a store of petrel: {1}; give another directory with --data-dir")]
    Foreign(PathBuf, String),
    /// The file that says which store it is was damaged or deleted.
    #[error(
        "the store in {0} cannot be opened: its file {0}/format {1}; it holds the lines `petrel-store {FORMAT}` and `engine {2}` where this version has written it: write those, or restore from a backup into another data directory"
    )]
    Format(PathBuf, String, Engine),
    /// The store has lost acknowledged commits.
    #[error("the store in {directory} ends at commit {found}, but commit {acknowledged} was acknowledged: the disk has lost {} of them; restore from a backup, or go on without them with --accept-loss", acknowledged - found)]
    Lost {
        /// The directory of the store.
        directory: PathBuf,
        /// The number of the last commit in the store.
        found: u64,
        /// The number of the last acknowledged commit.
        acknowledged: u64,
    },
    /// The directory cannot be used.
    #[error(
        "the data directory {0} cannot be used: {1}; {remedy}",
        remedy = remedy::of_error(.1).unwrap_or("mend that, or give another directory with --data-dir")
    )]
    Io(PathBuf, #[source] std::io::Error),
    /// The engine cannot open it.
    #[error("the store in {} cannot be opened: {reason}; {}", path.display(), remedy::of_words(reason).unwrap_or_else(|| engine.remedy()))]
    Base {
        /// The directory of the engine.
        path: PathBuf,
        /// The engine.
        engine: Engine,
        /// The reason, in the words of the engine.
        reason: String,
    },
}

/// The data directory, locked by this process until this is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    engine: Engine,
    lock: File,
    /// The place of the lock.
    place: Place,
    watermark: File,
}

impl Directory {
    /// Locks `path` for this process, creates it if it does not exist, and checks its format.
    pub(crate) fn take(path: &Path, engine: Engine) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        fs::create_dir_all(path).map_err(io)?;
        let lock = Self::lock(path)?;
        // Looked at first: of what is no store of ours nothing is given up, nor of one that is not opened.
        if Self::check_format(path, engine)? {
            reserve::give_up_if_short(path);
        }
        // Overwritten and then cut: on a full disk a block that was freed first might not be had again.
        let holder = std::process::id().to_string();
        lock.write_all_at(holder.as_bytes(), 0).map_err(io)?;
        lock.set_len(holder.len() as u64).map_err(io)?;
        let watermark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("acknowledged"))
            .map_err(io)?;
        let place = Place::of(&path.join(LOCK));
        Ok(Self { path: path.to_path_buf(), engine, lock, place, watermark })
    }

    fn lock(path: &Path) -> Result<File, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(io)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    lock.read_to_string(&mut holder).map_err(io)?;
                    return Err(OpenError::InUse(path.to_path_buf(), holder));
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
    }

    /// Checks that this version and `engine` can open the store in the directory. Returns whether there is one.
    fn check_format(path: &Path, engine: Engine) -> Result<bool, OpenError> {
        match Self::kept(path)? {
            Some((_, kept_by)) if kept_by != engine => {
                Err(OpenError::OtherEngine(path.to_path_buf(), kept_by, engine))
            }
            kept => Ok(kept.is_some()),
        }
    }

    /// The format and the engine of the store in `path`, if there is one.
    pub(crate) fn kept(path: &Path) -> Result<Option<(u32, Engine)>, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        // The rows of an engine show that it is a store.
        let engine = Engine::ALL.into_iter().find(|engine| path.join(engine.name()).is_dir());
        let text = match fs::read(path.join("format")) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return match engine.filter(|_| has_acknowledged(path)) {
                    // Not one whose creation was never finished: engines would begin anew.
                    Some(engine) => Err(OpenError::Format(path.to_path_buf(), "is missing".into(), engine)),
                    None => Ok(None),
                };
            }
            Err(error) => return Err(io(error)),
        };
        let foreign = || match engine.filter(|_| path.join("journal").is_dir()) {
            Some(engine) => OpenError::Format(path.to_path_buf(), format!("says {text:?}"), engine),
            None => OpenError::Foreign(path.to_path_buf(), format!("its file `format` says {text:?}")),
        };
        let mut lines = text.lines();
        let format = lines.next().and_then(|line| line.strip_prefix("petrel-store ")?.parse().ok());
        let format: u32 = format.ok_or_else(foreign)?;
        if format > FORMAT {
            return Err(OpenError::Newer(path.to_path_buf(), format));
        }
        let kept_by = match lines.next() {
            None => Engine::Sled,
            Some(line) => {
                line.strip_prefix("engine ").and_then(|name| name.parse().ok()).ok_or_else(foreign)?
            }
        };
        Ok(Some((format, kept_by)))
    }

    /// Refuses a directory without a store, and a store of an older version: copying and sweeping need rows that those
    /// did not have.
    pub(crate) fn check_present(path: &Path) -> Result<(), OpenError> {
        match Self::kept(path)? {
            None => Err(OpenError::Missing(path.to_path_buf())),
            Some((format, _)) if format < FORMAT => Err(OpenError::Older(path.to_path_buf(), format)),
            Some(_) => Ok(()),
        }
    }

    /// Durably marks the store with the format of this version.
    pub(crate) fn set_format(&self, engine: Engine) -> Result<(), OpenError> {
        let io = |error| OpenError::Io(self.path.clone(), error);
        let (file, text) = (self.path.join("format"), format!("petrel-store {FORMAT}\nengine {engine}\n"));
        if fs::read_to_string(&file).is_ok_and(|found| found == text) {
            return Ok(());
        }
        let temporary = self.path.join("format.new");
        fs::write(&temporary, text).map_err(io)?;
        File::open(&temporary).and_then(|file| file.sync_all()).map_err(io)?;
        fs::rename(&temporary, &file).map_err(io)?;
        File::open(&self.path).and_then(|directory| directory.sync_all()).map_err(io)
    }

    /// The number of the last commit known to be acknowledged. The file is empty before the first one.
    pub(crate) fn acknowledged(&self) -> Result<u64, OpenError> {
        let mut bytes = [0; 8];
        match self.watermark.read_at(&mut bytes, 0) {
            Ok(8) => Ok(u64::from_le_bytes(bytes)),
            Ok(_) => Ok(0),
            Err(error) => Err(OpenError::Io(self.path.clone(), error)),
        }
    }

    /// Durably stores that all commits up to `sequence` are acknowledged.
    pub(crate) fn acknowledge(&self, sequence: u64) -> std::io::Result<()> {
        self.watermark.write_all_at(&sequence.to_le_bytes(), 0)?;
        self.watermark.sync_data()
    }

    /// Lowers the watermark to `sequence`, when the operator has accepted a loss.
    pub(crate) fn lower_watermark(&self, sequence: u64) -> Result<(), OpenError> {
        if self.acknowledged()? <= sequence {
            return Ok(());
        }
        self.acknowledge(sequence).map_err(|error| OpenError::Io(self.path.clone(), error))
    }

    /// Refuses a store that ends before the watermark.
    pub(crate) fn check_loss(&self, found: u64) -> Result<(), OpenError> {
        let acknowledged = self.acknowledged()?;
        if found < acknowledged {
            return Err(OpenError::Lost { directory: self.path.clone(), found, acknowledged });
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The present place of the directory, if somebody has moved it while it was in use.
    pub(crate) fn moved_to(&self) -> Option<PathBuf> {
        if !self.place.is_left() {
            return None;
        }
        let now = fs::read_link(format!("/proc/self/fd/{}", self.lock.as_raw_fd())).ok()?;
        if self.place.is_also(&now) { now.parent().map(Path::to_path_buf) } else { None }
    }

    /// The engine of the base.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }
}

impl Drop for Directory {
    /// A child that is just being started has a copy of the descriptor until it calls exec, and so of the lock. What
    /// is unlocked is free at once.
    fn drop(&mut self) {
        // It ends with the descriptors at the latest.
        let _ = self.lock.unlock();
    }
}

/// Whether a store in `path` has acknowledged commits, which it does once its creation is finished.
fn has_acknowledged(path: &Path) -> bool {
    fs::read(path.join("acknowledged")).is_ok_and(|bytes| bytes.iter().any(|byte| *byte != 0))
}
