//! The suite of `petrel-store-suite` on every base of the embedded store.
#![expect(clippy::unwrap_used, reason = "the opening of a store is part of every test")]

use std::sync::Arc;

use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options};
use petrel_store_suite::Backend;
use tempfile::TempDir;

struct On(Engine, TempDir);

impl Backend for On {
    type Store = EmbeddedStore;

    async fn open(&mut self) -> EmbeddedStore {
        let options = Options { engine: self.0, ..Options::default() };
        EmbeddedStore::open(self.1.path(), &options).unwrap()
    }
}

/// A simulated machine with a layer so small that every commit is followed by a checkpoint.
struct Simulated(TempDir, SimulatedMachine);

impl Backend for Simulated {
    type Store = EmbeddedStore;

    async fn open(&mut self) -> EmbeddedStore {
        let options = Options { layer_bytes: 1, ..Options::default() };
        let (base, media) = (Box::new(self.1.clone()), Arc::new(self.1.clone()));
        EmbeddedStore::open_on(base, media, self.0.path(), &options).unwrap()
    }
}

mod sled {
    use super::*;
    petrel_store_suite::suite!(On(Engine::Sled, TempDir::new().unwrap()));
}

mod redb {
    use super::*;
    petrel_store_suite::suite!(On(Engine::Redb, TempDir::new().unwrap()));
}

mod simulated {
    use super::*;
    petrel_store_suite::suite!(Simulated(TempDir::new().unwrap(), SimulatedMachine::default()));
}
