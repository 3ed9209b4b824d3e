//! Workflows that run: what happens to one is applied to its conductor, and what follows (the outcome, the
//! entry in its log, the next executions, its own status) is one commit.
//!
//! ```text
//! executor, requests, recovery ─▶ mailbox ─▶ step: conductor (pure) ─▶ ONE commit ─▶ work, cascade
//!                                                 ▲
//!                                          live: from the log, on first use
//! ```
//!
//! [`mod@begin`] starts one when its execution is claimed, [`mailbox`] takes what happens to it, [`step`] applies
//! a batch of that ([`report`]: where what runs inside it stands), [`room`] says how much it may start, [`live`] holds its state and rebuilds it from the log ([`residence`] says how long it stays), [`children`] makes the executions
//! that its tasks ask for, [`world`] is what its expressions see, [`cascade`] hands on pauses, resumes and
//! cancels to what runs inside it, [`messages`] keeps secrets out of what it tells, [`closing`] keeps that from beginning, [`definitions`] reads and keeps the files,
//! [`inspected`] says what is wrong with one, beside the actions that are [`known`].

mod begin;
mod cascade;
mod children;
mod closing;
mod conductor;
mod definitions;
mod delivery;
mod inspected;
mod known;
mod live;
mod load;
mod mailbox;
mod message;
mod messages;
mod options;
mod outcome;
mod refusal;
mod report;
mod residence;
mod room;
mod runner;
mod service;
mod step;
mod timers;
mod world;

pub use children::task_execution;
pub use inspected::{Found, Inspected, Invalid, check, inspect, language};
pub(crate) use known::{Registered, WithPack};
pub use options::Options;
pub use petrel_packs::limits::LARGEST_WORKFLOW;
pub use runner::{ACTION_CHAIN, ORQUESTA, action_chain, orquesta};
pub use service::WorkflowEngine;

/// Whether a runner of this name conducts workflows.
pub(crate) fn is_workflow(runner: &str) -> bool {
    matches!(runner, ORQUESTA | ACTION_CHAIN)
}
