//! Policies: bounds on the executions of actions. [`Policies`] is the handle of this service; its state is nobody else's.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod service;

pub use service::Policies;
