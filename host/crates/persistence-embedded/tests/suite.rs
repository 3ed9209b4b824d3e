//! The suite of `petrel-persistence` on every base of the embedded store.
#![expect(clippy::unwrap_used, reason = "the opening of a store is part of every test")]

use petrel_persistence::suite::Backend;
use petrel_persistence_embedded::simulated::SimulatedBase;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use tempfile::TempDir;

struct OnSled(TempDir);

impl Backend for OnSled {
    type Store = EmbeddedStore;

    async fn open(&mut self) -> EmbeddedStore {
        EmbeddedStore::open(self.0.path(), &Options::default()).unwrap()
    }
}

struct Simulated(TempDir, SimulatedBase);

impl Backend for Simulated {
    type Store = EmbeddedStore;

    async fn open(&mut self) -> EmbeddedStore {
        EmbeddedStore::open_on(Box::new(self.1.clone()), self.0.path(), &Options::default()).unwrap()
    }
}

mod sled {
    use super::*;
    petrel_persistence::suite!(OnSled(TempDir::new().unwrap()));
}

mod simulated {
    use super::*;
    petrel_persistence::suite!(Simulated(TempDir::new().unwrap(), SimulatedBase::default()));
}
