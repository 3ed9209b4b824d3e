//! Files that somebody deletes under a store in use. Writing to them goes on without an error, and all of it is gone
//! with the process: the store notices, refuses commits, and what was acknowledged is kept.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use petrel_persistence::{Change, Commit, CommitError, ExecutionFilter, Store};
use petrel_persistence_embedded::restore::{InFlight, restore};
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options};
use petrel_store_suite::execution;
use tempfile::TempDir;

/// Longest wait for the store to notice.
const PATIENCE: Duration = Duration::from_secs(60);

fn on(engine: Engine) -> Options {
    Options { engine, ..Options::default() }
}

async fn create(store: &EmbeddedStore, n: u64) -> Result<(), CommitError> {
    store.commit(Commit::of([Change::CreateExecution(execution(n))])).await
}

async fn count(store: &EmbeddedStore) -> usize {
    store.executions(&ExecutionFilter::default(), None, 100).await.unwrap().items.len()
}

/// A new store with the executions 1 to 5.
async fn filled(directory: &Path, engine: Engine) -> EmbeddedStore {
    let store = EmbeddedStore::open(directory, &on(engine)).unwrap();
    for n in 1..=5 {
        create(&store, n).await.unwrap();
    }
    store
}

async fn failure(store: &EmbeddedStore) -> String {
    tokio::time::timeout(PATIENCE, store.failed()).await.unwrap().to_string()
}

/// A way to lose the journal.
type Loss = fn(&Path) -> io::Result<()>;

const LOSSES: [(&str, Loss); 2] = [
    ("deleted", |journal| fs::remove_dir_all(journal)),
    ("moved", |journal| fs::rename(journal, journal.with_extension("old"))),
];

#[tokio::test]
async fn a_store_whose_journal_goes_fails_and_has_all_that_was_acknowledged() {
    for engine in Engine::ALL {
        for (what, lose) in LOSSES {
            let place = TempDir::new().unwrap();
            let store = filled(place.path(), engine).await;
            lose(&place.path().join("journal")).unwrap();
            let told = failure(&store).await;
            assert!(told.contains("journal") && told.contains("deleted or moved"), "{engine} {what}: {told}");
            assert!(told.contains("is saved"), "{engine} {what}: {told}");
            let refused = create(&store, 6).await;
            assert!(matches!(refused, Err(CommitError::Store(_))), "{engine} {what}: {refused:?}");
            drop(store);
            let store = EmbeddedStore::open(place.path(), &on(engine)).unwrap();
            assert_eq!(count(&store).await, 5, "{engine} {what}");
            create(&store, 6).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_that_is_closed_before_it_notices_has_all_that_was_acknowledged_too() {
    for engine in Engine::ALL {
        for (what, lose) in LOSSES {
            let place = TempDir::new().unwrap();
            let store = filled(place.path(), engine).await;
            lose(&place.path().join("journal")).unwrap();
            drop(store);
            let store = EmbeddedStore::open(place.path(), &on(engine)).unwrap();
            assert_eq!(count(&store).await, 5, "{engine} {what}");
        }
    }
}

#[tokio::test]
async fn a_segment_that_goes_alone_is_replaced_by_another() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let store = filled(place.path(), engine).await;
        let segments = || -> Vec<PathBuf> {
            fs::read_dir(place.path().join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let before = segments();
        before.iter().for_each(|segment| fs::remove_file(segment).unwrap());
        let until = Instant::now() + PATIENCE;
        while segments().is_empty() {
            assert!(Instant::now() < until, "{engine}: nothing was noticed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        create(&store, 6).await.unwrap();
        drop(store);
        assert_eq!(count(&EmbeddedStore::open(place.path(), &on(engine)).unwrap()).await, 6, "{engine}");
    }
}

#[tokio::test]
async fn a_store_whose_base_goes_fails_and_leaves_an_archive_of_its_rows() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let directory = place.path().join("store");
        // What is in the base already, and what is not yet.
        drop(filled(&directory, engine).await);
        let store = EmbeddedStore::open(&directory, &on(engine)).unwrap();
        create(&store, 6).await.unwrap();
        fs::remove_dir_all(directory.join(engine.name())).unwrap();
        let told = failure(&store).await;
        assert!(
            told.contains("deleted or moved") && told.contains("petrel store import"),
            "{engine}: {told}"
        );
        let archive = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let archive = archive.into_iter().find(|path| path.extension().is_some_and(|end| end == "archive"));
        let archive = archive.unwrap();
        assert!(told.contains(&archive.display().to_string()), "{engine}: {told}");
        drop(store);
        let elsewhere = place.path().join("elsewhere");
        let mut archive = File::open(archive).unwrap();
        restore(&mut archive, &elsewhere, engine, InFlight::AsItWas, |_, _, _| Ok(())).unwrap();
        assert_eq!(count(&EmbeddedStore::open(&elsewhere, &on(engine)).unwrap()).await, 6, "{engine}");
    }
}
