//! The data directory: who has it, what format it has, how far it got, and how much room there is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::base::Engine;

/// The format that this version writes. It grows when an older version could not read it any more.
///
/// 1 had no journal, sled only, and no rows for references to blobs; 2 has a journal in front of the engine
/// that its second line names.
const FORMAT: u32 = 2;
/// What an engine may need beside the rows that are written, in bytes.
const BASE_MARGIN: u64 = 4 << 20;
/// How long to wait for a process that is just going away. One that was killed keeps its lock for a moment
/// when it was starting another process.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a store could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the data directory {0} is in use by process {1}; stop that one, or give another directory with --data-dir"
    )]
    InUse(PathBuf, String),
    /// A newer version wrote it.
    #[error(
        "the store in {0} has format {1}, and this version of petrel reads formats up to {FORMAT}; use the version that wrote it, or a newer one"
    )]
    Newer(PathBuf, u32),
    /// There is none, where one is needed.
    #[error(
        "there is no store in {0}; name the data directory that has it with --data-dir, or make one with `petrel serve`, `petrel restore` or `petrel store import`"
    )]
    Missing(PathBuf),
    /// An older version wrote it, and this can only be done when it has been taken over.
    #[error(
        "the store in {0} has format {1}, and this needs format {FORMAT}; start it once with `petrel serve`, which takes it over"
    )]
    Older(PathBuf, u32),
    /// Another engine keeps it.
    #[error(
        "the store in {0} is kept by the engine {1}, and the setting store.engine asks for {2}; set it to \"{1}\", or move the store: `petrel store export` with the old setting, `petrel store import` with the new one"
    )]
    OtherEngine(PathBuf, Engine, Engine),
    /// The journal cannot be replayed.
    #[error(
        "the store in {0} cannot be opened: {1}; restore from a backup, or go on without what cannot be read with --accept-loss"
    )]
    Journal(PathBuf, String),
    /// It is no store of ours.
    #[error("{0} is no store of petrel: {1}; give another directory with --data-dir")]
    Foreign(PathBuf, String),
    /// What says which store it is was damaged.
    #[error(
        "the store in {0} cannot be opened: its file {0}/format says {1:?}; it holds the lines `petrel-store {FORMAT}` and `engine {2}` where this version has written it: write those, or restore from a backup into another data directory"
    )]
    Format(PathBuf, String, Engine),
    /// It has lost what was acknowledged.
    #[error("the store in {directory} ends at commit {found}, but commit {acknowledged} was acknowledged: the disk has lost {} of them; restore from a backup, or go on without them with --accept-loss", acknowledged - found)]
    Lost {
        /// Where.
        directory: PathBuf,
        /// What the store holds.
        found: u64,
        /// What the watermark says.
        acknowledged: u64,
    },
    /// The directory cannot be used.
    #[error("the data directory {0} cannot be used: {1}")]
    Io(PathBuf, #[source] std::io::Error),
    /// The engine cannot open it.
    #[error("the store in {} cannot be opened: {reason}; {}", path.display(), engine.remedy())]
    Base {
        /// Where it is.
        path: PathBuf,
        /// What keeps its rows.
        engine: Engine,
        /// In the words of the engine.
        reason: String,
    },
}

/// The data directory, held by this process until it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    engine: Engine,
    _lock: File,
    watermark: File,
}

