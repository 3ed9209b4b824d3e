//! A disk without space for the journal: for a new segment, or for a frame. No acknowledged commit is lost, and work
//! continues once there is space. A base without space is tested in `src/checkpoint.rs`.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use petrel_persistence::{Change, Commit, CommitError, ExecutionFilter, Store};
use petrel_persistence_embedded::journal::media::{Media, Segment};
use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::execution;
use tempfile::TempDir;

/// A medium of the journal that can refuse new segments or frames for lack of space.
#[derive(Debug, Clone, Default)]
struct Disk {
    machine: SimulatedMachine,
    no_segments: Arc<AtomicBool>,
    no_frames: Arc<AtomicBool>,
}

fn full(is_full: &AtomicBool) -> io::Result<()> {
    if is_full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Media for Disk {
    fn list(&self) -> io::Result<Vec<u64>> {
        self.machine.list()
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        self.machine.read(number)
    }

    fn create(&self, number: u64) -> io::Result<Box<dyn Segment>> {
        full(&self.no_segments)?;
        Ok(Box::new(OnDisk(self.machine.create(number)?, Arc::clone(&self.no_frames))))
    }

    fn sync(&self, number: u64) -> io::Result<()> {
        Media::sync(&self.machine, number)
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        self.machine.remove(number)
    }
}

struct OnDisk(Box<dyn Segment>, Arc<AtomicBool>);

impl Segment for OnDisk {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        full(&self.1)?;
        self.0.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }
}

/// Opens a store with a layer so small that every commit needs a checkpoint and a new segment.
fn open(disk: &Disk, directory: &Path) -> EmbeddedStore {
    let options = Options { layer_bytes: 1, ..Options::default() };
    EmbeddedStore::open_on(Box::new(disk.machine.clone()), Arc::new(disk.clone()), directory, &options)
        .unwrap()
}

async fn create(store: &EmbeddedStore, n: u64) -> Result<(), CommitError> {
    store.commit(Commit::of([Change::CreateExecution(execution(n))])).await
}

async fn count(store: &EmbeddedStore) -> usize {
    store.executions(&ExecutionFilter::default(), None, 100).await.unwrap().items.len()
}

#[tokio::test]
async fn without_room_for_a_new_segment_the_old_one_goes_on() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    let store = open(&disk, directory.path());
    create(&store, 1).await.unwrap();
    disk.no_segments.store(true, Ordering::SeqCst);
    for n in 2..=5 {
        create(&store, n).await.unwrap();
    }
    // As a kill leaves it.
    let killed = Disk { machine: disk.machine.killed(), ..Disk::default() };
    assert_eq!(count(&open(&killed, TempDir::new().unwrap().path())).await, 5);
    disk.no_segments.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    create(&store, 6).await.unwrap();
    drop(store);
    assert_eq!(count(&open(&disk, directory.path())).await, 6);
}

#[tokio::test]
async fn without_room_for_a_frame_its_commit_is_refused_and_no_other_is_lost() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    let store = open(&disk, directory.path());
    create(&store, 1).await.unwrap();
    disk.no_frames.store(true, Ordering::SeqCst);
    let error = create(&store, 2).await.unwrap_err().to_string();
    assert!(error.contains("the journal cannot be written"), "{error}");
    let told = tokio::time::timeout(Duration::from_secs(5), store.failed()).await.unwrap();
    assert!(told.to_string().contains("the journal cannot be written"), "{told}");
    drop(store);
    disk.no_frames.store(false, Ordering::SeqCst);
    let store = open(&disk, directory.path());
    assert_eq!(count(&store).await, 1);
    create(&store, 2).await.unwrap();
}
