//! The storage interface, in the domain's words.
//!
//! All writes are one value, a [`Commit`]: what must still hold, and what changes. It is atomic, and
//! durable when [`Store::commit`] returns. All reads are by id, by prefix or newest first. Nothing of a
//! backend shows: no keys, no SQL, no closures inside a transaction, no global sequence numbers.
//! Backends hold no logic of their own beyond these primitive operations.
//!
//! [`documents`] is the table of documents (packs, rules, users and so on), in which each kind stands once.
//! [`memory`] is the backend for tests; `petrel-persistence-embedded` is the default one. What every
//! backend must pass is in `tests/store-suite`. This is never called "datastore": that word is for the key-value store
//! offered to packs.

pub mod commit;
pub mod documents;
pub mod memory;
pub mod queue;
pub mod store;

pub use commit::{Change, Commit, CommitError, Expect};
pub use documents::{Document, DocumentKey, DocumentKind, Noun};
pub use memory::MemoryStore;
pub use store::{Error, ExecutionFilter, Fence, Figures, Output, Page, Store, StoreExt, Unreadable};
