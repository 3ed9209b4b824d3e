//! The composition of the services that carry an event along: decide purely, commit, act, commit the outcome.
//!
//! ```text
//! webhook ─▶ triggers ─▶ rules (pure) ─▶ ONE commit: event, enforcements, executions ─▶ 202
//!                                            │ wakes
//!              executions: scheduler claims what is due, executor starts it (durable), runs it, stores its outcome
//!                                            │ after the commit
//!                                        who waits for an execution hears of it
//! ```
//!
//! [`Engine`] puts the services together, starts and stops them, and gives out their handles:
//!
//! | | |
//! |---|---|
//! | `petrel_access` | who may use the host |
//! | `petrel_catalog` | the registered packs, actions, rules and trigger types |
//! | `petrel_datastore` | the keys that packs use |
//! | [`executions`] | executions: taken in, run, ended |
//! | [`workflows`] | workflows in progress |
//! | [`triggers`] | events |
//!
//! `service` is this composition, with the order of start and stop; `retention` paces the deletion of old rows, `health`
//! says how the host is, and [`reads`] is the door for those who show stored executions. This crate decides nothing.
//! No service calls an earlier one: it commits, and wakes it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod health;
mod options;
pub mod reads;
mod retention;
mod service;

pub use options::Options;
pub use petrel_engine_core::{Error, clock};
pub use petrel_executions as executions;
pub use petrel_triggers as triggers;
pub use petrel_workflow_engine as workflows;
pub use retention::Retention;
pub use service::Engine;
