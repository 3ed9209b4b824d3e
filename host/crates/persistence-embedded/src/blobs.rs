//! Blobs: values that are too large for rows, in files named by the SHA-256 of their content.
//!
//! A blob is written, synced and renamed before the commit that refers to it, so a durable reference never dangles. For
//! each reference, a row of its own says which row makes it. A blob is removed when the last row that refers to it is
//! deleted, or by a sweep. A commit in progress [pins](Pin) the blobs that it refers to.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use petrel_model::hexadecimal;
use petrel_persistence::Error;
use sha2::Digest as _;

use crate::remedy;

/// The SHA-256 of a blob.
pub(crate) type Digest = [u8; 32];

/// The blobs of one store.
#[derive(Debug)]
pub(crate) struct Blobs {
    directory: PathBuf,
    sequence: AtomicU64,
    /// Number of commits in progress that refer to a blob.
    pinned: Mutex<HashMap<Digest, usize>>,
}

/// Keeps a blob while a commit that refers to it is in progress.
#[derive(Debug)]
pub(crate) struct Pin {
    blobs: Arc<Blobs>,
    digest: Digest,
}

impl Pin {
    /// The SHA-256 of the blob.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
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
    /// Opens the blobs in `directory`, which is created if it does not exist and is used by nobody else. Unfinished
    /// files of an earlier process are removed.
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

    /// Stores `body` durably. The blob exists as long as the pin, and then as long as a row refers to it.
    pub(crate) fn put(self: &Arc<Self>, body: &[u8]) -> Result<(Digest, Pin), Error> {
        let digest: Digest = sha2::Sha256::digest(body).into();
        // Pinned first, so that nobody removes it between its writing and the commit.
        *self.pinned().entry(digest).or_default() += 1;
        let pin = Pin { blobs: Arc::clone(self), digest };
        self.write(&digest, body).map_err(|error| {
            Error::Unavailable(format!("a value of {} bytes cannot be written: {error}", body.len()))
        })?;
        Ok((digest, pin))
    }

    /// Removes a blob, unless a commit in progress or, by `is_referred_to`, a row refers to it. Returns the bytes
    /// freed.
    pub(crate) fn remove(
        &self,
        digest: &Digest,
        is_referred_to: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        // Locked until the file is gone: a concurrent `put` of the same content waits, and then writes it again.
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

    /// Makes a directory for blobs, and the one that it is in, but not that of the store: one in the place of a store that
    /// was moved away would keep what belongs there.
    fn make_shelf(&self, shelf: &Path) -> io::Result<()> {
        let make = |directory: &Path| match fs::create_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        match make(shelf) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&self.directory)?;
                make(shelf)
            }
            made => made,
        }
    }

    fn write(&self, digest: &Digest, body: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        let shelf = path.parent().unwrap_or(&self.directory);
        // An existing directory may have been created a moment ago by a thread that has not synced it yet, so it is
        // synced here, too.
        self.make_shelf(shelf)?;
        File::open(&self.directory)?.sync_all()?;
        if path.exists() {
            return File::open(shelf)?.sync_all();
        }
        let number = self.sequence.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{}-{number}.tmp", std::process::id()));
        let mut file = File::create(&temporary)?;
        let written = file.write_all(body).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A half-written file is of no use, whatever the error.
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
        fs::rename(&temporary, &path)?;
        File::open(shelf)?.sync_all()
    }

    /// Reads and verifies a blob. `None` if it does not exist.
    pub(crate) fn find(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        if self.path(digest).exists() {
            // It may be removed between the two calls, which counts as absent.
            match self.get(digest) {
                Err(_) if !self.path(digest).exists() => Ok(None),
                found => found.map(Some),
            }
        } else {
            Ok(None)
        }
    }

    /// Reads a blob without verification.
    pub(crate) fn unchecked(&self, digest: &Digest) -> Option<Vec<u8>> {
        fs::read(self.path(digest)).ok()
    }

    /// Reads and verifies a blob. One that is not there or was changed is damaged; one that the system does not let this
    /// process read is not, for all that is known.
    pub(crate) fn get(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = self.path(digest);
        // The path relative to the store: users of the API need not know where that is.
        let name = path.strip_prefix(&self.directory).unwrap_or(&path);
        let what = format!("its large value blobs/{}", name.display());
        let damaged = |reason: String| Error::Damaged { what: what.clone(), reason };
        let read = match fs::read(&path) {
            // What a device fails to read once may be read the next time.
            Err(error) if remedy::is_of_device(&error) => fs::read(&path),
            read => read,
        };
        let body = match read {
            Ok(body) => body,
            Err(error) if remedy::is_passing(&error) || remedy::is_forbidden(&error) => {
                let remedy = remedy::of_error(&error).map(|remedy| format!("; {remedy}"));
                return Err(Error::Starved {
                    what,
                    reason: format!("{error}{}", remedy.unwrap_or_default()),
                });
            }
            Err(error) => return Err(damaged(error.to_string())),
        };
        if Digest::from(sha2::Sha256::digest(&body)) == *digest {
            Ok(body)
        } else {
            Err(damaged("its content does not match its name".into()))
        }
    }
}

/// The digest that a file is named by.
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
