//! The composition of the services that carry an event along: decide purely, commit, act, commit the outcome.
//!
//! ```text
//! webhook, API ─▶ dispatcher ─▶ rules (pure) ─▶ ONE commit: event, enforcements, executions ─▶ 202
//!                                                   │ wakes
//!                                               scheduler: claims what is due, as slots get free
//!                                                   │ spawns
//!                                               executor: start (durable), run, outcome (durable)
//!                                                   │ after the commit
//!                                               events: clients that wait for an execution are woken
//! ```
//!
//! [`Engine`] puts the services together, starts and stops them, and gives out their handles.
//! `petrel_catalog` has packs and rules, `petrel_access` users and credentials, `petrel_datastore` the
//! key-value store; [`executions`] runs actions, [`workflows`] conducts workflows.
//!
//! [`triggers`] takes in events, lets rules decide and explains the verdicts. This crate decides nothing: `service` is the
//! composition, with the order of start and stop; `retention` paces the deletion of old rows, `health` reports the state
//! of the host, and [`reads`] is the door for reads of executions. No service calls an earlier one: it commits, and wakes it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod health;
mod options;
pub mod reads;
mod retention;
mod service;

pub use options::Options;
pub use petrel_datastore as datastore;
pub use petrel_engine_core::{Error, clock, vault};
pub use petrel_executions as executions;
pub use petrel_triggers as triggers;
pub use petrel_workflow_engine as workflows;
pub use retention::Retention;
pub use service::Engine;
