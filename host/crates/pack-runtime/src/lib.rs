//! Runs WebAssembly components: the only crate that knows wasmtime.
//!
//! A host creates one [`PackRuntime`]. [`ComponentRunner`] and [`ComponentSensors`] implement the traits of
//! `petrel-runners` on top of it, and the engine knows nothing else. The contract with components is in `wit/`.
//!
//! Reading order, along a call: [`component_runner`] or [`sensor_runner`] receives it. `entry_point` finds the file, and
//! `component_cache` has the component, compiled and linked (`linker`, `host_functions`). `pool` admits it, `instance`
//! creates a fresh instance for its `caller` with its rights (`grants`, `standing`), [`limits`] and share of `memory`, and
//! `call_record` collects what is noted about it. `requests` go out, with the `secrets` that they may have, and `events` cross the boundary. A long computation moves to the
//! threads of `apart`. `output` passes on what the component writes and keeps its `last_words`; `failure` words a bad
//! end. [`description`] asks a component about itself, and `remarks` compares the answer with the metadata.
//! `engine_settings`, `descriptors` and `ticker` serve all calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_model::capabilities::RightsTable;
use petrel_runners::asked::KeyValues;
use tokio::sync::OnceCell;

mod apart;
mod bindings;
mod call_record;
mod caller;
mod component_cache;
pub mod component_runner;
pub mod description;
mod descriptors;
mod engine_settings;
mod entry_point;
mod events;
mod failure;
mod grants;
mod host_functions;
mod instance;
mod last_words;
pub mod limits;
mod linker;
mod memory;
mod output;
mod pool;
mod remarks;
mod requests;
mod secrets;
pub mod sensor_runner;
mod standing;
mod ticker;

pub use component_cache::LoadError;
pub use component_cache::disk::CacheDirectoryError;
pub use component_runner::ComponentRunner;
pub use description::{
    ActionDescription, DescribeError, Description, SensorDescription, TriggerTypeDescription,
};
pub use engine_settings::EngineOptions;
pub use limits::Limits;
pub use requests::{Answered, AskedFor, StandIn};
pub use sensor_runner::ComponentSensors;

use apart::Apart;
use component_cache::ComponentCache;
use component_cache::disk::CompiledFiles;
use pool::Pool;
use requests::Clients;
use standing::Standing;
use ticker::Ticker;

/// Settings of a [`PackRuntime`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The directory for compiled components, created with mode 0700 if it does not exist. Default: none, so that every
    /// component is compiled again after a start.
    pub cache_directory: Option<PathBuf>,
    /// Limits of each call.
    pub limits: Limits,
    /// Limits of all components together.
    pub engine: EngineOptions,
}

/// The runtime of components. Cloning is cheap, and all clones share one state.
///
/// The first use of a component starts wasmtime, so a host without components does not pay for it.
#[derive(Debug, Clone)]
pub struct PackRuntime(Arc<Inner>);

struct Inner {
    options: Options,
    files: Option<CompiledFiles>,
    standing: Arc<Standing>,
    stand_in: Option<Arc<dyn StandIn>>,
    core: OnceCell<Core>,
}

/// The state that the first use of a component creates.
pub(crate) struct Core {
    pub(crate) components: ComponentCache,
    pub(crate) ticker: Ticker,
    /// Resources that all instances share.
    pub(crate) pool: Pool,
    /// Background threads for calls that compute for long.
    pub(crate) apart: Apart,
    /// What sends the requests of components.
    pub(crate) clients: Arc<Clients>,
}

impl PackRuntime {
    /// Creates a runtime. wasmtime is not started yet.
    ///
    /// # Errors
    ///
    /// If the cache directory cannot be created, or other users can write to it.
    pub fn new(options: Options) -> Result<Self, CacheDirectoryError> {
        Self::made(options, None)
    }

    /// As [`PackRuntime::new`], with `stand_in` to answer the requests of components in the place of the network.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn with_stand_in(options: Options, stand_in: Arc<dyn StandIn>) -> Result<Self, CacheDirectoryError> {
        Self::made(options, Some(stand_in))
    }

    fn made(options: Options, stand_in: Option<Arc<dyn StandIn>>) -> Result<Self, CacheDirectoryError> {
        let files = options.cache_directory.as_deref().map(CompiledFiles::open).transpose()?;
        let (standing, core) = (Arc::default(), OnceCell::new());
        Ok(Self(Arc::new(Inner { options, files, standing, stand_in, core })))
    }

    /// Compiles and links the component at `path`, so that its first call is as fast as the others. Called when a pack
    /// is registered.
    ///
    /// # Errors
    ///
    /// If the file does not exist, or is not a component for this host.
    pub async fn prepare(&self, path: &Path) -> Result<(), LoadError> {
        self.core().await?.components.get(path, None).await.map(drop)
    }

    /// Drops those components of the pack in `pack_path` from memory whose files have changed or are gone. Called when
    /// a pack is registered again: those that are the same keep their concurrent calls, and nobody waits for them.
    pub fn refresh(&self, pack_path: &Path) {
        if let Some(core) = self.0.core.get() {
            core.components.refresh(pack_path);
        }
    }

    /// Drops the components of the pack in `pack_path` from memory. Called when a pack is removed; a changed file is
    /// noticed without it. Calls in progress are not affected.
    pub fn forget(&self, pack_path: &Path) {
        if let Some(core) = self.0.core.get() {
            core.components.forget(pack_path);
        }
    }

    /// The options that the runtime was created with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Takes the rights of all packs, which count from now on, also for requests of calls in progress. Without them nobody
    /// has any.
    pub fn take_rights(&self, rights: &Arc<RightsTable>) {
        self.0.standing.set(rights);
    }

    /// Takes what has the keys of the host. Without it components have none.
    pub fn take_keys(&self, keys: &Arc<dyn KeyValues>) {
        self.0.standing.take_keys(keys);
    }

    /// The rights of packs.
    pub(crate) fn standing(&self) -> &Arc<Standing> {
        &self.0.standing
    }

    /// The state, if a component was used before.
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
        descriptors::make_room(options, limits);
        let engine = engine_settings::engine(options).map_err(host)?;
        let ticker = Ticker::start(&engine).map_err(|error| LoadError::Host(error.to_string()))?;
        let linker = linker::linker(&engine).map_err(host)?;
        let components = ComponentCache::new(engine, linker, self.0.files.clone(), limits.concurrency);
        let pool = Pool::new(engine_settings::slots(options), options.memory_of_all);
        let clients = Arc::new(Clients::with_stand_in(self.0.stand_in.clone()));
        Ok(Core { components, ticker, pool, apart: Apart::default(), clients })
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackRuntime").field("options", &self.options).finish_non_exhaustive()
    }
}
