//! Policies of actions. [`passage`] decides about an execution that a scheduler has claimed: it may start, it waits, or it
//! ends. [`retry`] makes the next attempt at one that has failed, [`follow`] keeps the state right after a start and after
//! changes of policies, [`early`] lets go on what waits for the time of a policy that is gone,
//! [`untaken`] gives back times that nobody takes, and [`words`] tells people.
//!
//! The state is in memory ([`book`]): [`lines`] of limits of concurrency, and the [`memory`] of limits of rates and of what
//! was run before. The rows of running executions, of waiting ones and of the memory make it anew after a restart.

pub(crate) mod book;
mod early;
mod follow;
pub(crate) mod lines;
mod memory;
mod passage;
mod retry;
mod untaken;
mod words;
