//! The embedded store: the storage interface on top of an ordered key-value engine, with a journal for durability.
//!
//! ```text
//!  commit() ──encode──▶ rows ──▶ committer thread ──▶ journal: append, sync ──▶ image ──▶ answer
//!                                │  checks what is expected                  │ frozen layer
//!                                └─ queue: versions, who waits, claims       ▼
//!  reads ──▶ image: layers above the base ──▶ base ◀── checkpoint thread: slices, synced
//! ```
//!
//! * [`store`] implements the interface on top of everything else here; [`opening`] starts it.
//! * [`committer`] is the one thread that commits: it takes waiting commits as a group, checks preconditions, makes the
//!   group durable in the [`journal`], shows it to readers and answers.
//! * [`image`] has the rows that readers see: those of the base, and above them those that it does not have yet.
//!   [`checkpoint`] is the thread that brings the base up to date, so that the journal can be shortened.
//! * [`rows`] converts between nouns and rows; [`keys`] and [`value`] encode rows as bytes; [`blobs`] stores values
//!   that are too large for a row.
//!   [`sealing`] encrypts rows that hold secrets.
//! * [`base`] has the trait of the key-value engines and its implementations; [`simulated`] is a machine whose power
//!   can be cut at every write, for tests.
//! * [`archive`] is the format of a copy: [`backup`] writes it from a store in use, [`restore`] creates a store from
//!   it. [`check`], [`repair`] and [`compact`] maintain a store that no process uses.
//! * [`watchdog`] ends the process if a thread is stuck.
//! * [`directory`] manages the data directory: lock, format and watermark. [`room`] is the free space, [`reserve`] is room held back for
//!   the next opening. [`presence`] tells whether files were deleted or replaced while they are open, [`remedy`] what
//!   helps when the system refuses something.
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
mod in_turn;
pub mod journal;
mod keys;
mod opening;
mod options;
mod presence;
pub mod remedy;
pub mod repair;
mod reserve;
mod resting;
pub mod restore;
mod room;
mod rows;
mod sealing;
pub mod store;
mod value;
mod watchdog;

pub use base::simulated;
pub use base::{Engine, UnknownEngine};
pub use directory::OpenError;
pub use opening::Opened;
pub use options::Options;
pub use store::EmbeddedStore;
pub use watchdog::OnStuck;
