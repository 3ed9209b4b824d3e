//! Stores with rows that an earlier version left over: they are whole, they are copied, and they are rid of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use petrel_model::execution::LogEntry;
use petrel_model::{Execution, ExecutionId, Status};
use petrel_persistence::{Change, Commit, DocumentKind, Error, Store as _};
use petrel_store_suite::{at, document, execution, id};
use tempfile::TempDir;

use super::*;
use crate::archive::{Reader, Record, Writer};
use crate::backup::{ExportError, export, rescue};
use crate::base::Engine;
use crate::check::check;
use crate::compact::compact;
use crate::opening::Recovered;
use crate::options::Options;
use crate::restore::{InFlight, restore};
use crate::store::EmbeddedStore;

fn on(engine: Engine) -> Options {
    Options { engine, ..Options::default() }
}

/// Ended, with a log that takes a file.
fn large(n: u64) -> Execution {
    let entry = LogEntry { status: Status::Succeeded, timestamp: at(1), left_out: 0 };
    Execution { status: Status::Succeeded, log: vec![entry; 2000], ..execution(n) }
}

/// References to blobs that are gone: of a row that has another one, and of a row that is gone.
fn references() -> Vec<Write> {
    let of = |digest: u8, n: u64| keys::reference(&[digest; 32], &keys::execution(id(n)));
    [of(7, 1), of(8, 2)].map(|key| value::row(key, &[])).to_vec()
}

/// A store with one execution, and with rows that are left over.
async fn store(directory: &Path, engine: Engine) {
    let store = EmbeddedStore::open(directory, &on(engine)).unwrap();
    store.commit(Commit::of([Change::CreateExecution(large(1))])).await.unwrap();
    drop(store);
    let recovered = Recovered::present(directory, &on(engine)).unwrap();
    let base = recovered.rows.image.base();
    let piece = |n: u64, number: u16| value::row(keys::piece(&keys::execution(id(n)), number), b"left over");
    let mut writes = references();
    writes.extend([piece(1, 0), piece(1, 16), piece(2, 0), (keys::meta(keys::RELEASED), None)]);
    base.apply(&writes).unwrap();
    base.sync().unwrap();
}

/// Numbers of references and of pieces in a store.
fn left(directory: &Path, engine: Engine) -> (usize, usize) {
    let recovered = Recovered::present(directory, &on(engine)).unwrap();
    let count = |prefix| recovered.rows.range(&keys::all(prefix), false, usize::MAX).unwrap().len();
    (count(keys::REFERENCE), count(keys::PIECE))
}

