//! The settings of a store, with their defaults.

use std::sync::Arc;
use std::time::Duration;

use petrel_persistence::Sealer;

use crate::base::Engine;
use crate::watchdog::OnStuck;

/// Settings of a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// The engine of the base.
    pub engine: Engine,
    /// Cache of the engine, in bytes. Default: 64 MiB. sled takes about twice as much.
    pub cache_bytes: u64,
    /// Approximate memory that rows may take before a checkpoint writes them to the base, in bytes. The journal has
    /// about the same size. Default: 16 MiB, and up to twice as much while commits arrive faster than the base can
    /// store them.
    pub layer_bytes: usize,
    /// Longest time before a checkpoint begins, if nothing else starts one. Default: 5 s.
    pub layer_age: Duration,
    /// Free disk space below which nothing new is accepted, in bytes. Default: 64 MiB.
    pub reserve_bytes: u64,
    /// Whether to open the store although acknowledged commits are missing. Default: no.
    pub accept_loss: bool,
    /// Longest time for one group of commits, or one slice of a checkpoint, before the store counts as stuck.
    /// Default: 60 s.
    pub stuck_after: Duration,
    /// The action for a stuck store. Default: end the process.
    pub on_stuck: OnStuck,
    /// Encrypts the rows that hold secrets. Default: nothing does, until [`Store::seal_with`] is called.
    ///
    /// [`Store::seal_with`]: petrel_persistence::Store::seal_with
    pub sealer: Option<Arc<dyn Sealer>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            cache_bytes: 64 << 20,
            layer_bytes: 16 << 20,
            layer_age: Duration::from_secs(5),
            reserve_bytes: 64 << 20,
            accept_loss: false,
            stuck_after: Duration::from_secs(60),
            on_stuck: OnStuck::default(),
            sealer: None,
        }
    }
}
