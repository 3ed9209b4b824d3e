//! The common ground of tests of the whole host: a place for a host, the host in it, the command line, and assertions
//! about answers. `tests/support` has the process and the client below them.
//!
//! A [`Place`] is a directory that is removed at the end; a [`Host`] keeps its data in it, and tests their files.
//! Every wait is bounded, and no process outlives its test. Failures are panics, because this is code of tests.
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
pub use petrel_test_support::{PATIENCE, skip, skip_without};
pub use process::Ended;

/// Calls `look` again and again, until it finds something.
///
/// # Panics
/// When it finds nothing within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    until(what, PATIENCE, || Ok(look())).unwrap()
}

/// The number of files with this ending in a directory, at any depth.
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
