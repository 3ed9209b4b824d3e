//! A store says by which keys rows were encrypted, so that a host with another key notices, and takes what encrypts them from
//! whoever has looked at that.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::path::Path;
use std::sync::Arc;

use petrel_model::PackConfig;
use petrel_persistence::{Change, Commit, Sealer, Store, StoreExt as _};
use petrel_persistence_embedded::{EmbeddedStore, Options};
use serde_json::json;

/// Encrypts by writing its id before the body.
#[derive(Debug)]
struct Named(&'static str);

impl Sealer for Named {
    fn seal(&self, body: &[u8], _place: &[u8]) -> Result<Vec<u8>, String> {
        Ok([self.0.as_bytes(), body].concat())
    }

    fn open(&self, sealed: &[u8], _place: &[u8]) -> Result<Vec<u8>, String> {
        sealed
            .strip_prefix(self.0.as_bytes())
            .map(<[u8]>::to_vec)
            .ok_or_else(|| "it is of another key".into())
    }

    fn key(&self) -> Option<String> {
        Some(self.0.to_owned())
    }

    fn key_of(&self, sealed: &[u8]) -> Option<String> {
        sealed.get(..self.0.len()).map(|id| String::from_utf8_lossy(id).into_owned())
    }
}

fn open(directory: &Path, key: &'static str) -> EmbeddedStore {
    let sealer: Arc<dyn Sealer> = Arc::new(Named(key));
    EmbeddedStore::open(directory, &Options { sealer: Some(sealer), ..Options::default() }).unwrap()
}

async fn configure(store: &EmbeddedStore, pack: &str) {
    let values = json!({"token": "hush"}).as_object().unwrap().clone();
    let config = PackConfig { pack: pack.into(), values, secret: true };
    store.commit(Commit::of([Change::put(config)])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_all_that_was_encrypted_are_known_to_whoever_opens_the_store() {
    let place = tempfile::tempdir().unwrap();
    let store = open(place.path(), "first");
    assert_eq!(store.sealed_by().unwrap(), Vec::<String>::new());
    configure(&store, "a").await;
    configure(&store, "b").await;
    assert_eq!(store.sealed_by().unwrap(), ["first"]);
    drop(store);
    let store = open(place.path(), "other");
    assert_eq!(store.sealed_by().unwrap(), ["first"]);
    assert_eq!(store.all::<PackConfig>().await.unwrap(), Vec::new());
    // Whoever has looked chooses.
    store.seal_with(Arc::new(Named("second")));
    configure(&store, "c").await;
    assert_eq!(store.sealed_by().unwrap(), ["first", "second"]);
    let read = store.all::<PackConfig>().await.unwrap();
    assert_eq!(read.iter().map(|config| config.pack.as_str()).collect::<Vec<_>>(), ["c"]);
    drop(store);
    let store = open(place.path(), "first");
    assert_eq!(store.sealed_by().unwrap(), ["first", "second"]);
    assert_eq!(store.all::<PackConfig>().await.unwrap().len(), 2);
}
