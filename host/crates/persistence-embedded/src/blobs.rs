//! Values that are too large for rows: files named by the SHA-256 of what is in them.
//!
//! A blob is written, synced and given its name before the commit that refers to it; so a reference that
//! is durable never dangles. A row of its own says for each reference which row it is in. A blob that no row
//! refers to any more is removed when the last that did is deleted, and by a sweep; one that a commit on its
//! way refers to is [pinned](Pin) meanwhile.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use petrel_model::hexadecimal;
use petrel_persistence::Error;
use sha2::Digest as _;

/// The SHA-256 of a blob.
pub(crate) type Digest = [u8; 32];

/// The blobs of one store.
#[derive(Debug)]
pub(crate) struct Blobs {
    directory: PathBuf,
    sequence: AtomicU64,
    /// How many commits on their way refer to a blob.
    pinned: Mutex<HashMap<Digest, usize>>,
}

/// Keeps a blob while the commit that refers to it is on its way.
#[derive(Debug)]
pub(crate) struct Pin {
    blobs: Arc<Blobs>,
    digest: Digest,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pinned = self.blobs.pinned();
        if let Some(count) = pinned.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                pinned.remove(&self.digest);
            }
        }
    }
}

impl Blobs {
    /// Opens the blobs in `directory`, which is made if need be and is nobody else's. What was being written
    /// when an earlier process ended is removed.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        if let Some(parent) = directory.parent() {
            File::open(parent)?.sync_all()?;
        }
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { directory: directory.to_path_buf(), sequence: AtomicU64::new(0), pinned: Mutex::default() })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let name = hexadecimal(digest);
        let (shelf, rest) = name.split_at(2);
        self.directory.join(shelf).join(rest)
    }

    fn pinned(&self) -> MutexGuard<'_, HashMap<Digest, usize>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores `body` durably. It stays at least as long as the pin.
    pub(crate) fn put(self: &Arc<Self>, body: &[u8]) -> Result<(Digest, Pin), Error> {
        let digest: Digest = sha2::Sha256::digest(body).into();
        *self.pinned().entry(digest).or_default() += 1;
        let pin = Pin { blobs: Arc::clone(self), digest };
        self.write(&digest, body).map_err(|error| {
            Error::Unavailable(format!("a value of {} bytes cannot be written: {error}", body.len()))
        })?;
        Ok((digest, pin))
    }

    /// Removes a blob if no commit on its way refers to it, and no row does by `is_referred_to`. Returns how
    /// many bytes that frees.
    pub(crate) fn remove(
        &self,
        digest: &Digest,
        is_referred_to: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        // Held all along: who puts the same content meanwhile waits, and then finds it gone.
        let pinned = self.pinned();
        if pinned.contains_key(digest) || is_referred_to()? {
            return Ok(0);
        }
        let path = self.path(digest);
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        match fs::remove_file(&path) {
            Ok(()) => Ok(size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Error::Unavailable(format!("{} cannot be removed: {error}", path.display()))),
        }
    }

    /// The digests of all blobs.
    pub(crate) fn list(&self) -> io::Result<Vec<Digest>> {
        let mut digests = Vec::new();
        for shelf in fs::read_dir(&self.directory)? {
            let shelf = shelf?;
            if !shelf.file_type()?.is_dir() {
                continue;
            }
            for blob in fs::read_dir(shelf.path())? {
                let name =
                    [shelf.file_name(), blob?.file_name()].map(|part| part.to_string_lossy().into_owned());
                digests.extend(parse(&name.concat()));
            }
        }
        Ok(digests)
    }

    fn write(&self, digest: &Digest, body: &[u8]) -> io::Result<()> {
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

    /// The blob with this digest, checked, if it is there.
    pub(crate) fn find(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        if self.path(digest).exists() {
            // It may go between the two; then it is not there either.
            match self.get(digest) {
                Err(_) if !self.path(digest).exists() => Ok(None),
                found => found.map(Some),
            }
        } else {
            Ok(None)
        }
    }

    /// What is in the place of a blob, whatever it is.
    pub(crate) fn unchecked(&self, digest: &Digest) -> Option<Vec<u8>> {
        fs::read(self.path(digest)).ok()
    }

    /// The blob with this digest, checked.
    pub(crate) fn get(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = self.path(digest);
        let damaged = |reason: String| {
            // As it is called in the directory of the store: whoever signs in need not know where that is.
            let name = path.strip_prefix(&self.directory).unwrap_or(&path);
            Error::Damaged { what: format!("its large value blobs/{}", name.display()), reason }
        };
        let body = fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        if Digest::from(sha2::Sha256::digest(&body)) == *digest {
            Ok(body)
        } else {
            Err(damaged("its content does not match its name".into()))
        }
    }
}

/// The digest with this name.
fn parse(name: &str) -> Option<Digest> {
    let bytes = name.as_bytes();
    let mut digest = [0; 32];
    if bytes.len() != 64 {
        return None;
    }
    for (byte, digits) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}
