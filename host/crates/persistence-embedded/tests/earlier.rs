//! A store of an earlier version can be read, and its documents keep their keys when they are written again.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use petrel_persistence::{Change, Commit, Document, DocumentKind, Store as _};
use petrel_persistence_embedded::archive::{Reader, Record};
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::restore::{InFlight, restore};
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options, backup};
use tempfile::TempDir;

/// A backup of a host of version 0.1.0 with a store of format 2: two packs, users, keys, a completed workflow, an event
/// with a matching rule. It is never recreated, since it stands for the existing stores.
const ARCHIVE: &[u8] = include_bytes!("earlier.archive");

/// Its rows, as that version counted them.
const ROWS: [(&str, u64); 17] = [
    ("API key", 1),
    ("action", 11),
    ("child of a workflow", 1),
    ("definition of a workflow", 1),
    ("enforcement", 1),
    ("execution", 3),
    ("key of the datastore", 2),
    ("log of a workflow", 2),
    ("output", 2),
    ("pack", 2),
    ("pack configuration", 1),
    ("piece", 2),
    ("rule", 2),
    ("token", 1),
    ("trigger instance", 1),
    ("trigger type", 2),
    ("user", 2),
];
/// Number of documents among them.
const DOCUMENTS: usize = 25;
/// The first byte of the keys of the store's own rows.
const META: u8 = 0x01;

/// The keys of all rows but the store's own.
fn keys(directory: &Path, options: &Options) -> BTreeSet<Vec<u8>> {
    let mut archive = Vec::new();
    backup::export(directory, options, &mut archive).unwrap();
    let mut from = archive.as_slice();
    let mut reader = Reader::begin(&mut from).unwrap();
    let mut keys = BTreeSet::new();
    while let Some(record) = reader.read().unwrap() {
        if let Record::Rows(writes) = record {
            keys.extend(writes.into_iter().map(|(key, _)| key).filter(|key| key.first() != Some(&META)));
        }
    }
    keys
}

async fn documents(store: &EmbeddedStore) -> Vec<Document> {
    let mut documents = Vec::new();
    for kind in DocumentKind::ALL {
        documents.extend(store.documents(*kind).await.unwrap());
    }
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_stored_is_read_and_stays_where_it_is() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let directory = place.path().join("store");
        let options = Options { engine, ..Options::default() };
        let open = || EmbeddedStore::open(&directory, &options).unwrap();
        let mut archive = ARCHIVE;
        restore(&mut archive, &directory, engine, InFlight::AsItWas, |_, _, _| Ok(())).unwrap();
        let checked = check(&directory, &options).unwrap();
        assert_eq!(checked.rows, BTreeMap::from(ROWS), "{engine}");
        assert_eq!(checked.problems, Vec::<String>::new(), "{engine}");
        let stored = keys(&directory, &options);

        let store = open();
        let held = documents(&store).await;
        assert_eq!(held.len(), DOCUMENTS, "{engine}");
        store.commit(Commit::of(held.iter().cloned().map(Change::Put))).await.unwrap();
        drop(store);
        assert_eq!(keys(&directory, &options), stored, "{engine}");

        let store = open();
        assert!(documents(&store).await == held, "{engine}: what was written again is the same");
        store.commit(Commit::of(held.iter().map(|one| Change::Delete(one.key())))).await.unwrap();
        assert_eq!(documents(&store).await.len(), 0, "{engine}");
        drop(store);
        let left = check(&directory, &options).unwrap();
        assert_eq!(left.problems, Vec::<String>::new(), "{engine}");
        for kind in DocumentKind::ALL {
            assert_eq!(left.rows.get(kind.name()), None, "{engine}");
        }
        assert_eq!(left.rows.get("piece"), None, "{engine}: the pieces of a document go with it");
    }
}
