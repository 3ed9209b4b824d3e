//! What must hold of the repository itself: which crates and which files import each other, how sources look,
//! and that documents say what is true.

#![expect(clippy::unwrap_used, reason = "tests")]

mod circles;
mod contract;
mod dependencies;
mod documents;
mod sources;

use petrel_architecture::TextFile;

/// The sources of Rust.
fn sources() -> Vec<TextFile> {
    let mut files = petrel_architecture::text_files().unwrap();
    files.retain(|file| file.ends_with(".rs"));
    files
}

/// Lists everything that is wrong at once, a line each.
#[track_caller]
fn assert_none(wrong: &[String], remedy: &str) {
    assert!(wrong.is_empty(), "{remedy}:\n{}", wrong.join("\n"));
}
