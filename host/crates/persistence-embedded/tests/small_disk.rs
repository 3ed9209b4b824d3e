//! A disk that another process fills to the last byte, with the real engines and the real journal: nothing
//! acknowledged is lost, and whoever opens a store there is told that room is all that it needs.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::{Status, StatusEvent};
use petrel_persistence::{Change, Commit, CommitError, ExecutionFilter, Expect, Store};
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::{EmbeddedStore, Engine, OpenError, Options};
use petrel_store_suite::{at, execution, id};
use tempfile::TempDir;

/// A file system of 24 MiB. It is unmounted when this is dropped.
struct Disk(TempDir);

impl Disk {
    /// `None`, with a word about it, where nothing can be mounted.
    #[expect(clippy::print_stdout, reason = "who reads the output of tests is to know")]
    fn make() -> Option<Self> {
        let directory = TempDir::with_prefix("petrel-disk-").unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=24m", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(directory.path()).output();
        let is_mounted = mounted.is_ok_and(|output| output.status.success());
        let must = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
        assert!(is_mounted || !must, "PETREL_TEST_ALL=1, and no disk can be mounted");
        if !is_mounted {
            println!("SKIPPED: no disk can be mounted");
        }
        is_mounted.then_some(Self(directory))
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }

    /// Takes all that is left.
    fn fill(&self) {
        File::create(self.0.path().join("ballast")).unwrap();
        self.fill_up();
    }

