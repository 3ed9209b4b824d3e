//! Accounts and credentials: users, the tokens that they sign in for, and API keys.
//!
//! [`Access`] is the handle of this service, and its state is private. The state is held in memory and follows the
//! store (`petrel_engine_core::Mirror`): a change is decided on the present accounts, committed, and only then in
//! force.
//!
//! | | |
//! |---|---|
//! | `service` | the handle: identifies tokens and keys |
//! | `sign_in` | tokens for passwords; `throttle` slows guessing down, `secrets` mints and hashes |
//! | `runs` | tokens of executions, as long as they run |
//! | `users`, `api_keys` | creating, changing and deleting these; `likeness` compares the looks of names |
//! | `behalf` | the right to act on behalf of others |
//! | `accounts` | a snapshot of all accounts, for reading |
//!
//! The API finds the credential in a request.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod accounts;
mod api_keys;
mod behalf;
mod identity;
mod likeness;
mod runs;
mod secrets;
mod service;
mod sign_in;
mod throttle;
mod users;

pub use accounts::Accounts;
pub use api_keys::KeyChange;
pub use behalf::Behalf;
pub use identity::{ADMIN, Credential, Identity, Issued, RULE_USER, Rejected};
pub use runs::RunToken;
pub use service::{Access, Options};
pub use sign_in::SignIn;
