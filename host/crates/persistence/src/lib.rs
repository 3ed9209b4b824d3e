//! The storage interface, in the words of the domain.
//!
//! Every write is one value, a [`Commit`]: the expectations that must hold, and the changes. It is atomic, and
//! durable when [`Store::commit`] returns. Reads are by id, by prefix or newest first. No detail of a backend shows:
//! no keys, no SQL, no closures inside a transaction, no global sequence numbers. Backends hold no logic beyond these
//! primitive operations.
//!
//! [`documents`] is the table of documents (packs, rules, users and so on), in which each kind stands once.
//! [`memory`] is the backend for tests; `petrel-persistence-embedded` is the default one. `tests/store-suite` tests
//! every backend. The word "datastore" never means this interface: it is the key-value store for packs.

mod ages;
pub mod commit;
pub mod documents;
mod filter;
pub mod memory;
pub mod queue;
mod row_kind;
pub mod seal;
pub mod store;
mod unreadable;

pub use commit::{Change, Commit, CommitError, Expect};
pub use documents::{Document, DocumentKey, DocumentKind, Noun};
pub use filter::ExecutionFilter;
pub use memory::MemoryStore;
pub use row_kind::RowKind;
pub use seal::Sealer;
pub use store::{Error, Fence, Figures, Output, Page, Store, StoreExt};
pub use unreadable::Unreadable;
