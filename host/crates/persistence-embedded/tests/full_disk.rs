//! A disk without space for the journal: for a new segment, or for a frame. No acknowledged commit is lost, and work
//! continues once there is space. A base without space is tested in `src/checkpoint.rs`.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use petrel_model::{Status, StatusEvent};
use petrel_persistence::{Change, Commit, CommitError, DocumentKey, ExecutionFilter, Expect, Store};
use petrel_persistence_embedded::journal::media::{Media, Segment};
use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{at, execution, id, rule};
use tempfile::TempDir;

/// A medium of the journal that can refuse new segments or frames for lack of space.
#[derive(Debug, Clone, Default)]
struct Disk {
    machine: SimulatedMachine,
    no_segments: Arc<AtomicBool>,
    no_frames: Arc<AtomicBool>,
    /// For the first half of each.
    half_frames: Arc<AtomicBool>,
    /// The largest segment, in bytes. Any if 0.
    largest: Arc<AtomicU64>,
}

/// What is said of a file that is as large as `ulimit -f` lets it be.
const EFBIG: i32 = 27;

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
        Ok(Box::new(OnDisk(self.machine.create(number)?, self.clone())))
    }

    fn sync(&self, number: u64) -> io::Result<()> {
        Media::sync(&self.machine, number)
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        self.machine.remove(number)
    }
}

struct OnDisk(Box<dyn Segment>, Disk);

impl Segment for OnDisk {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        full(&self.1.no_frames)?;
        if self.1.half_frames.load(Ordering::SeqCst) {
            self.0.write_at(bytes.split_at(bytes.len() / 2).0, offset)?;
        }
        full(&self.1.half_frames)?;
        let largest = self.1.largest.load(Ordering::SeqCst);
        if largest > 0 && offset + bytes.len() as u64 > largest {
            return Err(io::Error::from_raw_os_error(EFBIG));
        }
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
async fn a_loss_that_was_accepted_is_told_by_the_first_opening_that_succeeds() {
    let directory = TempDir::new().unwrap();
    let store = open(&Disk::default(), directory.path());
    create(&store, 1).await.unwrap();
    drop(store);
    // All is lost but the watermark, and there is no room.
    let disk = Disk::default();
    let options = Options { accept_loss: true, ..Options::default() };
    let lost = || {
        let (base, media) = (Box::new(disk.machine.clone()), Arc::new(disk.clone()));
        EmbeddedStore::open_on(base, media, directory.path(), &options)
            .map(|store| store.opened().lost.clone())
    };
    disk.no_segments.store(true, Ordering::SeqCst);
    assert!(lost().is_err());
    disk.no_segments.store(false, Ordering::SeqCst);
    let told = lost().unwrap();
    assert!(matches!(&told[..], [one] if one.contains("groups of commits 1 to 2, 2 in all")), "{told:?}");
    assert_eq!(lost().unwrap(), Vec::<String>::new(), "it is told once");
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

/// The execution `n` after it has started, and what that expects.
fn started(n: u64) -> Commit {
    let mut one = execution(n);
    let expect = Expect::ExecutionVersion(one.id, one.version);
    one.apply(StatusEvent::Started, at(9)).unwrap();
    Commit::of([Change::UpdateExecution(one)]).expecting(expect)
}

#[tokio::test]
async fn without_room_for_a_frame_what_is_new_is_refused_and_what_ends_waits() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    let store = Arc::new(open(&disk, directory.path()));
    create(&store, 1).await.unwrap();
    disk.no_frames.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let refused = create(&store, 2).await;
        let Err(CommitError::NoRoom(message)) = refused else { panic!("{refused:?}") };
        assert!(message.contains("free some space"), "{message}");
    }
    let ending = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(started(1)).await }
    });
    tokio::time::timeout(Duration::from_secs(2), store.failed()).await.unwrap_err();
    assert!(!ending.is_finished(), "it waits");
    disk.no_frames.store(false, Ordering::SeqCst);
    tokio::time::timeout(Duration::from_secs(60), ending).await.unwrap().unwrap().unwrap();
    let again = store.commit(started(1)).await;
    assert!(matches!(again, Err(CommitError::Conflict(_))), "it has been made: {again:?}");
    create(&store, 2).await.unwrap();
    drop(Arc::into_inner(store).unwrap());
    let store = open(&disk, directory.path());
    assert_eq!(count(&store).await, 2);
    assert_eq!(store.execution(id(1)).await.unwrap().unwrap().status, Status::Running);
}

