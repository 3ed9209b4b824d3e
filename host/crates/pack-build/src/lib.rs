//! Packs from their sources: new ones from templates, and components that the tools of their languages build.
//!
//! Reading order: [`Language`] is known by the sources in a pack's directory `component`. [`template`] makes a new pack,
//! [`library`] lays out what its sources are built against, that is the WIT and the SDK of this program. [`building`] calls the
//! language's own tool, which `tool` finds, and [`adapt`] makes a component of a core module, with `room` for what it adds.
//! [`watch`] notices changes.
//!
//! This crate runs no component: `petrel_pack_runtime` does.

pub mod adapt;
pub mod building;
mod error;
mod language;
pub mod library;
pub mod places;
mod room;
mod sources;
pub mod template;
mod tool;
pub mod watch;

pub use building::build;
pub use error::Error;
pub use language::Language;
