//! The embedded store: the storage interface on an ordered key-value base, durable by itself.
//!
//! ```text
//!  commit() ──encode──▶ rows ──▶ committer thread ──▶ journal: append, sync ──▶ image ──▶ answer
//!                                │  checks what is expected                  │ frozen layer
//!                                └─ queue: versions, who waits, claims       ▼
//!  reads ──▶ image: layers above the base ──▶ base ◀── checkpoint thread: slices, synced
//! ```
//!
//! * [`store`] is the interface, on top of everything else here; [`opening`] brings it up.
//! * [`committer`] is the one thread that commits: it takes what has come in as a group, checks
//!   preconditions, makes the group durable in the [`journal`], shows it to readers and answers.
//! * [`image`] is what readers see: the base with what it does not hold yet above it. [`checkpoint`] is the
//!   thread that brings the base up to date, so that the journal can be cut.
//! * [`rows`] knows how a noun becomes rows; [`keys`] and [`value`] know how rows become bytes;
//!   [`blobs`] keeps what is too large for a row.
//! * [`base`] is the seam to the key-value engine and the engines behind it; [`simulated`] is a machine whose
//!   power can be cut at every write, for tests.
//! * [`archive`] is the form that a store is copied in: [`backup`] writes it from a store that is in use,
//!   [`restore`] makes a store of it. [`check`], [`repair`] and [`compact`] look after a store that nobody uses.
//! * [`watchdog`] ends the process when a thread is stuck.
//! * [`directory`] guards the data directory: one process, a format, a watermark, room on the disk.
//!
//! No type and no key of the engine leaves this crate.

pub mod archive;
pub mod backup;
pub mod base;
mod blobs;
pub mod check;
mod checkpoint;
mod committer;
pub mod compact;
mod directory;
mod image;
pub mod journal;
mod keys;
mod opening;
pub mod repair;
pub mod restore;
mod rows;
pub mod store;
mod value;
mod watchdog;

pub use base::simulated;
pub use base::{Engine, UnknownEngine};
pub use directory::OpenError;
pub use opening::{Opened, Options};
pub use store::EmbeddedStore;
pub use watchdog::OnStuck;