impl Directory {
    /// Takes `path` for this process, makes it if need be, and checks its format.
    pub(crate) fn take(path: &Path, engine: Engine) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        fs::create_dir_all(path).map_err(io)?;
        let lock = Self::lock(path)?;
        Self::check_format(path, engine)?;
        let watermark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("acknowledged"))
            .map_err(io)?;
        Ok(Self { path: path.to_path_buf(), engine, _lock: lock, watermark })
    }

    fn lock(path: &Path) -> Result<File, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(io)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    lock.set_len(0).map_err(io)?;
                    lock.write_all_at(std::process::id().to_string().as_bytes(), 0).map_err(io)?;
                    return Ok(lock);
                }
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

    /// Checks that this version and `engine` can open what is in the directory, if there is something.
    fn check_format(path: &Path, engine: Engine) -> Result<(), OpenError> {
        match Self::kept(path)? {
            Some((_, kept_by)) if kept_by != engine => {
                Err(OpenError::OtherEngine(path.to_path_buf(), kept_by, engine))
            }
            _ => Ok(()),
        }
    }

    /// The format and the engine of the store in `path`, if there is one.
    pub(crate) fn kept(path: &Path) -> Result<Option<(u32, Engine)>, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        let text = match fs::read(path.join("format")) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        // With the rows of an engine beside it, it is a store all the same.
        let engine = Engine::ALL.into_iter().find(|engine| path.join(engine.name()).is_dir());
        let foreign = || match engine.filter(|_| path.join("journal").is_dir()) {
            Some(engine) => OpenError::Format(path.to_path_buf(), text.clone(), engine),
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

    /// Refuses a directory without a store, and one that an older version wrote: what is copied or swept needs
    /// rows that it did not have.
    pub(crate) fn check_present(path: &Path) -> Result<(), OpenError> {
        match Self::kept(path)? {
            None => Err(OpenError::Missing(path.to_path_buf())),
            Some((format, _)) if format < FORMAT => Err(OpenError::Older(path.to_path_buf(), format)),
            Some(_) => Ok(()),
        }
    }

    /// Says, durably, that the store has the format of this version from now on.
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

    /// The last commit known to have been acknowledged. The file is empty before the first one.
    pub(crate) fn acknowledged(&self) -> Result<u64, OpenError> {
        let mut bytes = [0; 8];
        match self.watermark.read_at(&mut bytes, 0) {
            Ok(8) => Ok(u64::from_le_bytes(bytes)),
            Ok(_) => Ok(0),
            Err(error) => Err(OpenError::Io(self.path.clone(), error)),
        }
    }

    /// Remembers, durably, that everything up to `sequence` was acknowledged.
    pub(crate) fn acknowledge(&self, sequence: u64) -> std::io::Result<()> {
        self.watermark.write_all_at(&sequence.to_le_bytes(), 0)?;
        self.watermark.sync_data()
    }

    /// Forgets that more than `sequence` was acknowledged, as told.
    pub(crate) fn lower_watermark(&self, sequence: u64) -> Result<(), OpenError> {
        if self.acknowledged()? <= sequence {
            return Ok(());
        }
        self.acknowledge(sequence).map_err(|error| OpenError::Io(self.path.clone(), error))
    }

    /// Refuses a store that ends before what was acknowledged.
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

    /// What keeps the rows.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }
}

/// How much room the disk has left.
#[derive(Debug)]
pub(crate) struct Room {
    directory: PathBuf,
    /// Bytes, as of the last look.
    left: AtomicU64,
    /// Below so many bytes nothing new is taken in.
    reserve: u64,
}

impl Room {
    pub(crate) fn new(directory: &Path, reserve: u64) -> Self {
        let room = Self { directory: directory.to_path_buf(), left: AtomicU64::new(0), reserve };
        room.look();
        room
    }

    /// Looks at the disk. The room is unlimited when the system does not say.
    pub(crate) fn look(&self) -> u64 {
        let left = rustix::fs::statvfs(&self.directory)
            .map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        self.left.store(left, Ordering::Relaxed);
        left
    }

    /// Bytes left, as of the last look.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Below so many bytes nothing new is taken in.
    pub(crate) fn reserve(&self) -> u64 {
        self.reserve
    }

    /// Whether nothing new may be taken in.
    pub(crate) fn is_short(&self) -> bool {
        self.left() < self.reserve
    }

    /// Whether so many bytes of rows can be written to the base, with all that the engine adds to them.
    pub(crate) fn is_enough_for(&self, bytes: usize) -> bool {
        self.look() >= BASE_MARGIN + 4 * bytes as u64
    }

    /// What is said when nothing new is taken in.
    pub(crate) fn refusal(&self) -> String {
        format!(
            "the disk of {} is full ({} MiB left, {} MiB are kept back to finish what has begun); free some space",
            self.directory.display(),
            self.left.load(Ordering::Relaxed) >> 20,
            self.reserve >> 20
        )
    }
}
