//! Packs: reads and checks them, and writes the metadata of their actions.
//!
//! [`read_pack`] reads a whole pack from a [`Source`], a directory or files inside the binary, and reports all
//! problems at once, with file, line and column. `petrel_yaml` parses the YAML 1.1 in which packs are written.
//! [`definition`] has the parsers of the single files, [`schema`] the check of parameter schemas, and
//! `suggestion` proposes corrections. [`limits`] bounds what is read, and [`plain_file`] reads regular
//! files only. [`write`](mod@write) goes the other way.
//!
//! This crate knows neither components nor processes: see `petrel_pack_runtime` and `petrel_runners`.

mod advice;
pub mod definition;
mod fields;
pub mod limits;
pub mod plain_file;
pub mod problem;
pub mod questions;
pub mod read;
mod references;
pub mod schema;
pub mod source;
mod suggestion;
pub mod write;

pub use definition::{Component, PackDefinition, PolicyDefinition, RuleDefinition, SensorDefinition};
pub use problem::Problem;
pub use read::{PackContents, read_pack};
pub use source::{Directory, Embedded, Source};
pub use write::{write_action_metadata, write_yaml};
