//! What tests of the whole host need: a place for a host, the host as a process, the command line, HTTP.
//!
//! A [`Place`] is a directory that is removed at the end; in it a [`Host`] keeps its data, and tests keep
//! their files. Everything waits for a bounded time, and no process outlives its test. What goes wrong
//! here is a panic: these are tests.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "this is code of tests"
)]

use std::path::Path;
use std::time::{Duration, Instant};

mod host;
mod http;
mod process;

pub use host::{Host, Place};
pub use http::Answer;
pub use process::Ended;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again, until `look` finds something.
///
/// # Panics
/// When it does not in [`PATIENCE`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many files with this ending there are in a directory, at any depth.
pub fn count_files(directory: &Path, ending: &str) -> usize {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let counted = entries.map(|path| {
        if path.is_dir() {
            return count_files(&path, ending);
        }
        usize::from(path.extension().is_some_and(|found| found == ending))
    });
    counted.sum()
}

/// Asserts that `text` holds every one of `parts`.
#[track_caller]
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// Says why a test cannot run here; where all tests must run, that is a failure.
///
/// # Panics
/// With `PETREL_TEST_ALL=1`.
#[expect(clippy::print_stdout, reason = "who reads the output of tests is to know")]
pub fn skip(why: &str) {
    let must = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
    assert!(!must, "PETREL_TEST_ALL=1, and this test cannot run: {why}");
    println!("SKIPPED: {why}");
}
