//! Damaged and unfinished journals: a torn end had not been acknowledged and is left out; any other missing part is
//! refused by name, and never ignored.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use petrel_persistence::{Change, Commit, ExecutionFilter, Store};
use petrel_persistence_embedded::simulated::{Loss, SimulatedMachine};
use petrel_persistence_embedded::{EmbeddedStore, OpenError, Options};
use petrel_store_suite::{execution, id};
use tempfile::TempDir;

/// Number of recorded executions.
const RECORDED: u64 = 3;

fn open(machine: &SimulatedMachine, directory: &Path, options: &Options) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open_on(Box::new(machine.clone()), Arc::new(machine.clone()), directory, options)
}

async fn create(store: &EmbeddedStore, n: u64) {
    store.commit(Commit::of([Change::CreateExecution(execution(n))])).await.unwrap();
}

async fn count(store: &EmbeddedStore) -> usize {
    store.executions(&ExecutionFilter::default(), None, 100).await.unwrap().items.len()
}

/// A journal of one segment of which nothing has reached the base, as a killed process leaves it, with its length after
/// each commit.
async fn recorded() -> (SimulatedMachine, u64, Vec<usize>) {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let store = open(&machine, directory.path(), &Options::default()).unwrap();
    let mut ends = vec![segment(&machine).1.len()];
    for n in 1..=RECORDED {
        create(&store, n).await;
        ends.push(segment(&machine).1.len());
    }
    let killed = machine.with_segments(machine.segments());
    drop(store);
    let number = segment(&killed).0;
    (killed, number, ends)
}

