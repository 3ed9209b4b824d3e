//! Events: they are taken in, rules decide on them, and what came of an event can be asked.
//!
//! ```text
//! webhook ─▶ claim memory ─▶ read ─▶ rules (pure) ─▶ ONE commit: event, enforcements, executions ─▶ 202
//!                                                        │ wakes
//!                                                    the queue of executions
//! ```
//!
//! [`Triggers`] is the handle of this service; its state is nobody else's. An event is a trigger instance once it is stored.
//!
//! | | |
//! |---|---|
//! | `service`, `options` | the handle, and its settings |
//! | `intake` | the memory that requests may take while they are taken in |
//! | `incoming` | the text of an event, and the values that rules read of it |
//! | `dispatcher` | the decision about an event, and its commit |
//! | `dedup` | events that come again with the same key, and are taken in once |
//! | `failures` | the log lines of failed enforcements |
//! | `timers` | the events of timers, when they are due |
//! | `correlation` | rules that look at several events, and what they hold |
//! | `outbox` | the events of the platform itself, as they are reported; `crowd`: how many of them a trace may have |
//! | `emission`, `inject` | events that somebody sends by hand; the action that sends one; `named`: the trace that it names |
//! | `maintenance` | what a maintenance window does to a rule, in words |
//! | `rendering` | the parameters that a rule gives its action |
//! | `sensors` | the supervision of sensors: their polls, their cursors, their events |
//! | `batch` | several events in one commit; `alarm`: waits; `left_behind`: states of an earlier process |
//! | `explanation` | why a rule did or did not match, and what came of it |
//! | `replay` | events on which a rule failed come in again |
//! | `trial`, `standing` | what a rule would do on an event; why it has not fired lately |
//! | `traces` | all that came of one event or request, found by the rows that lead from one to the next |
//! | `reads` | stored events and enforcements, for those who show them |
//! | `retention`, `purge` | the deletion of old events, step by step: by itself, or when somebody asks |
//!
//! Executions are requested by their commit, and by waking [`petrel_executions::Queue`]; this service runs nothing.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod alarm;
mod batch;
mod correlation;
mod crowd;
mod dedup;
mod dispatcher;
mod emission;
mod explanation;
mod failures;
mod incoming;
mod inject;
mod intake;
mod left_behind;
mod maintenance;
mod named;
mod options;
mod outbox;
mod purge;
mod reads;
mod rendering;
mod replay;
mod retention;
mod sensors;
mod service;
mod standing;
mod timers;
mod traces;
mod trial;

pub use dedup::{LONGEST_KEY, Once, sha256};
pub use dispatcher::Accepted;
pub use emission::Emission;
pub use explanation::{CriterionExplanation, Explanation};
pub use incoming::{Event, LargeEvent, SMALL};
pub use inject::Injection;
pub use intake::Claim;
pub use options::{Misfire, Options};
pub use petrel_persistence::store::TriggerInstanceAge;
pub use petrel_runners::sensors::Received;
pub use purge::{Cleared, Which};
pub use reads::Reads;
pub use sensors::{Answer as SensorAnswer, Health, SensorRunners, Shown as ShownSensor, ShownLine};
pub use service::Triggers;
pub use standing::{FailedCriterion, Standing};
pub use timers::Shown as ShownTimer;
pub use traces::{Begun, Cause, Member, MemberKind, Trace, Traces};
pub use trial::{Trial, TriedEvent};