    /// Takes what has become free since.
    fn fill_up(&self) {
        let mut ballast = OpenOptions::new().append(true).open(self.0.path().join("ballast")).unwrap();
        for block in [64 << 10, 1 << 10, 1] {
            while ballast.write_all(&vec![0; block]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Should it fail, the mount stays; there is nothing better to do.
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

fn open(directory: &Path, engine: Engine) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(directory, &Options { engine, reserve_bytes: 0, ..Options::default() })
}

/// Creates an execution with a parameter of so many bytes.
async fn create(store: &EmbeddedStore, n: u64, size: usize) -> Result<(), CommitError> {
    let mut one = execution(n);
    one.parameters = Arc::new([("text".to_owned(), "x".repeat(size).into())].into_iter().collect());
    store.commit(Commit::of([Change::CreateExecution(one)])).await
}

async fn count(store: &EmbeddedStore) -> usize {
    store.executions(&ExecutionFilter::default(), None, 1000).await.unwrap().items.len()
}

#[tokio::test]
async fn a_disk_that_is_filled_under_a_store_takes_in_nothing_and_loses_nothing() {
    for engine in Engine::ALL {
        let Some(disk) = Disk::make() else { return };
        let store = open(&disk.store(), engine).unwrap();
        let mut made = 0;
        create(&store, made, 100).await.unwrap();
        disk.fill();
        loop {
            match create(&store, made + 1, 3000).await {
                Ok(()) => made += 1,
                Err(CommitError::NoRoom(message)) => {
                    assert!(message.contains("free some space"), "{engine}: {message}");
                    break;
                }
                Err(error) => panic!("{engine}: {error}"),
            }
            assert!(made < 900, "{engine}: it never fills");
        }
        assert_eq!(count(&store).await as u64, made + 1, "{engine}: it goes on");
        drop(store);
        disk.free();
        let store = open(&disk.store(), engine).unwrap();
        assert_eq!(count(&store).await as u64, made + 1, "{engine}");
        create(&store, 1000, 3000).await.unwrap();
    }
}

#[tokio::test]
async fn a_large_result_waits_for_room_and_a_large_event_is_refused() {
    for engine in Engine::ALL {
        let Some(disk) = Disk::make() else { return };
        let store = Arc::new(open(&disk.store(), engine).unwrap());
        create(&store, 1, 100).await.unwrap();
        disk.fill();
        let refused = create(&store, 2, 300_000).await;
        assert!(matches!(refused, Err(CommitError::NoRoom(_))), "{engine}: {refused:?}");
        let mut one = execution(1);
        let expect = Expect::ExecutionVersion(one.id, one.version);
        one.apply(StatusEvent::Started, at(9)).unwrap();
        one.result = Some(Arc::new("x".repeat(300_000).into()));
        let ending = tokio::spawn({
            let store = Arc::clone(&store);
            let commit = Commit::of([Change::UpdateExecution(one)]).expecting(expect);
            async move { store.commit(commit).await }
        });
        tokio::time::timeout(Duration::from_secs(1), store.failed()).await.unwrap_err();
        assert!(!ending.is_finished(), "{engine}: it waits");
        disk.free();
        tokio::time::timeout(Duration::from_secs(60), ending).await.unwrap().unwrap().unwrap();
        let stored = store.execution(id(1)).await.unwrap().unwrap();
        assert_eq!(stored.status, Status::Running, "{engine}");
    }
}

#[tokio::test]
async fn who_opens_a_store_on_a_full_disk_is_told_to_free_some_space() {
    for engine in Engine::ALL {
        for is_new in [false, true] {
            let Some(disk) = Disk::make() else { return };
            if !is_new {
                let store = open(&disk.store(), engine).unwrap();
                for n in 1..=200 {
                    create(&store, n, 3000).await.unwrap();
                }
            }
            disk.fill();
            // Some engines can be opened without room.
            for _ in 0..2 {
                let Err(error) = open(&disk.store(), engine) else { continue };
                let message = error.to_string();
                assert!(message.contains("free some space"), "{engine}: {message}");
                assert!(!message.contains("backup"), "{engine}: {message}");
            }
            disk.free();
            let store = open(&disk.store(), engine).unwrap();
            assert_eq!(count(&store).await, if is_new { 0 } else { 200 }, "{engine}");
            create(&store, 1000, 3000).await.unwrap();
        }
    }
}

/// Waits until the store has held back room for its next opening.
async fn is_held_back(disk: &Disk) {
    let until = Instant::now() + Duration::from_secs(60);
    while !disk.store().join("reserve").exists() {
        assert!(Instant::now() < until, "no room is held back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_store_on_a_full_disk_is_opened_with_the_room_that_was_held_back() {
    for engine in Engine::ALL {
        for checks_first in [false, true] {
            let Some(disk) = Disk::make() else { return };
            let store = open(&disk.store(), engine).unwrap();
            for n in 1..=200 {
                create(&store, n, 3000).await.unwrap();
            }
            is_held_back(&disk).await;
            disk.fill();
            drop(store);
            // What the end of the store has given back.
            disk.fill_up();
            if checks_first {
                let options = Options { engine, reserve_bytes: 0, ..Options::default() };
                assert_eq!(check(&disk.store(), &options).unwrap().problem_count, 0, "{engine}");
            }
            for _ in 0..3 {
                let store = open(&disk.store(), engine).unwrap();
                assert_eq!(count(&store).await, 200, "{engine}");
                drop(store);
                // Somebody else takes what has been given up.
                disk.fill_up();
            }
            disk.free();
            let store = open(&disk.store(), engine).unwrap();
            create(&store, 1000, 3000).await.unwrap();
            is_held_back(&disk).await;
        }
    }
}

#[tokio::test]
async fn who_opens_a_store_on_a_read_only_file_system_is_told_to_mount_it_for_writing() {
    for engine in Engine::ALL {
        let Some(disk) = Disk::make() else { return };
        let store = open(&disk.store(), engine).unwrap();
        create(&store, 1, 100).await.unwrap();
        drop(store);
        let remount = |how: &str| {
            let how = format!("remount,{how}");
            // Threads of an engine may hold the file for a moment longer.
            let done = (0..200).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                Command::new("mount").args(["-o", &how]).arg(disk.0.path()).status().unwrap().success()
            });
            assert!(done, "{engine}: {how}");
        };
        remount("ro");
        let message = open(&disk.store(), engine).err().unwrap().to_string();
        assert!(
            message.contains("mount it for writing") && !message.contains("backup"),
            "{engine}: {message}"
        );
        remount("rw");
        assert_eq!(count(&open(&disk.store(), engine).unwrap()).await, 1, "{engine}");
    }
}
