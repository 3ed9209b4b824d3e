//! Tests of the pack runtime with real components: those of `tests/components`, which do what components
//! should not, and those that ship.
//!
//! One binary, since each one links wasmtime.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod cache;
mod calls;
mod description;
mod limits;
mod metadata;
mod sandbox;
mod support;
mod worlds;
