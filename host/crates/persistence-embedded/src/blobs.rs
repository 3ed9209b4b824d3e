//! Values that are too large for rows: files named by the SHA-256 of what is in them.
//!
//! A blob is written, synced and given its name before the commit that refers to it; so a reference that
//! is durable never dangles. A blob whose commit was not made is left over, and does no harm but take room.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use petrel_persistence::Error;
use sha2::Digest as _;

/// The SHA-256 of a blob.
pub(crate) type Digest = [u8; 32];

/// The blobs of one store.
#[derive(Debug)]
pub(crate) struct Blobs {
    directory: PathBuf,
    sequence: AtomicU64,
}

impl Blobs {
    /// Opens the blobs in `directory`, which is made if need be.
    pub(crate) fn open(directory: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(directory)?;
        if let Some(parent) = directory.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { directory: directory.to_path_buf(), sequence: AtomicU64::new(0) })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let (shelf, rest) = name.split_at(2);
        self.directory.join(shelf).join(rest)
    }

    /// Stores `body` durably.
    pub(crate) fn put(&self, body: &[u8]) -> Result<Digest, Error> {
        let digest: Digest = sha2::Sha256::digest(body).into();
        self.write(&digest, body).map_err(|error| {
            Error::Unavailable(format!("a value of {} bytes cannot be written: {error}", body.len()))
        })?;
        Ok(digest)
    }

    fn write(&self, digest: &Digest, body: &[u8]) -> std::io::Result<()> {
        let path = self.path(digest);
        let shelf = path.parent().unwrap_or(&self.directory);
        // What is there already may have been put there a moment ago by somebody who has not synced it yet.
        fs::create_dir_all(shelf)?;
        File::open(&self.directory)?.sync_all()?;
        if path.exists() {
            return File::open(shelf)?.sync_all();
        }
        let number = self.sequence.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{}-{number}.tmp", std::process::id()));
        let mut file = File::create(&temporary)?;
        let written = file.write_all(body).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Whatever it was, a half-written file helps nobody.
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
        fs::rename(&temporary, &path)?;
        File::open(shelf)?.sync_all()
    }

    /// The blob with this digest, checked.
    pub(crate) fn get(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = self.path(digest);
        let damaged = |reason: String| Error::Damaged { what: format!("blob {}", path.display()), reason };
        let body = fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        if Digest::from(sha2::Sha256::digest(&body)) == *digest {
            Ok(body)
        } else {
            Err(damaged("its content does not match its name".into()))
        }
    }
}
