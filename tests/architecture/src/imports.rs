//! Which file of a crate imports which. It is read from the sources alone: each file's text becomes a
//! [`Source`](source::Source), and the names in it are followed to the file that defines them (`names.rs`).
//! Which of these imports form a circle is said by `circles.rs` beside this file.
//!
//! What counts is what a reader of a file has to know of another one:
//!
//! - An import, or a path in the code, is an edge to the file that *defines* the name, whatever re-exports it.
//! - `mod child;` is no edge, and neither is a module that is imported: what is taken out of it is one.
//! - `pub use child::Name` is an edge only if the file uses `Name` itself.
//! - Documentation and tests (`#[cfg(test)]`) do not count: they may name what they like.
//!
//! Not seen are methods that are called on a value, since their type has to be known to say where they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::TextFile;

mod names;
mod source;
#[cfg(test)]
mod tests;
mod tree;

/// Why the imports of a crate cannot be said.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// The file is not Rust, as far as its tokens go.
    NotRust {
        /// The file.
        file: String,
        /// What the tokenizer says.
        reason: String,
    },
    /// A module has no file where one is looked for.
    NoFile {
        /// The file with the declaration, or none for the root of a crate.
        declared_in: String,
        /// The name of the module.
        module: String,
    },
}

/// Who imports whom, among the files of one crate.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imports {
    /// Every file that the crate is made of, those of its tests too.
    pub files: BTreeSet<String>,
    /// The names by which the first file needs the second.
    pub edges: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Imports {
    /// Reads the crate that begins with the file `root` (`lib.rs` or `main.rs`) out of `files`.
    ///
    /// # Errors
    /// When a file cannot be read as Rust, or is not there.
    pub fn read(root: &str, files: &[TextFile]) -> Result<Self, Unread> {
        let texts = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
        let names = names::Names(tree::read(root, &texts)?);
        Ok(Self { files: names.files(), edges: names.edges() })
    }
}
