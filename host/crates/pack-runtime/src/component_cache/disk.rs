//! Compiled components on disk: `<sha256 of the component>-<engine>.cwasm`, with the sha256 of the compiled file
//! beside it.
//!
//! A compiled file is native code that is executed as it is, so it is trusted only if the directory belongs to this
//! user alone and the file is exactly what this host wrote. Any other file there is ignored and compiled again.

use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use petrel_model::hexadecimal;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A directory of compiled components.
#[derive(Debug, Clone)]
pub(crate) struct CompiledFiles {
    directory: PathBuf,
}

/// Reasons why a cache directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheDirectoryError {
    /// The directory cannot be created or inspected.
    #[error("the component cache {} cannot be used: {source}; make it writable, or set another server.data_dir", .path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Other users can write to the directory, and so could inject native code.
    #[error(
        "the component cache {} can be changed by other users, and what is in it is run as native code; \
         delete it and start again, or configure another one",
        .path.display()
    )]
    NotPrivate {
        /// The directory.
        path: PathBuf,
    },
}

impl CompiledFiles {
    /// Opens `directory`, and creates it with mode 0700 if it does not exist.
    pub(crate) fn open(directory: &Path) -> Result<Self, CacheDirectoryError> {
        let unusable = |source| CacheDirectoryError::Unusable { path: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        let metadata = fs::metadata(directory).map_err(unusable)?;
        if !is_private(&metadata) {
            return Err(CacheDirectoryError::NotPrivate { path: directory.to_owned() });
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// Loads the compiled form of the component with this digest. Absent and damaged files give `None`; the latter
    /// are logged.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest);
        match self.load_checked(engine, &path) {
            Ok(component) => Some(component),
            Err(NotLoaded::Absent) => None,
            Err(NotLoaded::Damaged(reason)) => {
                tracing::warn!(path = %path.display(), reason, "compiled component was changed on disk; compiling it again");
                None
            }
        }
    }

    fn load_checked(&self, engine: &Engine, path: &Path) -> Result<Component, NotLoaded> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NotLoaded::Absent,
            _ => NotLoaded::Damaged(error.to_string()),
        })?;
        let damaged = |error: io::Error| NotLoaded::Damaged(error.to_string());
        for metadata in [fs::metadata(&self.directory).map_err(damaged)?, file.metadata().map_err(damaged)?] {
            if !is_private(&metadata) {
                return Err(NotLoaded::Damaged("other users can change it".to_owned()));
            }
        }
        let expected = fs::read_to_string(checksum_path(path)).map_err(damaged)?;
        if sha256_of(&mut file).map_err(damaged)? != expected {
            return Err(NotLoaded::Damaged("its checksum differs".to_owned()));
        }
        #[expect(
            unsafe_code,
            reason = "a compiled component can only be loaded on trust, which is established above"
        )]
        // SAFETY: the file is byte for byte what `store` wrote from the same version and settings of the
        // engine (they are part of its name, and wasmtime checks them again), in a directory that nobody
        // else can write to.
        let component = unsafe { Component::deserialize_file(engine, path) };
        component.map_err(|error| NotLoaded::Damaged(format!("{error:#}")))
    }

    /// Stores `compiled` by renaming, so that neither a crash nor a reader leaves or sees half a file.
    pub(crate) fn store(&self, engine: &Engine, digest: &str, compiled: &[u8]) -> io::Result<()> {
        let path = self.path(engine, digest);
        // The checksum is written first: without its file it is harmless, and beside an older file it only causes
        // one more compilation. The other order could pair a new file with an old checksum after a crash.
        self.replace(&checksum_path(&path), hexadecimal(&Sha256::digest(compiled)).as_bytes())?;
        self.replace(&path, compiled)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{name}.{}.{number}.tmp", std::process::id()));
        // A leftover of an earlier process with the same number may have any mode and owner, so it is not reused.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        drop(file);
        fs::rename(&temporary, path)
    }

    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.directory.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }
}

/// Distinguishes temporary files that are written at the same time.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

enum NotLoaded {
    Absent,
    Damaged(String),
}

/// The bits of a mode that concern anybody but the owner.
const OTHERS: u32 = 0o077;

/// Whether only this user can change the file or directory.
fn is_private(metadata: &Metadata) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    metadata.uid() == ours && metadata.mode() & OTHERS == 0
}

fn checksum_path(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

fn sha256_of(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}
