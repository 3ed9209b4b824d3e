//! Workflows that run: what happens to one is applied to its conductor, and what follows (the outcome, the
//! entry in its log, the next executions, its own status) is one commit.
//!
//! ```text
//! executor, cancel, pause, recovery ─▶ mailbox ─▶ step: conductor (pure) ─▶ ONE commit ─▶ work, cascade
//!                                                      ▲
//!                                               live: from the log, on first use
//! ```
//!
//! [`WorkflowEngine`] is the handle of this service; its state is nobody else's. It implements what executions ask of
//! whoever conducts workflows (`petrel_executions::Conductor`), commits what follows, and wakes who runs it.
//!
//! | | |
//! |---|---|
//! | `service`, `conductor` | the handle, and what executions ask of it |
//! | `begin`, `surroundings` | a workflow begins when its execution was claimed; what it sees around it |
//! | `message`, `delivery`, `mailbox` | what happens to a workflow, its way, and where it waits for its turn |
//! | `step` | a batch of that is applied: `report` has where what is inside stands, `requests` what is asked of it, `room` how much may start, `children` makes what its tasks ask for, `notify` says who is told of their end, `settle` moves its execution, `world` is what its expressions see |
//! | `live`, `load` | a workflow in memory, and made anew from its log; `residence` says how long it stays |
//! | `cascade`, `closing` | what its status means for what is inside it; what of that may not begin any more, or not yet |
//! | `timers` | its timeout, and what an earlier process was conducting |
//! | `unread` | the end of one whose log is damaged, or encrypted without its key |
//! | `definitions`, `language` | the files that workflows are written in, by their content; the language of one |
//! | `outcome`, `messages`, `refusal` | its status as that of its execution; what it tells without secrets; why something did not happen to it |
//!
//! `petrel_catalog::workflows` finds the mistakes in the text of a workflow and the actions that it may call;
//! `petrel_workflows`, which is pure, decides on the next step of one.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod begin;
mod cascade;
mod children;
mod closing;
mod conductor;
mod definitions;
mod delivery;
mod language;
mod live;
mod load;
mod mailbox;
mod message;
mod messages;
mod notify;
mod options;
mod outcome;
mod refusal;
mod report;
mod requests;
mod residence;
mod room;
mod runner;
mod service;
mod settle;
mod step;
mod surroundings;
mod timers;
mod unread;
mod world;

pub use children::task_execution;
pub use options::Options;
pub use petrel_packs::limits::LARGEST_WORKFLOW;
pub use runner::{action_chain, orquesta};
pub use service::WorkflowEngine;
