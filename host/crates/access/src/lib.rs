//! Who may use the host, and as whom: users, the tokens that they sign in for, and API keys.
//!
//! [`Access`] is the handle of this service; its state is nobody else's. It is held in memory and follows the store
//! (`petrel_engine_core::Mirror`): a change is decided on what there is then, committed, and only then counts.
//!
//! | | |
//! |---|---|
//! | `service` | the handle: what a token or a key is worth |
//! | `sign_in` | tokens for passwords; `throttle` slows guessing down, `secrets` mints and hashes |
//! | `users`, `api_keys` | making, changing and deleting these |
//! | `behalf` | who may act as somebody else |
//! | `accounts` | all of them at one moment, for reading |
//!
//! What a request presents, and where, is read by the API.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod accounts;
mod api_keys;
mod behalf;
mod identity;
mod secrets;
mod service;
mod sign_in;
mod throttle;
mod users;

pub use accounts::Accounts;
pub use api_keys::KeyChange;
pub use behalf::Behalf;
pub use identity::{Credential, Identity, Issued, Rejected};
pub use service::{Access, Options};
pub use sign_in::SignIn;
pub use users::{ADMIN, RULE_USER};
