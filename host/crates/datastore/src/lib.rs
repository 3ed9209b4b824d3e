//! The datastore: texts by name, set from outside and read by the expressions of rules, actions and workflows.
//!
//! [`Keys`] is the handle of this service. A key belongs to all, or to a user; it may be secret, and then only its sealed form
//! is in the store and in memory; and it may expire. All keys are in memory too (`held`) and follow the store
//! (`petrel_engine_core::Mirror`); a reader gets a snapshot. Each change is reported as an internal event (`events`), in its own
//! commit. `expiry` deletes keys when their time is over, `asked` has keys as components ask for them, and `sealing` has what the vault does for them; `reseal` follows a new key. `petrel_scope`
//! defines how templates name a key.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod asked;
mod events;
mod expiry;
mod held;
mod key;
mod keys;
mod options;
mod reseal;
mod sealing;

pub use held::Snapshot;
pub use key::{End, Entry, Expected, Form, KeyId, New};
pub use keys::Keys;
pub use options::Options;
