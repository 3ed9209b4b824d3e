//! Components that are ready to be instantiated: read, compiled once, linked, and kept in memory by path.
//!
//! A call of a component in memory only asks the file system whether the file is still the same. Files with the same
//! content share what is loaded. Compiled code on disk is in [`disk`]; what a component exports is found in [`linked`];
//! the functions that it is linked to are in `linker`.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use petrel_model::hexadecimal;
use petrel_packs::{Directory, plain_file};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::apart::compute;
use crate::linker::CallState;
use disk::CompiledFiles;
use linked::Linked;
pub(crate) use linked::{LoadedComponent, Sensor};
pub use load_error::LoadError;

pub(crate) mod disk;
mod linked;
mod load_error;

/// Largest file that is accepted as a component, in bytes. Python's have about 20 MB, with libraries 40.
const LARGEST_COMPONENT: u64 = 64 << 20;

/// All components that were used since the start.
pub(crate) struct ComponentCache {
    engine: Engine,
    linker: Linker<CallState>,
    files: Option<CompiledFiles>,
    concurrency: usize,
    loaded: RwLock<HashMap<PathBuf, Entry>>,
    /// What is in memory now, by the digest of its content.
    shared: Mutex<HashMap<String, Weak<Linked>>>,
    /// Compiling uses all processors and much memory, so only one component is compiled at a time.
    compiling: Semaphore,
}

/// A component that was used, and the stamp of the file that it was read from.
#[derive(Clone)]
struct Entry {
    file: FileStamp,
    component: Arc<OnceCell<Arc<LoadedComponent>>>,
}

/// Distinguishes a file from another one that was at the same path before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: (i64, i64),
    /// Unlike the other time, nobody can set this one back after a change of the content.
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

impl ComponentCache {
    pub(crate) fn new(
        engine: Engine,
        linker: Linker<CallState>,
        files: Option<CompiledFiles>,
        concurrency: usize,
    ) -> Self {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let (loaded, shared, compiling) = (RwLock::default(), Mutex::default(), Semaphore::new(1));
        Self { engine, linker, files, concurrency, loaded, shared, compiling }
    }

    /// The component at `path`, from memory if the file has not changed since it was loaded. If it belongs to the pack in
    /// `pack`, no link on the way to it may lead out of that directory.
    pub(crate) async fn get(
        &self,
        path: &Path,
        pack: Option<&Path>,
    ) -> Result<Arc<LoadedComponent>, LoadError> {
        let file = FileStamp::of(path).map_err(|error| missing(path, &error))?;
        // A failure is not kept: the author may have replaced the file by the next call.
        self.entry(path, file).component.get_or_try_init(|| self.load(path, pack)).await.map(Arc::clone)
    }

    /// The component that was loaded from `path`, if any. Does not look at the file.
    pub(crate) fn loaded(&self, path: &Path) -> Option<Arc<LoadedComponent>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.get(path)?.component.get().map(Arc::clone)
    }

    fn entry(&self, path: &Path, file: FileStamp) -> Entry {
        // Nearly every call finds it under the lock that many can hold at once.
        let found = self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some(entry) = found.filter(|entry| entry.file == file) {
            return entry;
        }
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let entry = loaded.entry(path.to_owned()).or_insert_with(|| Entry::of(file));
        if entry.file != file {
            *entry = Entry::of(file);
        }
        entry.clone()
    }

    /// Drops the components below `directory` whose files are no longer those that were loaded. Calls in progress are
    /// not affected.
    pub(crate) fn refresh(&self, directory: &Path) {
        // The files are looked at without the lock, which every call takes.
        let below: Vec<_> = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            let below = loaded.iter().filter(|(path, _)| path.starts_with(directory));
            below.map(|(path, entry)| (path.clone(), entry.file)).collect()
        };
        for (path, file) in below {
            if FileStamp::of(&path).is_ok_and(|now| now == file) {
                continue;
            }
            let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
            // A call may have put the new one in place meanwhile.
            if loaded.get(&path).is_some_and(|entry| entry.file == file) {
                loaded.remove(&path);
            }
        }
    }

    /// Drops all components below `directory`. Calls in progress are not affected.
    pub(crate) fn forget(&self, directory: &Path) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|path, _| !path.starts_with(directory));
    }

    async fn load(&self, path: &Path, pack: Option<&Path>) -> Result<Arc<LoadedComponent>, LoadError> {
        let (file, pack) = (path.to_owned(), pack.map(Path::to_owned));
        let bytes = blocking(move || read(&file, pack.as_deref())).await??;
        self.load_bytes(bytes, &path.display().to_string()).await.map(Arc::new)
    }

    /// Compiles and links a component from `bytes`, unless the same is in memory. `name` is used in messages.
    pub(crate) async fn load_bytes(&self, bytes: Vec<u8>, name: &str) -> Result<LoadedComponent, LoadError> {
        check_kind(&bytes, name)?;
        let bytes = Arc::new(bytes);
        let content = Arc::clone(&bytes);
        let digest = blocking(move || hexadecimal(&Sha256::digest(content.as_slice()))).await?;
        let linked = if let Some(linked) = self.in_memory(&digest) {
            linked
        } else {
            self.linked(bytes, &digest, name).await?
        };
        Ok(LoadedComponent { linked, places: Arc::new(Semaphore::new(self.concurrency)) })
    }

    fn in_memory(&self, digest: &str) -> Option<Arc<Linked>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).get(digest)?.upgrade()
    }

    /// Keeps `linked` for as long as somebody uses it. Returns the one that is kept: another may have been first.
    fn keep(&self, digest: &str, linked: Linked) -> Arc<Linked> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = shared.get(digest).and_then(Weak::upgrade) {
            return first;
        }
        shared.retain(|_, linked| linked.strong_count() > 0);
        let linked = Arc::new(linked);
        shared.insert(digest.to_owned(), Arc::downgrade(&linked));
        linked
    }

    /// Links what is compiled on disk, or compiles it.
    async fn linked(&self, bytes: Arc<Vec<u8>>, digest: &str, name: &str) -> Result<Arc<Linked>, LoadError> {
        let (engine, files, of) = (self.engine.clone(), self.files.clone(), digest.to_owned());
        let found = blocking(move || files.and_then(|files| files.load(&engine, &of))).await?;
        if let Some(component) = found {
            return Ok(self.keep(digest, Linked::new(&component, &self.linker, name)?));
        }
        let _one_at_a_time =
            self.compiling.acquire().await.map_err(|closed| LoadError::Host(closed.to_string()))?;
        // Whoever compiled before may have had the same content.
        if let Some(linked) = self.in_memory(digest) {
            return Ok(linked);
        }
        let (engine, files) = (self.engine.clone(), self.files.clone());
        let (of, title) = (digest.to_owned(), name.to_owned());
        let component = blocking(move || compile(&engine, files.as_ref(), &bytes, &of, title)).await??;
        Ok(self.keep(digest, Linked::new(&component, &self.linker, name)?))
    }
}

