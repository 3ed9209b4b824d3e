//! The data directory: who has it, what format it has, how far it got, and how much room there is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The format that this version writes. It grows when an older version could not read it any more.
const FORMAT: u32 = 1;
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
    /// It is no store of ours.
    #[error("{0} is no store of petrel: {1}; give another directory with --data-dir")]
    Foreign(PathBuf, String),
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
    #[error(
        "the store in {0} cannot be opened: {1}; if a file snap.*.generating is left in it, removing that file may help; otherwise restore from a backup"
    )]
    Base(PathBuf, String),
}

/// The data directory, held by this process until it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
    watermark: File,
}

impl Directory {
    /// Takes `path` for this process, makes it if need be, and checks its format.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        fs::create_dir_all(path).map_err(io)?;
        let lock = Self::lock(path)?;
        Self::check_format(path)?;
        let watermark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("acknowledged"))
            .map_err(io)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock, watermark })
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

    fn check_format(path: &Path) -> Result<(), OpenError> {
        let io = |error| OpenError::Io(path.to_path_buf(), error);
        let file = path.join("format");
        if !file.exists() {
            fs::write(&file, format!("petrel-store {FORMAT}\n")).map_err(io)?;
            File::open(&file).and_then(|file| file.sync_all()).map_err(io)?;
            return File::open(path).and_then(|directory| directory.sync_all()).map_err(io);
        }
        let text = fs::read_to_string(&file).map_err(io)?;
        let foreign = || OpenError::Foreign(path.to_path_buf(), format!("its file `format` says {text:?}"));
        let format: u32 =
            text.trim().strip_prefix("petrel-store ").and_then(|n| n.parse().ok()).ok_or_else(foreign)?;
        if format > FORMAT { Err(OpenError::Newer(path.to_path_buf(), format)) } else { Ok(()) }
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

    /// Refuses a store that ends before what was acknowledged.
    pub(crate) fn check_loss(&self, found: u64) -> Result<(), OpenError> {
        let acknowledged = self.acknowledged()?;
        if found < acknowledged {
            return Err(OpenError::Lost { directory: self.path.clone(), found, acknowledged });
        }
        Ok(())
    }

    /// How many bytes the disk has left for us. Unlimited when the system does not say.
    pub(crate) fn room(&self) -> u64 {
        rustix::fs::statvfs(&self.path).map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
