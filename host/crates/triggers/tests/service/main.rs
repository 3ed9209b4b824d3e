//! The service as the API sees it, over a store in memory, with a clock that the test turns: which events are taken in,
//! what they lead to, and what is said of them afterwards. Nothing runs: the executions that rules request stay in their
//! queue. Nothing sleeps.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are the parts of tests"
)]

mod correlation;
mod dedup;
mod events;
mod house;
mod large;
mod limits;
mod maintenance;
mod notifications;
mod outbox;
mod purge;
mod replay;
mod retention;
mod sensors;
mod sent;
mod source;
mod standing;
mod timers;
mod traces;
mod trial;
mod why;

use house::{House, criterion, refused, rule, with_value};
