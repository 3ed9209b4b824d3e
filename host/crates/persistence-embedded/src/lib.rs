//! The embedded store: the storage interface on an ordered key-value base, durable by itself.
//!
//! ```text
//!  commit() ──encode──▶ rows ──▶ committer thread ──▶ base: apply, sync ──▶ answer
//!                                │  checks what is expected
//!                                └─ queue: versions, who waits, claims (in memory)
//!  reads ───────────────────────────────────────────▶ base ──▶ rows ──decode──▶
//! ```
//!
//! * [`store`] is the interface, on top of everything else here.
//! * [`committer`] is the one thread that writes: it takes what has come in as a group, checks
//!   preconditions, applies the group at once, makes it durable and answers.
//! * [`rows`] knows how a noun becomes rows; [`keys`] and [`value`] know how rows become bytes;
//!   [`blobs`] keeps what is too large for a row.
//! * [`base`] is the seam to the key-value engine; [`sled_base`] is that engine under the rules that make
//!   it durable, [`simulated`] one in memory that fails or loses power on demand, for tests.
//! * [`directory`] guards the data directory: one process, a format, a watermark, room on the disk.
//!
//! No type and no key of the engine leaves this crate.

pub mod base;
mod blobs;
mod committer;
mod directory;
mod keys;
mod rows;
pub mod simulated;
mod sled_base;
pub mod store;
mod value;

pub use directory::OpenError;
pub use store::{EmbeddedStore, Options};
