//! Tests of the pack runtime with real components: those of `tests/components`, which misbehave on purpose, and those
//! of the bundled packs.
//!
//! One binary, since each one links wasmtime.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod asking;
mod cache;
mod calls;
mod description;
mod escape;
mod limits;
mod metadata;
mod requests;
mod sandbox;
mod sensors;
mod serving;
mod support;
mod worlds;
