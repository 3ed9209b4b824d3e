//! The services that carry an event along: decide purely, commit, act, commit the outcome.
//!
//! ```text
//! webhook, API ─▶ dispatcher ─▶ rules (pure) ─▶ ONE commit: event, enforcements, executions ─▶ 202
//!                                                   │ wakes
//!                                               scheduler: claims what is due, as slots get free
//!                                                   │ spawns
//!                                               executor: start (durable), run, outcome (durable)
//!                                                   │ after the commit
//!                                               events: who waits for an execution hears of it
//! ```
//!
//! [`Engine`] puts the services together, starts and stops them, and gives out their handles. What is registered is the affair
//! of `petrel_catalog`, who may use the host of `petrel_access`, what packs keep of `petrel_datastore`; executions are taken in
//! and run by [`executions`], workflows conducted by [`workflows`].
//!
//! The events are here: [`intake`] bounds the memory of what comes, [`incoming`] reads it, [`dispatcher`] takes in events, and
//! [`explanation`] says why a rule did or did not match. `failures` writes a log line
//! about an enforcement that failed. `retention` deletes what has been kept long enough, [`health`] says how it goes, and [`reads`] is the door for who shows what is stored.
//! No service calls an earlier one: it commits, and wakes it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod dispatcher;
pub mod explanation;
mod failures;
pub mod health;
pub mod incoming;
pub mod intake;
mod options;
pub mod reads;
mod retention;
mod service;

pub use options::Options;
use petrel_engine_core::error;
pub use petrel_engine_core::{Error, clock};
pub use petrel_executions as executions;
pub use petrel_workflow_engine as workflows;
pub use retention::Retention;
pub use service::Engine;
