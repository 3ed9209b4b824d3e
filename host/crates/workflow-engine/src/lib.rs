//! Running workflows. A message to a workflow is applied to its conductor, and all consequences (the outcome,
//! the entry in its log, the next executions, its own status) are one commit.
//!
//! ```text
//! executor, cancel, pause, recovery ─▶ mailbox ─▶ step: conductor (pure) ─▶ ONE commit ─▶ work, cascade
//!                                                      ▲
//!                                               live: from the log, on first use
//! ```
//!
//! [`WorkflowEngine`] is the handle of this service, whose state is private. It implements
//! `petrel_executions::Conductor`, commits, and wakes the schedulers.
//!
//! | | |
//! |---|---|
//! | `service`, `conductor` | the handle, and its implementation of the interface to executions |
//! | `begin` | the beginning of a workflow whose execution was claimed |
//! | `message`, `delivery`, `mailbox` | messages to a workflow, their way, and the box where they wait |
//! | `step` | applies a batch of messages in one commit |
//! | `report`, `room` | reports of executions inside the workflow; the limits on a step |
//! | `children`, `world` | the executions that tasks request; the world of expressions |
//! | `live`, `load`, `residence` | a workflow in memory; its rebuilding from the log; how long it stays |
//! | `cascade`, `closing` | the propagation of its status; workflows inside which nothing may begin |
//! | `timers` | timeouts, and the workflows of an earlier process |
//! | `definitions` | the definitions of workflows, by their content |
//! | `outcome`, `messages` | the status of its execution; its error messages without secrets |
//! | `refusal` | the reasons why a message had no effect |
//!
//! `petrel_catalog::workflows` inspects texts of workflows and the calls in them. `petrel_workflows`, which
//! is pure, decides what comes next in a workflow.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

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
use petrel_catalog::workflows::{ACTION_CHAIN, ORQUESTA};
pub use petrel_packs::limits::LARGEST_WORKFLOW;
pub use runner::{action_chain, orquesta};
pub use service::WorkflowEngine;