async fn read(directory: &Path, engine: Engine) -> Execution {
    let store = EmbeddedStore::open(directory, &on(engine)).unwrap();
    store.execution(id::<ExecutionId>(1)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_left_over_rows_is_whole_and_its_copy_can_be_restored() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        store(&from, engine).await;
        let checked = check(&from, &on(engine)).unwrap();
        assert_eq!((checked.problems.clone(), checked.blobs), (Vec::new(), 1), "{engine}");
        let mut archive = Vec::new();
        let exported = export(&from, &on(engine), &mut archive).unwrap();
        let counted = (checked.rows.values().sum::<u64>(), checked.blobs);
        assert_eq!((exported.rows, exported.blobs), counted, "{engine}: the same words for the same counts");
        restore(&mut archive.as_slice(), &to, engine, InFlight::AsItWas, |_, _, _| Ok(())).unwrap();
        assert_eq!(check(&to, &on(engine)).unwrap().problems, Vec::<String>::new(), "{engine}");
        assert_eq!(left(&to, engine).0, 1, "{engine}");
        assert_eq!(read(&to, engine).await, large(1), "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_store_removes_left_over_references_and_compacting_it_all_left_over_rows() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        store(place.path(), engine).await;
        assert_eq!(left(place.path(), engine), (3, 3), "{engine}");
        assert_eq!(read(place.path(), engine).await, large(1), "{engine}");
        assert_eq!(left(place.path(), engine), (1, 3), "{engine}");
        compact(place.path(), &on(engine)).unwrap();
        assert_eq!(left(place.path(), engine), (1, 0), "{engine}");
        assert_eq!(read(place.path(), engine).await, large(1), "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_an_earlier_version_with_left_over_references_is_restored_without_them() {
    let place = TempDir::new().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    store(&from, Engine::Redb).await;
    let (mut exported, mut earlier) = (Vec::new(), Vec::new());
    export(&from, &on(Engine::Redb), &mut exported).unwrap();
    let mut exported = exported.as_slice();
    let mut reader = Reader::begin(&mut exported).unwrap();
    let mut writer = Writer::begin(&mut earlier).unwrap();
    while let Some(record) = reader.read().unwrap() {
        writer.add(&record).unwrap();
    }
    writer.add(&Record::Rows(references())).unwrap();
    writer.end().unwrap();
    restore(&mut earlier.as_slice(), &to, Engine::Redb, InFlight::AsItWas, |_, _, _| Ok(())).unwrap();
    assert_eq!(left(&to, Engine::Redb).0, 1);
    assert_eq!(check(&to, &on(Engine::Redb)).unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_could_not_be_restored_is_not_made() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        store(place.path(), engine).await;
        fs::remove_dir_all(place.path().join("blobs")).unwrap();
        let refused = export(place.path(), &on(engine), &mut Vec::new()).unwrap_err();
        let message = refused.to_string();
        assert!(matches!(refused, ExportError::Store(Error::Damaged { .. })), "{engine}: {message}");
        let execution =
            format!("execution {} cannot be read: its large value is missing", id::<ExecutionId>(1));
        assert!(message.starts_with(&execution) && message.contains("--repair"), "{engine}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescue_saves_all_but_rows_whose_large_values_are_gone() {
    for engine in Engine::ALL {
        let (place, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        store(place.path(), engine).await;
        let whole = EmbeddedStore::open(place.path(), &on(engine)).unwrap();
        whole.commit(Commit::of([Change::CreateExecution(execution(3))])).await.unwrap();
        drop(whole);
        fs::remove_dir_all(place.path().join("blobs")).unwrap();
        let mut archive = Vec::new();
        let recovered = Recovered::present(place.path(), &on(engine)).unwrap();
        let (_, lost) = rescue(&recovered.rows, &mut archive).unwrap();
        assert_eq!(lost, 1, "{engine}");
        let made = other.path().join("store");
        restore(&mut archive.as_slice(), &made, engine, InFlight::AsItWas, |_, _, _| Ok(())).unwrap();
        let store = EmbeddedStore::open(&made, &on(engine)).unwrap();
        assert_eq!(store.execution(id(1)).await.unwrap(), None, "{engine}");
        assert_eq!(store.execution(id(3)).await.unwrap(), Some(execution(3)), "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_documents_that_are_replaced_at_the_same_moment_nothing_is_left_over() {
    for engine in Engine::ALL {
        let place = TempDir::new().unwrap();
        let store = Arc::new(EmbeddedStore::open(place.path(), &on(engine)).unwrap());
        let of_size = |size: usize| document(DocumentKind::PackConfig, 1, &"x".repeat(size));
        for _ in 0..50 {
            // In many pieces, in few, in a file, in the row.
            let puts = [60_000, 5_000, 70_000, 100].map(|size| {
                let (store, put) = (Arc::clone(&store), Change::Put(of_size(size)));
                tokio::spawn(async move { store.commit(Commit::of([put])).await })
            });
            for put in puts {
                put.await.unwrap().unwrap();
            }
        }
        store.commit(Commit::of([Change::Delete(of_size(1).key())])).await.unwrap();
        drop(store);
        assert_eq!(left(place.path(), engine), (0, 0), "{engine}");
    }
}
