//! The suite on the backend in memory. On the embedded store it runs in that crate's own tests.

use petrel_persistence::MemoryStore;
use petrel_store_suite::Backend;

struct Memory(MemoryStore);

impl Backend for Memory {
    type Store = MemoryStore;

    async fn open(&mut self) -> MemoryStore {
        self.0 = self.0.reopen();
        self.0.clone()
    }
}

petrel_store_suite::suite!(Memory(MemoryStore::default()));
