//! The sandbox for components of an author: that of the host on this machine, by its settings, with what it has compiled.

use std::path::PathBuf;
use std::sync::Arc;

use petrel_pack_runtime::{CacheDirectoryError, Options, PackRuntime, StandIn};

use crate::config::Configuration;
use crate::data_directory;
use crate::exit::{Code, Failure};

/// A runtime, with `stand_in` in the place of the network if there is one.
pub(super) fn runtime(stand_in: Option<&Arc<dyn StandIn>>) -> Result<PackRuntime, Failure> {
    let made = |options: Options| -> Result<PackRuntime, CacheDirectoryError> {
        match stand_in {
            None => PackRuntime::new(options),
            Some(stand_in) => PackRuntime::with_stand_in(options, Arc::clone(stand_in)),
        }
    };
    let (options, directory) = options();
    // A host here need not compile what was compiled for this, and the other way round. A directory that is not this user's
    // is the host's alone.
    let with_host = Options { cache_directory: directory, ..options.clone() };
    let runtime = made(with_host).or_else(|_unusable| made(options));
    runtime.map_err(|error| Failure::new(Code::Server, "component.host", error.to_string(), ""))
}

/// The options of a runtime, and the directory of the host's compiled components if there is one.
fn options() -> (Options, Option<PathBuf>) {
    let Ok(settings) = Configuration::of_client() else { return (Options::default(), None) };
    let directory = data_directory::components(&settings.data_dir());
    let (limits, engine) = (settings.component_limits(), settings.component_engine());
    (
        Options { cache_directory: None, limits, engine },
        Some(directory).filter(|directory| directory.is_dir()),
    )
}
