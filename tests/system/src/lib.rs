//! What tests of the whole host need: a place for a host, the host in it, the command line, answers to speak of. The
//! process and the client below them are those of `tests/support`.
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

use petrel_test_support::until;

mod host;
mod http;
mod process;

pub use host::{Host, Place};
pub use http::Answer;
pub use petrel_test_support::{PATIENCE, skip};
pub use process::Ended;

/// Looks again and again, until `look` finds something.
///
/// # Panics
/// When it does not in [`PATIENCE`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    until(what, PATIENCE, || Ok(look())).unwrap()
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
