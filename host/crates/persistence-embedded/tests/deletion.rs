//! Deletion frees all space: no row and no file of a deleted object is left, and a file that others refer to stays. So
//! does replacement: nothing is left of a value that another one has replaced.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use petrel_model::execution::LogEntry;
use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Execution, Status};
use petrel_persistence::{Change, Commit, Store};
use petrel_persistence_embedded::base::Base as _;
use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{execution, id, instance};
use serde_json::json;
use tempfile::TempDir;

fn open(machine: &SimulatedMachine, directory: &Path) -> EmbeddedStore {
    let (base, media) = (Box::new(machine.clone()), Arc::new(machine.clone()));
    EmbeddedStore::open_on(base, media, directory, &Options::default()).unwrap()
}

/// Files below `directory`.
fn files(directory: &Path) -> usize {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

fn creation(n: u64, size: usize) -> [Change; 3] {
    let large = "x".repeat(size);
    let mut ended = execution(n);
    ended.status = Status::Succeeded;
    ended.result = Some(Arc::new(json!(large)));
    let lines = vec![OutputLine { stream: Stream::Stdout, text: large.clone() }];
    [
        Change::CreateExecution(ended),
        Change::AppendOutput { execution: id(n), sequence: 0, lines },
        Change::CreateTriggerInstance(instance(n, json!(large))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_it_is_left() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    drop(open(&machine, directory.path()));
    let before = machine.keys();
    for size in [10, 2_000, 20_000, 200_000] {
        let store = open(&machine, directory.path());
        store.commit(Commit::of(creation(1, size))).await.unwrap();
        drop(store);
        assert!(machine.keys().len() > before.len());
        let store = open(&machine, directory.path());
        let changes = [Change::DeleteExecution(id(1)), Change::DeleteTriggerInstance(id(1))];
        store.commit(Commit::of(changes)).await.unwrap();
        drop(store);
        assert_eq!(machine.keys(), before, "{size} bytes");
        assert_eq!(files(&directory.path().join("blobs")), 0, "{size} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_stays_while_somebody_refers_to_it() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let blobs = directory.path().join("blobs");
    let store = open(&machine, directory.path());
    for n in [1, 2] {
        let [execution, ..] = creation(n, 200_000);
        store.commit(Commit::of([execution])).await.unwrap();
    }
    assert_eq!(files(&blobs), 1, "the same content is kept once");
    store.commit(Commit::of([Change::DeleteExecution(id(1))])).await.unwrap();
    store.sweep().await.unwrap();
    assert_eq!(files(&blobs), 1);
    assert!(store.execution(id(2)).await.unwrap().unwrap().result.is_some());
    store.commit(Commit::of([Change::DeleteExecution(id(2))])).await.unwrap();
    assert_eq!(files(&blobs), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_no_commit_refers_to() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let blobs = directory.path().join("blobs");
    let store = open(&machine, directory.path());
    let [one, ..] = creation(1, 200_000);
    let [other, ..] = creation(2, 300_000);
    store.commit(Commit::of([one])).await.unwrap();
    // The blob is written, but the commit that refers to it is refused.
    let refused = Commit::of([other]).expecting(petrel_persistence::Expect::ExecutionVersion(id(9), 1));
    store.commit(refused).await.unwrap_err();
    assert_eq!(files(&blobs), 2);
    // The pins of the refused commit are released a moment after the refusal.
    let mut freed = 0;
    for _ in 0..500 {
        freed += store.sweep().await.unwrap();
        if freed > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(freed >= 300_000, "{freed} bytes were freed");
    assert_eq!(files(&blobs), 1);
    drop(store);
    fs::write(blobs.join("12345678-0.tmp"), "half").unwrap();
    let store = open(&machine, directory.path());
    assert_eq!(files(&blobs), 1, "what an earlier process had begun to write is gone");
    assert!(store.execution(id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_first_format_learns_who_refers_to_what() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let blobs = directory.path().join("blobs");
    let store = open(&machine, directory.path());
    let [execution, ..] = creation(1, 200_000);
    store.commit(Commit::of([execution])).await.unwrap();
    drop(store);
    // As left by the version before: without rows for references, and without the row that marks them as complete.
    let unknown = |key: &Vec<u8>| key.first() == Some(&0x17) || key.ends_with(b"references");
    let writes: Vec<_> = machine.keys().into_iter().filter(unknown).map(|key| (key, None)).collect();
    assert_eq!(writes.len(), 2);
    machine.apply(&writes).unwrap();
    let store = open(&machine, directory.path());
    store.sweep().await.unwrap();
    assert!(store.execution(id(1)).await.unwrap().unwrap().result.is_some());
    store.commit(Commit::of([Change::DeleteExecution(id(1))])).await.unwrap();
    assert_eq!(files(&blobs), 0);
}

/// The second version of the execution 1: running, with a log of about `log` bytes and a result of `result` bytes.
fn version(log: usize, result: usize) -> Execution {
    let entry = LogEntry { status: Status::Running, timestamp: petrel_store_suite::at(1), left_out: 0 };
    let result = (result > 0).then(|| Arc::new(json!("x".repeat(result))));
    Execution { version: 2, status: Status::Running, log: vec![entry; log / 60], result, ..execution(1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_what_an_update_replaces() {
    const SIZES: [usize; 5] = [0, 2_000, 20_000, 60_000, 200_000];
    for before in SIZES {
        for after in SIZES {
            let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
            let blobs = directory.path().join("blobs");
            let store = open(&machine, directory.path());
            store.commit(Commit::of([Change::CreateExecution(version(after, after))])).await.unwrap();
            drop(store);
            let (rows, values) = (machine.keys(), files(&blobs));
            let store = open(&machine, directory.path());
            for update in [version(before, before), version(before, 0), version(after, after)] {
                store.commit(Commit::of([Change::UpdateExecution(update)])).await.unwrap();
            }
            assert_eq!(store.execution(id(1)).await.unwrap().unwrap(), version(after, after));
            drop(store);
            assert_eq!(machine.keys(), rows, "{before} to {after} bytes");
            assert_eq!(files(&blobs), values, "{before} to {after} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_the_output_that_a_second_attempt_replaces() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let blobs = directory.path().join("blobs");
    let output = |size: usize| {
        let lines = vec![OutputLine { stream: Stream::Stdout, text: "x".repeat(size) }];
        Commit::of([Change::AppendOutput { execution: id(1), sequence: 0, lines }])
    };
    let store = open(&machine, directory.path());
    store.commit(output(10)).await.unwrap();
    drop(store);
    let rows = machine.keys();
    for size in [20_000, 200_000] {
        let store = open(&machine, directory.path());
        store.commit(output(size)).await.unwrap();
        store.commit(output(10)).await.unwrap();
        drop(store);
        assert_eq!(machine.keys(), rows, "{size} bytes");
        assert_eq!(files(&blobs), 0, "{size} bytes");
    }
}