fn segment(machine: &SimulatedMachine) -> (u64, Vec<u8>) {
    machine.segments().into_iter().next().unwrap()
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_recovers_what_is_whole_and_goes_on() {
    let (killed, number, ends) = recorded().await;
    let bytes = segment(&killed).1;
    for length in 0..=bytes.len() {
        let cut = killed.with_segments(BTreeMap::from([(number, bytes[..length].to_vec())]));
        let directory = TempDir::new().unwrap();
        let store = open(&cut, directory.path(), &Options::default()).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count().saturating_sub(1);
        assert_eq!(count(&store).await, whole, "cut to {length} bytes");
        if length % 16 != 0 && !ends.contains(&length) {
            continue;
        }
        create(&store, 100).await;
        let killed_again = cut.with_segments(cut.segments());
        drop(store);
        for left in [cut, killed_again] {
            let store = open(&left, directory.path(), &Options::default()).unwrap();
            assert_eq!(count(&store).await, whole + 1, "cut to {length} bytes, then one more");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_of_any_byte_is_refused_unless_it_is_in_the_last_group() {
    let (killed, number, ends) = recorded().await;
    let bytes = segment(&killed).1;
    let last_but_one = ends[ends.len() - 2];
    for bit in (0..bytes.len()).map(|byte| byte * 8 + byte % 8) {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let machine = killed.with_segments(BTreeMap::from([(number, damaged)]));
        let directory = TempDir::new().unwrap();
        let opened = open(&machine, directory.path(), &Options::default());
        if bit / 8 < last_but_one {
            let message = opened.err().unwrap().to_string();
            let expected =
                ["cannot be opened: the journal is damaged: ", "restore from a backup", "--accept-loss"];
            assert!(expected.iter().all(|part| message.contains(part)), "bit {bit}: {message}");
        } else {
            // It looks the same as a write during which the power was cut.
            let store = opened.unwrap();
            assert!(store.opened().is_torn, "bit {bit}");
            assert_eq!(count(&store).await, ends.len() - 2, "bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_missing_segment_is_refused_and_can_be_accepted() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let (first, ..) = recorded().await;
    // The same store, opened again, which adds a second segment.
    let store = open(&first, directory.path(), &Options::default()).unwrap();
    create(&store, 100).await;
    let mut segments = first.segments();
    drop(store);
    assert_eq!(segments.len(), 2);
    segments.pop_first();
    let broken = machine.with_segments(segments);
    let message =
        open(&broken, TempDir::new().unwrap().path(), &Options::default()).err().unwrap().to_string();
    assert!(message.contains("after group 0 comes group 5"), "{message}");
    let options = Options { accept_loss: true, ..Options::default() };
    let other = TempDir::new().unwrap();
    let store = open(&broken, other.path(), &options).unwrap();
    let lost = "the groups of commits 1 to 4, 4 in all: how many rows they changed is not known; what all others wrote";
    assert!(matches!(&store.opened().lost[..], [told] if told.starts_with(lost)), "{:?}", store.opened());
    drop(store);
    // The remainder is a valid store.
    let store = open(&broken, other.path(), &Options::default()).unwrap();
    create(&store, 3).await;
    assert_eq!(count(&store).await, 2, "what follows the gap, and what is new");
}

#[tokio::test]
async fn a_checkpoint_that_is_cut_at_any_write_loses_nothing() {
    for loss in Loss::ALL {
        let mut step = 0;
        loop {
            step += 1;
            let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
            let options = Options { layer_bytes: 1, ..Options::default() };
            let store = open(&machine, directory.path(), &options).unwrap();
            machine.cut_power_at(step, loss);
            let mut acknowledged = 0;
            for n in 1..=RECORDED {
                let made = store.commit(Commit::of([Change::CreateExecution(execution(n))])).await;
                acknowledged += usize::from(made.is_ok());
            }
            drop(store);
            let was_cut = machine.restart();
            let store = open(&machine, directory.path(), &options).unwrap();
            let found = count(&store).await;
            assert!(found >= acknowledged, "power cut at write {step}, {loss:?}: {found} of {acknowledged}");
            for n in 1..=found {
                let stored = store.execution(id(n as u64)).await.unwrap();
                assert_eq!(stored, Some(execution(n as u64)), "power cut at write {step}, {loss:?}");
            }
            if !was_cut {
                assert!(step > 20, "it was over after {step} writes");
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_a_killed_process_had_not_synced_is_not_built_on_before_it_is() {
    let (machine, directory) = (SimulatedMachine::default(), TempDir::new().unwrap());
    let store = open(&machine, directory.path(), &Options::default()).unwrap();
    // Killed between the write and the sync of a group: the frame is in the file, but not yet on the disk.
    machine.cut_power_at(2, Loss::Unsynced);
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap_err();
    let killed = machine.killed();
    drop(store);
    let store = open(&killed, directory.path(), &Options::default()).unwrap();
    assert_eq!(count(&store).await, 1, "it was read");
    create(&store, 2).await;
    // Then the power is cut.
    killed.cut_power_at(1, Loss::Unsynced);
    store.commit(Commit::of([Change::CreateExecution(execution(3))])).await.unwrap_err();
    drop(store);
    killed.restart();
    let store = open(&killed, directory.path(), &Options::default()).unwrap();
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_store_without_a_journal_is_taken_over() {
    let directory = TempDir::new().unwrap();
    let open = || EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    let store = open();
    create(&store, 1).await;
    drop(store);
    // As left by the version before the journal.
    fs::remove_dir_all(directory.path().join("journal")).unwrap();
    fs::write(directory.path().join("format"), "petrel-store 1\n").unwrap();
    let store = open();
    create(&store, 2).await;
    assert_eq!(count(&store).await, 2);
    let format = fs::read_to_string(directory.path().join("format")).unwrap();
    assert_eq!(format, "petrel-store 2\nengine sled\n");
}

#[tokio::test]
async fn a_process_that_was_killed_while_it_opened_the_engine_is_in_nobodys_way() {
    let directory = TempDir::new().unwrap();
    // Killed during the first opening.
    fs::create_dir(directory.path().join("sled")).unwrap();
    fs::write(directory.path().join("sled/conf"), "half").unwrap();
    let open = || EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    let store = open();
    create(&store, 1).await;
    drop(store);
    // Killed while a later process wrote its snapshot.
    fs::write(directory.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating"), "half").unwrap();
    assert_eq!(count(&open()).await, 1);
}

#[tokio::test]
async fn segments_are_dropped_and_used_again() {
    let directory = TempDir::new().unwrap();
    let options = Options { layer_bytes: 1, ..Options::default() };
    let store = EmbeddedStore::open(directory.path(), &options).unwrap();
    for n in 1..=50 {
        create(&store, n).await;
    }
    drop(store);
    let files: Vec<_> = fs::read_dir(directory.path().join("journal"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert!(files.len() <= 2, "the one that is written, and a spare: {files:?}");
    let store = EmbeddedStore::open(directory.path(), &options).unwrap();
    assert_eq!((count(&store).await, store.opened().replayed), (50, 0));
}
