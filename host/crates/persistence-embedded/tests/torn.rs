//! Rows that are replaced while they are read: a reader sees one version or another, and never a mix of two, in whatever
//! way these are stored. So does a backup.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use petrel_model::execution::LogEntry;
use petrel_model::{Execution, Status};
use petrel_persistence::{Change, Commit, Document, DocumentKind, ExecutionFilter, Store};
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::restore::{InFlight, restore};
use petrel_persistence_embedded::{EmbeddedStore, Engine, Options};
use petrel_store_suite::{at, document, execution, id};
use tempfile::TempDir;

/// Number of commits, each of which replaces both rows.
const COMMITS: usize = 300;

/// Sizes of the versions, in bytes: inline, in few and in many pieces, in a file.
const SIZES: [usize; 7] = [60_000, 20_000, 59_000, 100, 21_000, 70_000, 5_000];

fn documents() -> Vec<Document> {
    let text = |(letter, size): (char, &usize)| letter.to_string().repeat(*size);
    let texts = ('a'..).zip(&SIZES).map(text);
    texts.map(|text| document(DocumentKind::PackConfig, 1, &text)).collect()
}

/// Executions whose logs are about as long: an entry takes 60 bytes, and looks the same in two versions but for a
/// digit or two.
fn executions() -> Vec<Execution> {
    let of = |(n, size): (u64, &usize)| {
        let entry: LogEntry = serde_json::from_value(
            serde_json::json!({"status": "running", "timestamp": at(i64::try_from(n).unwrap())}),
        )
        .unwrap();
        let log = vec![entry; size / 60];
        Execution { version: n, status: Status::Running, log, ..execution(1) }
    };
    (1..).zip(&SIZES).map(of).collect()
}

async fn replace(store: Arc<EmbeddedStore>, is_over: Arc<AtomicBool>) {
    let (documents, executions) = (documents(), executions());
    let versions = documents.into_iter().zip(executions).cycle();
    for (document, execution) in versions.take(COMMITS) {
        let changes = [Change::Put(document), Change::UpdateExecution(execution)];
        store.commit(Commit::of(changes)).await.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_replaced_meanwhile_is_read_as_one_version() {
    for engine in Engine::ALL {
        let directory = TempDir::new().unwrap();
        // A small layer, so that rows move to the base meanwhile.
        let options = Options { engine, layer_bytes: 100_000, ..Options::default() };
        let store = Arc::new(EmbeddedStore::open(directory.path(), &options).unwrap());
        let (documents, executions) = (documents(), executions());
        let key = documents[0].key();
        let created = [Change::Put(documents[0].clone()), Change::CreateExecution(executions[0].clone())];
        store.commit(Commit::of(created)).await.unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(replace(Arc::clone(&store), Arc::clone(&is_over)));
        while !is_over.load(Ordering::SeqCst) && !writer.is_finished() {
            let document = store.document(&key).await.unwrap().unwrap();
            assert!(documents.contains(&document), "{engine}: a mix of documents");
            let execution = store.execution(id(1)).await.unwrap().unwrap();
            assert!(executions.contains(&execution), "{engine}: a mix of executions");
            let page = store.executions(&ExecutionFilter::default(), None, 10).await.unwrap();
            assert_eq!((page.items.len(), page.unreadable), (1, Vec::new()), "{engine}");
            assert!(executions.contains(&page.items[0]), "{engine}: a mix in a list");
            tokio::task::yield_now().await;
        }
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_deleted_meanwhile_is_whole_or_gone_and_never_damaged() {
    for engine in Engine::ALL {
        let directory = TempDir::new().unwrap();
        let options = Options { engine, layer_bytes: 100_000, ..Options::default() };
        let store = Arc::new(EmbeddedStore::open(directory.path(), &options).unwrap());
        let (documents, writes) = (documents(), Arc::clone(&store));
        let key = documents[0].key();
        let writer = tokio::spawn(async move {
            for document in self::documents().into_iter().cycle().take(COMMITS) {
                let key = document.key();
                writes.commit(Commit::of([Change::Put(document)])).await.unwrap();
                writes.commit(Commit::of([Change::Delete(key)])).await.unwrap();
            }
        });
        while !writer.is_finished() {
            let found = store.document(&key).await.unwrap();
            assert!(found.is_none_or(|found| documents.contains(&found)), "{engine}: a mix of documents");
            tokio::task::yield_now().await;
        }
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_rows_that_are_replaced_meanwhile_has_one_version_and_its_values() {
    for engine in Engine::ALL {
        let directory = TempDir::new().unwrap();
        let options = Options { engine, layer_bytes: 100_000, ..Options::default() };
        let store = Arc::new(EmbeddedStore::open(directory.path(), &options).unwrap());
        let (documents, executions) = (documents(), executions());
        let created = [Change::Put(documents[0].clone()), Change::CreateExecution(executions[0].clone())];
        store.commit(Commit::of(created)).await.unwrap();
        let writer = tokio::spawn(replace(Arc::clone(&store), Arc::default()));
        let mut rounds = 0;
        while rounds == 0 || (rounds < 10 && !writer.is_finished()) {
            rounds += 1;
            let source = Arc::clone(&store);
            let archive = tokio::task::spawn_blocking(move || {
                let mut archive = Vec::new();
                source.backup(&[], &mut archive).unwrap();
                archive
            });
            let archive = archive.await.unwrap();
            let place = TempDir::new().unwrap();
            let copy = place.path().join("store");
            restore(&mut archive.as_slice(), &copy, engine, InFlight::Held, |_, _, _| Ok(())).unwrap();
            assert_eq!(check(&copy, &options).unwrap().problems, Vec::<String>::new(), "{engine} {rounds}");
            let copy = EmbeddedStore::open(&copy, &options).unwrap();
            let document = copy.document(&documents[0].key()).await.unwrap().unwrap();
            assert!(documents.contains(&document), "{engine} {rounds}");
            let execution = copy.execution(id(1)).await.unwrap().unwrap();
            assert!(executions.contains(&execution), "{engine} {rounds}");
        }
        writer.await.unwrap();
    }
}
