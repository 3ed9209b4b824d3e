//! The journal: a segment whose frames hold any writes, with checksums that are right, and a store that opens on it. It
//! opens, or says what is wrong; a panic in any of its threads ends the run.
//!
//! The form is at the heads of `journal/frame.rs` and `journal/replay.rs`. The first byte says how: as it is, as one frame,
//! or split into several.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use tempfile::TempDir;

const SEGMENT: u64 = 1;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a directory for the lock"));

fn header() -> Vec<u8> {
    let mut header = b"petrel-journal 1".to_vec();
    header.extend_from_slice(&SEGMENT.to_le_bytes());
    header.extend_from_slice(&1_u64.to_le_bytes());
    let crc = crc32c::crc32c(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

fn frame(sequence: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or_default().to_le_bytes();
    let covered = [&sequence.to_le_bytes()[..], body].concat();
    let crc = crc32c::crc32c_append(
        crc32c::crc32c_append(crc32c::crc32c(&SEGMENT.to_le_bytes()), &length),
        &covered,
    );
    [&length[..], &crc.to_le_bytes()[..], &covered[..]].concat()
}

fuzz_target!(|data: &[u8]| {
    let Some((how, body)) = data.split_first() else { return };
    let mut bytes = header();
    match how % 3 {
        0 => bytes.extend_from_slice(body),
        1 => bytes.extend(frame(1, body)),
        _ => {
            let size = usize::from(*how).max(8);
            body.chunks(size).zip(1..).for_each(|(part, sequence)| bytes.extend(frame(sequence, part)));
        }
    }
    let machine = SimulatedMachine::default().with_segments(BTreeMap::from([(SEGMENT, bytes)]));
    let (base, media) = (Box::new(machine.clone()), Arc::new(machine));
    match EmbeddedStore::open_on(base, media, DIRECTORY.path(), &Options::default()) {
        Ok(store) => drop(store),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
