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
            assert!(
                told.contains("journal") && told.contains("deleted, moved or replaced"),
                "{engine} {what}: {told}"
            );
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

fn segments(journal: &Path) -> Vec<PathBuf> {
    fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy(&path, &target)? } else { fs::copy(&path, &target).map(drop)? }
    }
    Ok(())
}

/// Ways to harm the journal after which a new segment can be begun where it was.
const HARMS: [(&str, Loss); 4] = [
    ("its segments are deleted", |journal| segments(journal).iter().try_for_each(fs::remove_file)),
    ("its segments are cut", |journal| segments(journal).iter().try_for_each(|segment| cut(segment, 0))),
    ("its segments lose their ends", |journal| {
        segments(journal).iter().try_for_each(|segment| cut(segment, 200))
    }),
    ("it is replaced by a copy", |journal| {
        let old = journal.with_extension("old");
        fs::rename(journal, &old)?;
        copy(&old, journal)
    }),
];

fn cut(file: &Path, length: u64) -> io::Result<()> {
    File::options().write(true).open(file)?.set_len(length)
}

#[tokio::test]
async fn a_journal_that_is_harmed_goes_on_in_another_segment_and_nothing_is_lost() {
    for engine in Engine::ALL {
        for (what, harm) in HARMS {
            let place = TempDir::new().unwrap();
            // By itself it begins no other segment.
            let options = Options { layer_age: Duration::from_secs(3600), ..on(engine) };
            let store = EmbeddedStore::open(&place.path().join("store"), &options).unwrap();
            for n in 1..=5 {
                create(&store, n).await.unwrap();
            }
            let journal = place.path().join("store/journal");
            let before = segments(&journal);
            harm(&journal).unwrap();
            // It may be acknowledged before the harm is noticed.
            create(&store, 6).await.unwrap();
            let until = Instant::now() + PATIENCE;
            while segments(&journal).iter().all(|segment| before.contains(segment)) {
                assert!(Instant::now() < until, "{engine}: {what}, and nothing was noticed");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            create(&store, 7).await.unwrap();
            // As a kill leaves it.
            let killed = place.path().join("killed");
            copy(&place.path().join("store"), &killed).unwrap();
            assert_eq!(
                count(&EmbeddedStore::open(&killed, &on(engine)).unwrap()).await,
                7,
                "{engine}: {what}"
            );
            drop(store);
            let store = EmbeddedStore::open(&place.path().join("store"), &on(engine)).unwrap();
            assert_eq!(count(&store).await, 7, "{engine}: {what}");
        }
    }
}

#[tokio::test]
async fn a_store_that_is_moved_as_a_whole_says_where_it_is_now_and_has_everything() {
    for engine in Engine::ALL {
        for moved in ["data", "data/store"] {
            let place = TempDir::new().unwrap();
            let store = filled(&place.path().join("data/store"), engine).await;
            let target = place.path().join("elsewhere");
            fs::rename(place.path().join(moved), &target).unwrap();
            let now = if moved == "data" { target.join("store") } else { target };
            let told = failure(&store).await;
            assert!(told.contains(&format!("moved to {}", now.display())), "{engine} {moved}: {told}");
            assert!(told.contains("--data-dir"), "{engine} {moved}: {told}");
            drop(store);
            assert_eq!(count(&EmbeddedStore::open(&now, &on(engine)).unwrap()).await, 5, "{engine} {moved}");
        }
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
            told.contains("deleted, moved or replaced") && told.contains("petrel store import"),
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
