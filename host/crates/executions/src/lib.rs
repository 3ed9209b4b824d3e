//! The service of executions: it accepts requests, queues, runs and ends executions, and wakes the clients
//! that wait for one.
//!
//! ```text
//! requests, rules, tasks ─▶ one commit ─▶ queue ─▶ scheduler ─▶ executor ─▶ one commit ─▶ waiting clients
//!                                                     │ workflows              │ outcomes inside workflows
//!                                                     └────▶  conductor  ◀─────┘
//! ```
//!
//! [`Executions`] is the handle of this service, whose state is private. Services that commit executions
//! themselves (rules, workflows) have a [`Queue`], and report to it after each commit. The functions of
//! `requests` build the executions of all of them.
//!
//! | | |
//! |---|---|
//! | `service`, `start` | the handle, and its start |
//! | `queue` | the state in memory, with a handle for services that commit executions |
//! | `events`, `running` | the clients that wait for an end; the runs of this process |
//! | `given`, `wake` | executions that are set aside until there is room; the signals to schedulers |
//! | `policies` | policies of actions: what waits because of them, what they end, what they try again |
//! | `requests` | acceptance of requests; `scope` has the scopes of templates |
//! | `scheduler`, `executor`, `caught`, `outcomes` | claims of due executions; the run of one, and of its action; its outcome |
//! | `ends`, `notifications`, `masked_end` | the events of executions that end, and for those who are to be told of it |
//! | `cancel`, `cancel_many`, `rerun` | requests about executions that exist |
//! | `calls`, `seat` | actions that run others; the slot that they give back meanwhile |
//! | `inquiries`, `overdue`, `answers` | executions that wait for the answer of a person; their time, and the answers |
//! | `recovery` | executions that an earlier process left |
//! | `retention`, `purge` | the deletion of what ended long ago: by itself, or when somebody asks |
//! | `breakers` | rules that pause while their action fails again and again |
//! | `windows` | executions that maintenance windows hold, and their start once a window is deleted |
//! | [`Conductor`] | the interface to the service that conducts workflows |
//! | [`spans`], `measures` | the spans of log lines; metrics |
//!
//! No service calls an earlier one: it commits, and wakes it. A refused commit is an [`Uncommitted`]: if the
//! execution has changed since it was read, the caller reads it again and decides anew.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod answers;
mod breakers;
mod calls;
mod cancel;
mod cancel_many;
mod caught;
mod conductor;
mod ends;
mod events;
mod executor;
mod given;
mod inquiries;
mod kind;
mod masked_end;
mod measures;
mod notifications;
mod opened;
mod options;
mod outcomes;
mod overdue;
mod policies;
mod purge;
mod queue;
mod recovery;
mod requests;
mod rerun;
mod retention;
mod running;
mod scheduler;
mod scope;
mod seat;
mod service;
pub mod spans;
mod start;
mod uncommitted;
mod wake;
mod windows;

pub use answers::Answer;
pub use breakers::noted::Noted;
pub use breakers::{BreakerStanding, PAUSED};
pub use cancel::Canceled;
pub use cancel::{cancellation, is_left_behind, tell_what_is_unread, unknown};
pub use cancel_many::CanceledMany;
pub use conductor::{Conductor, Report};
pub use measures::{Stage, ended, stage};
pub use opened::Opened;
pub use options::Options;
pub use outcomes::storable;
pub use purge::{Purge, Purged};
pub use queue::Queue;
pub use recovery::{Recovered, Resumed};
pub use requests::{Request, Unmade, checked, final_parameters, new_execution, refuse_overrides, runnable};
pub use rerun::Again;
pub use scope::Templates;
pub use service::Executions;
pub use uncommitted::Uncommitted;
pub use wake::Schedulers;