impl Entry {
    fn of(file: FileStamp) -> Self {
        Self { file, component: Arc::default() }
    }
}

impl FileStamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        // Opening a FIFO would block until somebody opens its other end.
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file"));
        }
        Ok(Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.len(),
            inode: metadata.ino(),
        })
    }
}

fn missing(path: &Path, error: &io::Error) -> LoadError {
    LoadError::Missing { path: path.to_owned(), reason: error.to_string() }
}

fn read(path: &Path, pack: Option<&Path>) -> Result<Vec<u8>, LoadError> {
    let opened = match pack {
        None => plain_file::open(path),
        Some(pack) => {
            let inside = path.strip_prefix(pack).ok().and_then(Path::to_str);
            let inside = inside.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
            inside.and_then(|inside| Directory::open(pack)?.open_file(inside))
        }
    };
    let file = opened.map_err(|error| missing(path, &error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_COMPONENT + 1).read_to_end(&mut bytes).map_err(|error| missing(path, &error))?;
    if bytes.len() as u64 > LARGEST_COMPONENT {
        let reason = format!("it is larger than {} MiB", LARGEST_COMPONENT >> 20);
        return Err(LoadError::Invalid { name: path.display().to_string(), reason });
    }
    Ok(bytes)
}

/// Distinguishes files that are no components from broken ones. The first eight bytes tell the kind of file.
fn check_kind(bytes: &[u8], name: &str) -> Result<(), LoadError> {
    let invalid = |reason: &str| LoadError::Invalid { name: name.to_owned(), reason: reason.to_owned() };
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => {
            Err(invalid("it is a core WebAssembly module, which must be turned into a component first"))
        }
        Some([0, b'a', b's', b'm', ..]) => {
            Err(invalid("it is WebAssembly of a version that this host does not support"))
        }
        _ => Err(invalid("it does not begin with the bytes of WebAssembly")),
    }
}

fn compile(
    engine: &Engine,
    files: Option<&CompiledFiles>,
    bytes: &[u8],
    digest: &str,
    name: String,
) -> Result<Component, LoadError> {
    let invalid =
        |error: wasmtime::Error| LoadError::Invalid { name, reason: in_one_line(&format!("{error:#}")) };
    let Some(files) = files else { return Component::new(engine, bytes).map_err(invalid) };
    let compiled = match engine.precompile_component(bytes) {
        Ok(compiled) => compiled,
        Err(error) => return Err(invalid(error)),
    };
    if let Err(error) = files.store(engine, digest, &compiled) {
        tracing::warn!(%error, "failed to store a compiled component; it will be compiled again after a restart");
    } else if let Some(component) = files.load(engine, digest) {
        return Ok(component);
    }
    Component::new(engine, bytes).map_err(invalid)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    let receiver = compute(work).map_err(|error| LoadError::Host(error.to_string()))?;
    receiver.await.map_err(|panicked| LoadError::Host(panicked.to_string()))
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use petrel_test_components::BARE;

    use super::*;
    use crate::{Options, PackRuntime};

    #[tokio::test]
    async fn files_of_the_same_content_share_what_is_loaded_but_not_their_places() {
        let place = tempfile::tempdir().unwrap();
        let runtime = PackRuntime::new(Options::default()).unwrap();
        let components = &runtime.core().await.unwrap().components;
        let [mine, yours] = ["mine", "yours"].map(|pack| {
            fs::create_dir(place.path().join(pack)).unwrap();
            let file = place.path().join(pack).join("a.wasm");
            fs::copy(BARE, &file).unwrap();
            file
        });
        let (first, second) =
            (components.get(&mine, None).await.unwrap(), components.get(&yours, None).await.unwrap());
        assert!(Arc::ptr_eq(&first.linked, &second.linked));
        assert!(!Arc::ptr_eq(&first.places, &second.places));
        let kept = Arc::downgrade(&first.linked);
        drop((first, second));
        components.forget(&place.path().join("mine"));
        assert_eq!(kept.strong_count(), 1);
        components.forget(place.path());
        assert_eq!(kept.strong_count(), 0);
    }
}
