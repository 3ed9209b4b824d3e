//! The datastore: texts by name, set from outside and read by the expressions of rules, actions and workflows.
//!
//! [`Keys`] is the handle of this service. All keys are in memory too and follow the store
//! (`petrel_engine_core::Mirror`); a reader gets a snapshot. `petrel_scope` defines how templates name a key.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod keys;

pub use keys::Keys;
