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
//! cancels to what runs inside it, [`messages`] keeps secrets out of what it tells, [`closing`] keeps that from beginning, [`definitions`] reads and keeps the files;
//! what is wrong with one is said by `petrel_catalog::workflows`, and so is which actions it may call.

mod begin;
mod cascade;
mod children;
mod closing;
mod conductor;
mod definitions;
mod delivery;
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
pub use options::Options;
pub(crate) use petrel_catalog::workflows::{ACTION_CHAIN, ORQUESTA};
pub use petrel_packs::limits::LARGEST_WORKFLOW;
pub use runner::{action_chain, orquesta};
pub use service::WorkflowEngine;