#[tokio::test]
async fn a_refused_commit_leaves_what_it_expected_as_it_was() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    let store = open(&disk, directory.path());
    let new = || {
        Commit::of([Change::put(rule(1, "pack.new"))])
            .expecting(Expect::RuleAbsent(rule(1, "pack.new").reference))
    };
    disk.no_frames.store(true, Ordering::SeqCst);
    let refused = store.commit(new()).await;
    assert!(matches!(refused, Err(CommitError::NoRoom(_))), "{refused:?}");
    disk.no_frames.store(false, Ordering::SeqCst);
    store.commit(new()).await.unwrap();
    let again = store.commit(new()).await;
    assert!(matches!(again, Err(CommitError::Conflict(_))), "{again:?}");
    // What expects nothing is taken back as well.
    disk.no_frames.store(true, Ordering::SeqCst);
    let refused = store.commit(Commit::of([Change::put(rule(2, "pack.new"))])).await;
    assert!(matches!(refused, Err(CommitError::NoRoom(_))), "{refused:?}");
    disk.no_frames.store(false, Ordering::SeqCst);
    let first = rule(1, "pack.new");
    let still = Expect::RuleIs(first.reference.clone(), first.id);
    store.commit(Commit::of([Change::put(first)]).expecting(still)).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_waits_for_room_keeps_its_turn_and_what_is_new_does_not_wait_behind_it() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    let store = Arc::new(open(&disk, directory.path()));
    let put = || Commit::of([Change::put(rule(1, "pack.rule"))]);
    store.commit(put()).await.unwrap();
    disk.no_frames.store(true, Ordering::SeqCst);
    let deleting = tokio::spawn({
        let (store, key) = (Arc::clone(&store), DocumentKey::Rule(rule(1, "pack.rule").reference));
        async move { store.commit(Commit::of([Change::Delete(key)])).await }
    });
    for _ in 0..1000 {
        if store.figures().unwritten == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.figures().unwritten, 1, "it waits");
    for is_asked_for in [true, false] {
        if !is_asked_for {
            // The commit is on its way all the same.
            deleting.abort();
            while !deleting.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        let refused = tokio::time::timeout(Duration::from_secs(60), store.commit(put())).await.unwrap();
        let Err(CommitError::NoRoom(message)) = refused else { panic!("{refused:?}") };
        assert!(message.contains("wait for room already"), "{is_asked_for}: {message}");
    }
    disk.no_frames.store(false, Ordering::SeqCst);
    // By now, or as soon as the deletion is made.
    let mut made = store.commit(put()).await;
    for _ in 0..1000 {
        if made.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        made = store.commit(put()).await;
    }
    made.unwrap();
    assert!(
        store.document(&DocumentKey::Rule(rule(1, "pack.rule").reference)).await.unwrap().is_some(),
        "it is not deleted after that"
    );
}

#[tokio::test]
async fn half_a_frame_that_found_no_room_is_no_damage() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    let store = open(&disk, directory.path());
    create(&store, 1).await.unwrap();
    disk.half_frames.store(true, Ordering::SeqCst);
    let mut large = execution(2);
    large.parameters = Arc::new([("text".to_owned(), "x".repeat(3000).into())].into_iter().collect());
    let refused = store.commit(Commit::of([Change::CreateExecution(large)])).await;
    assert!(matches!(refused, Err(CommitError::NoRoom(_))), "{refused:?}");
    // As a kill leaves it, with the torn frame at the end and with a smaller one over its beginning.
    let torn = Disk { machine: disk.machine.killed(), ..Disk::default() };
    assert_eq!(count(&open(&torn, TempDir::new().unwrap().path())).await, 1);
    disk.half_frames.store(false, Ordering::SeqCst);
    create(&store, 3).await.unwrap();
    let killed = Disk { machine: disk.machine.killed(), ..Disk::default() };
    assert_eq!(count(&open(&killed, TempDir::new().unwrap().path())).await, 2);
}

#[tokio::test]
async fn a_segment_that_may_grow_no_larger_is_followed_by_another() {
    let (disk, directory) = (Disk::default(), TempDir::new().unwrap());
    // By themselves so few rows begin no other segment.
    let options = Options { layer_age: Duration::from_secs(3600), ..Options::default() };
    let (base, media) = (Box::new(disk.machine.clone()), Arc::new(disk.clone()));
    let store = EmbeddedStore::open_on(base, media, directory.path(), &options).unwrap();
    disk.largest.store(16 << 10, Ordering::SeqCst);
    let mut refusals = 0;
    for n in 1..=100 {
        while let Err(refused) = create(&store, n).await {
            let CommitError::NoRoom(message) = refused else { panic!("{refused}") };
            assert!(message.contains("ulimit -f"), "{message}");
            refusals += 1;
            assert!(refusals < 3000, "it never goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(refusals > 0, "it was never too large");
    drop(store);
    assert_eq!(count(&open(&disk, directory.path())).await, 100);
}
