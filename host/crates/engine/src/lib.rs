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
//! [`Engine`] is the handle that everything outside holds; each file adds one concern to it:
//! [`intake`] bounds the memory of what comes, [`incoming`] reads it and [`dispatcher`] takes in events, [`requests`] takes in and cancels executions, [`rule_book`] changes
//! rules, [`registration`] registers packs, `preparation` makes their actions quick to start, [`pack_configs`] configures them, [`configuration`] is what
//! actions get of that, [`scope`] is what templates see, [`explanation`] says why a rule did
//! or did not match. [`scheduler`] and [`executor`] run them, within the room of [`given`]; [`recovery`] takes up
//! what an earlier process left, and [`retention`] deletes what has been kept long enough. [`health`] says how it
//! goes, and [`reads`] is the door for who shows what is stored.
//! No service calls an earlier one: it commits, and wakes it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod dispatcher;
pub mod executions;
pub mod explanation;
pub mod health;
pub mod incoming;
pub mod intake;
mod options;
pub mod reads;
mod retention;
mod service;
pub mod workflows;

pub use options::Options;
use petrel_engine_core::error;
pub use petrel_engine_core::{Error, clock};
pub use retention::Retention;
pub use service::Engine;
