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
//! | `failures` | the log lines of failed enforcements |
//! | `timers` | the events of timers, when they are due |
//! | `sensors` | sensors, supervised: when they poll, how far they have come, what they have noticed |
//! | `batch` | several events in one commit; `alarm`: waits |
//! | `explanation` | why a rule did or did not match, and what came of it |
//! | `reads` | stored events and enforcements, for those who show them |
//! | `retention` | the deletion of old events, step by step |
//!
//! Executions are requested by their commit, and by waking [`petrel_executions::Queue`]; this service runs nothing.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod alarm;
mod batch;
mod dispatcher;
mod explanation;
mod failures;
mod incoming;
mod intake;
mod options;
mod reads;
mod retention;
mod sensors;
mod service;
mod timers;

pub use dispatcher::Accepted;
pub use explanation::{CriterionExplanation, Explanation};
pub use incoming::{Event, LargeEvent, SMALL};
pub use intake::Claim;
pub use options::{Misfire, Options};
pub use petrel_persistence::store::TriggerInstanceAge;
pub use petrel_runners::sensors::Received;
pub use reads::Reads;
pub use sensors::{Answer as SensorAnswer, Health, SensorRunners, Shown as ShownSensor, ShownLine};
pub use service::Triggers;
pub use timers::Shown as ShownTimer;
