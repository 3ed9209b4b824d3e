//! A store whose disk or engine no longer answers is detected; one that is idle, busy, or out of space is not.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use petrel_persistence::{Change, Commit, Store};
use petrel_persistence_embedded::base::{Base, BaseError, Entry, Reads, Write};
use petrel_persistence_embedded::journal::media::{Media, Segment};
use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, OnStuck, Options};
use petrel_store_suite::execution;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes to a disk pass through the gate while it is open.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn set(&self, is_shut: bool) {
        *self.0.0.lock().unwrap() = is_shut;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |is_shut| *is_shut).unwrap());
    }
}

/// A machine with a gate before each of its disks.
#[derive(Clone, Default)]
struct Gated {
    machine: SimulatedMachine,
    base: Gate,
    journal: Gate,
}

impl std::fmt::Debug for Gated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gated")
    }
}

impl Reads for Gated {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        self.machine.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        self.machine.range(from, to, reverse, limit)
    }
}

impl Base for Gated {
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
        self.machine.apply(writes)
    }

    fn sync(&self) -> Result<(), BaseError> {
        self.base.pass();
        Base::sync(&self.machine)
    }
}

impl Media for Gated {
    fn list(&self) -> std::io::Result<Vec<u64>> {
        self.machine.list()
    }

    fn read(&self, number: u64) -> std::io::Result<Vec<u8>> {
        self.machine.read(number)
    }

    fn create(&self, number: u64) -> std::io::Result<Box<dyn Segment>> {
        Ok(Box::new(GatedSegment(self.machine.create(number)?, self.journal.clone())))
    }

    fn sync(&self, number: u64) -> std::io::Result<()> {
        Media::sync(&self.machine, number)
    }

    fn remove(&self, number: u64) -> std::io::Result<()> {
        self.machine.remove(number)
    }
}

struct GatedSegment(Box<dyn Segment>, Gate);

impl Segment for GatedSegment {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.1.pass();
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.0.cut(length)
    }
}

/// Opens a store on `machine` that writes everything to the base at once. Returns the reports of its watchdog, too.
fn open(machine: &Gated, directory: &Path) -> (Arc<EmbeddedStore>, Receiver<String>) {
    let (sender, told) = mpsc::channel();
    let on_stuck = OnStuck(Arc::new(move |what| drop(sender.send(what.to_owned()))));
    let options = Options { layer_bytes: 1, stuck_after: LIMIT, on_stuck, ..Options::default() };
    let (base, media) = (Box::new(machine.clone()), Arc::new(machine.clone()));
    (Arc::new(EmbeddedStore::open_on(base, media, directory, &options).unwrap()), told)
}

/// Commits in the background until a commit hangs.
fn commit_on(store: &Arc<EmbeddedStore>) -> tokio::task::JoinHandle<()> {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        for n in 1..50 {
            drop(store.commit(Commit::of([Change::CreateExecution(execution(n))])).await);
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_answer_is_noticed_by_who_waits_for_it() {
    for (is_journal, who) in [
        (true, "the committer has been working on one group of commits"),
        // The committer soon waits for the checkpoint, which does not count.
        (false, "the checkpoint has been working on one slice"),
    ] {
        let (machine, directory) = (Gated::default(), TempDir::new().unwrap());
        let (store, told) = open(&machine, directory.path());
        let gate = if is_journal { machine.journal.clone() } else { machine.base.clone() };
        gate.set(true);
        let commits = commit_on(&store);
        let what = tokio::task::spawn_blocking(move || told.recv_timeout(PATIENCE).unwrap()).await.unwrap();
        assert_eq!(what, who);
        gate.set(false);
        commits.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_works_or_is_idle_is_left_alone() {
    let (machine, directory) = (Gated::default(), TempDir::new().unwrap());
    let (store, told) = open(&machine, directory.path());
    commit_on(&store).await.unwrap();
    let silent = tokio::task::spawn_blocking(move || told.recv_timeout(4 * LIMIT).is_err()).await.unwrap();
    assert!(silent);
}
