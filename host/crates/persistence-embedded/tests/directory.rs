//! Data directories that are refused, with a remedy; and a store without free space or after a failure.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use petrel_model::Id;
use petrel_persistence::{Change, Commit, CommitError, Expect, Store};
use petrel_persistence_embedded::simulated::{Loss, SimulatedMachine};
use petrel_persistence_embedded::{EmbeddedStore, Engine, OpenError, Options};
use petrel_store_suite::{at, execution, id};
use tempfile::TempDir;

fn open(directory: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(directory, &Options::default())
}

fn refusal(directory: &Path) -> String {
    open(directory).err().unwrap().to_string()
}

#[test]
fn a_directory_belongs_to_one_process_at_a_time() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let message = refusal(directory.path());
    assert!(message.contains(&format!("is in use by process {}", std::process::id())), "{message}");
    assert!(message.contains("--data-dir"), "{message}");
    drop(store);
    open(directory.path()).unwrap();
}

#[test]
fn a_newer_or_foreign_store_is_left_alone() {
    let directory = TempDir::new().unwrap();
    for (text, expected) in [
        ("petrel-store 3\n", "has format 3, and this version of petrel reads formats up to 2"),
        ("something else\n", "is not a store of petrel"),
        ("petrel-store 2\nengine other\n", "is not a store of petrel"),
        (
            "petrel-store 2\nengine redb\n",
            "is kept by the engine redb, and the setting store.engine asks for sled; set it to \"redb\"",
        ),
    ] {
        fs::write(directory.path().join("format"), text).unwrap();
        let message = refusal(directory.path());
        assert!(message.contains(expected), "{message}");
        assert!(!directory.path().join("sled").exists(), "nothing is touched");
    }
}

#[tokio::test]
async fn a_store_whose_format_was_deleted_is_left_alone() {
    for engine in Engine::ALL {
        let directory = TempDir::new().unwrap();
        let options = Options { engine, ..Options::default() };
        let store = EmbeddedStore::open(directory.path(), &options).unwrap();
        store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
        drop(store);
        let format = directory.path().join("format");
        let lines = fs::read(&format).unwrap();
        fs::remove_file(&format).unwrap();
        for options in [options.clone(), Options { accept_loss: true, ..options.clone() }] {
            let message = EmbeddedStore::open(directory.path(), &options).err().unwrap().to_string();
            let line = format!("`engine {engine}`");
            assert!(message.contains("format is missing") && message.contains(&line), "{message}");
        }
        fs::write(&format, lines).unwrap();
        let store = EmbeddedStore::open(directory.path(), &options).unwrap();
        assert!(store.execution(id(1)).await.unwrap().is_some(), "{engine}");
    }
}

#[tokio::test]
async fn a_store_that_has_lost_what_it_acknowledged_says_so() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
    drop(store);
    // The disk reverts everything but the watermark to an older state.
    fs::remove_dir_all(directory.path().join("sled")).unwrap();
    fs::remove_dir_all(directory.path().join("journal")).unwrap();
    let message = refusal(directory.path());
    assert!(message.contains("ends at commit 0, but commit 2 was acknowledged"), "{message}");
    assert!(message.contains("--accept-loss"), "{message}");
    let options = Options { accept_loss: true, ..Options::default() };
    let store = EmbeddedStore::open(directory.path(), &options).unwrap();
    let lost = &store.opened().lost;
    assert!(matches!(&lost[..], [told] if told.contains("groups of commits 1 to 2, 2 in all")), "{lost:?}");
    assert_eq!(store.execution(id(1)).await.unwrap(), None);
    drop(store);
    // From here on the store is consistent again.
    assert_eq!(EmbeddedStore::open(directory.path(), &options).unwrap().opened().lost, Vec::<String>::new());
}

#[tokio::test]
async fn without_room_nothing_new_is_taken_in_and_what_began_may_end() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
    drop(store);

    let options = Options { reserve_bytes: u64::MAX, ..Options::default() };
    let store = EmbeddedStore::open(directory.path(), &options).unwrap();
    let refused = store.commit(Commit::of([Change::CreateExecution(execution(2))])).await;
    let Err(CommitError::NoRoom(message)) = refused else { panic!("{refused:?}") };
    assert!(message.contains("is full") && message.contains("free some space"), "{message}");
    let mut first = execution(1);
    let expect = Expect::ExecutionVersion(first.id, first.version);
    first.apply(petrel_model::StatusEvent::Started, at(9)).unwrap();
    store.commit(Commit::of([Change::UpdateExecution(first)]).expecting(expect)).await.unwrap();
}

#[tokio::test]
async fn after_a_failure_nothing_is_answered_as_done() {
    let directory = TempDir::new().unwrap();
    let machine = SimulatedMachine::default();
    let (base, media) = (Box::new(machine.clone()), Arc::new(machine.clone()));
    let store = EmbeddedStore::open_on(base, media, directory.path(), &Options::default()).unwrap();
    machine.cut_power_at(1, Loss::Unsynced);
    for n in 1..=2 {
        let failed = store.commit(Commit::of([Change::CreateExecution(execution(n))])).await;
        assert!(matches!(failed, Err(CommitError::Store(_))), "{failed:?}");
    }
    let told = tokio::time::timeout(Duration::from_secs(60), store.failed()).await.unwrap();
    assert!(told.to_string().contains("the power was cut"), "{told}");
}

#[tokio::test]
async fn a_damaged_blob_is_noticed() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let mut large = execution(1);
    large.parameters = Arc::new([("cmd".to_owned(), "x".repeat(100_000).into())].into_iter().collect());
    store.commit(Commit::of([Change::CreateExecution(large)])).await.unwrap();
    let shelf = fs::read_dir(directory.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
    let blob = fs::read_dir(shelf).unwrap().next().unwrap().unwrap().path();
    fs::write(&blob, "something else").unwrap();
    let message = store.execution(id(1)).await.unwrap_err().to_string();
    assert!(
        message.contains(&format!("execution {} cannot be read", id::<Id>(1)))
            && message.contains("its content does not match its name")
            && message.contains("`petrel store check --repair`"),
        "{message}"
    );
}
