//! Runs WebAssembly components: the only crate that knows wasmtime.
//!
//! [`PackRuntime`] is what a host makes one of; [`ComponentRunner`] puts it behind the contract of
//! `petrel-runners`, through which the engine calls it. The contract with components is in `wit/`.
//!
//! Reading order, along a call: [`component_runner`] takes it; `component_cache` has the component, compiled
//! and linked (`linker`, `host_functions`); `pool` has what it takes to begin; `instance` makes a fresh instance
//! with its [`grants`], [`limits`] and share of `memory`; `call_record` notes what happens; `apart` has what
//! computes for long; `output` passes on what it writes and picks out its `last_words`, and `failure` words a bad
//! end. [`description`] asks a component about itself, and `remarks` compares that with the metadata.
//! `engine_settings` and `ticker` are for all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

mod apart;
mod bindings;
mod call_record;
mod component_cache;
pub mod component_runner;
pub mod description;
mod engine_settings;
mod failure;
pub mod grants;
mod host_functions;
mod instance;
mod last_words;
pub mod limits;
mod linker;
mod memory;
mod output;
mod pool;
mod remarks;
mod ticker;

pub use component_cache::LoadError;
pub use component_cache::disk::CacheDirectoryError;
pub use component_runner::ComponentRunner;
pub use description::{ActionDescription, DescribeError, Description};
pub use engine_settings::EngineOptions;
pub use grants::Grants;
pub use limits::Limits;

use apart::Apart;
use component_cache::ComponentCache;
use component_cache::disk::CompiledFiles;
use pool::Pool;
use ticker::Ticker;

/// How components are run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The directory for compiled components. It is made (mode 0700) if it does not exist. Default: none,
    /// then every component is compiled anew after a start.
    pub cache_directory: Option<PathBuf>,
    /// What one call may use.
    pub limits: Limits,
    /// What packs may reach. Default: nothing.
    pub grants: Grants,
    /// The room that all components share.
    pub engine: EngineOptions,
}

/// What runs components. Cheap to clone; all clones are the same.
///
/// The engine is started by the first component, so making one costs nothing.
#[derive(Debug, Clone)]
pub struct PackRuntime(Arc<Inner>);

struct Inner {
    options: Options,
    files: Option<CompiledFiles>,
    core: OnceCell<Core>,
}

/// What is there once the first component was used.
pub(crate) struct Core {
    pub(crate) components: ComponentCache,
    pub(crate) ticker: Ticker,
    /// What all instances share.
    pub(crate) pool: Pool,
    /// Where calls go on that compute for long.
    pub(crate) apart: Apart,
}

impl PackRuntime {
    /// Prepares to run components.
    ///
    /// # Errors
    ///
    /// If the cache directory cannot be made, or others than us can write to it.
    pub fn new(options: Options) -> Result<Self, CacheDirectoryError> {
        let files = options.cache_directory.as_deref().map(CompiledFiles::open).transpose()?;
        Ok(Self(Arc::new(Inner { options, files, core: OnceCell::new() })))
    }

    /// Compiles and links the component at `path`, so that its first call is as fast as the others: to be
    /// called when a pack is registered.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is no component for this host.
    pub async fn prepare(&self, path: &Path) -> Result<(), LoadError> {
        self.core().await?.components.get(path).await.map(drop)
    }

    /// Forgets the components of the pack in `pack_path`, which frees their memory: to be called when a pack is
    /// removed. A changed file is seen without it. Calls in progress go on.
    pub fn forget(&self, pack_path: &Path) {
        if let Some(core) = self.0.core.get() {
            core.components.forget(pack_path);
        }
    }

    /// The options that it was made with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// What is there, if a component was used yet.
    pub(crate) fn started(&self) -> Option<&Core> {
        self.0.core.get()
    }

    pub(crate) async fn core(&self) -> Result<&Core, LoadError> {
        if let Some(core) = self.0.core.get() {
            return Ok(core);
        }
        self.0.core.get_or_try_init(|| std::future::ready(self.start())).await
    }

    fn start(&self) -> Result<Core, LoadError> {
        let host = |error: wasmtime::Error| LoadError::Host(format!("{error:#}"));
        let Options { engine: options, limits, .. } = self.options();
        let engine = engine_settings::engine(options).map_err(host)?;
        let ticker = Ticker::start(&engine).map_err(|error| LoadError::Host(error.to_string()))?;
        let linker = linker::linker(&engine).map_err(host)?;
        let components = ComponentCache::new(engine, linker, self.0.files.clone(), limits.concurrency);
        let pool = Pool::new(engine_settings::slots(options) as usize, options.memory_of_all);
        Ok(Core { components, ticker, pool, apart: Apart::default() })
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackRuntime").field("options", &self.options).finish_non_exhaustive()
    }
}
