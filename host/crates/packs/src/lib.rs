//! Packs: reading them, checking them, and writing the metadata of their actions.
//!
//! [`read_pack`] reads a whole pack from a [`Source`], a directory or files inside the binary, and tells
//! every problem at once, with file, line and column. Beneath it: the YAML 1.1 that packs are written in is
//! `petrel_yaml`, [`definition`] the readers of the single files, [`schema`] the check of parameter schemas,
//! `nearest.rs` the "did you mean" of them all. [`limits`] says how much is read, and [`plain_file`] reads
//! nothing but plain files. [`write`](mod@write) goes the other way.
//!
//! Neither components nor processes are known here: see `petrel_pack_runtime` and `petrel_runners`.

mod advice;
pub mod definition;
mod fields;
pub mod limits;
mod nearest;
pub mod plain_file;
pub mod problem;
pub mod read;
mod references;
pub mod schema;
pub mod source;
pub mod write;

pub use definition::{Component, PackDefinition, RuleDefinition};
pub use problem::Problem;
pub use read::{PackContents, read_pack};
pub use source::{Directory, Embedded, Source};
pub use write::{write_action_metadata, write_yaml};
