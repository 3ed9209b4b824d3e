//! Executions: they are taken in, wait, run and end, and who waits for one is told.
//!
//! ```text
//! requests, rules, tasks ─▶ one commit ─▶ queue ─▶ scheduler ─▶ executor ─▶ one commit ─▶ who waits
//!                                                     │ workflows              │ of what is inside workflows
//!                                                     └────▶  conductor  ◀─────┘
//! ```
//!
//! [`Executions`] is the handle of this service; its state is nobody else's. Whoever commits executions beside it (rules,
//! workflows) has a [`Queue`], and says there what has come of them; what an execution is made of is said by the functions
//! of `requests`.
//!
//! | | |
//! |---|---|
//! | `service`, `start` | the handle, and its start |
//! | `queue` | what is known of executions beside what is stored: `events` has who waits for one, `running` what runs, `given` who is set aside until there is room, `wake` wakes the schedulers |
//! | `requests` | taking them in; `scope` is what their templates see |
//! | `scheduler`, `executor` | claiming what is due, and running it |
//! | `cancel`, `rerun` | what people ask for then |
//! | `recovery` | what an earlier process left |
//! | `retention` | the deletion of old executions, step by step |
//! | [`Conductor`] | what is needed of whoever conducts workflows |
//! | [`spans`], `measures` | what log lines of an event have in common; figures |
//!
//! No service calls an earlier one: it commits, and wakes it. A change that was not made is an [`Uncommitted`]: whoever
//! decided on it looks again if something has moved.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod cancel;
mod conductor;
mod events;
mod executor;
mod given;
mod kind;
mod measures;
mod options;
mod queue;
mod recovery;
mod requests;
mod rerun;
mod retention;
mod running;
mod scheduler;
mod scope;
mod service;
pub mod spans;
mod start;
mod uncommitted;
mod wake;

pub use cancel::Canceled;
pub use cancel::{cancellation, unknown};
pub use conductor::{Conductor, Report};
pub use executor::storable;
pub use measures::{Stage, ended, stage};
pub use options::Options;
pub use queue::Queue;
pub use recovery::{Recovered, Resumed};
pub use requests::{Request, Unmade, checked, final_parameters, new_execution, refuse_overrides, runnable};
pub use rerun::Again;
pub use scope::Templates;
pub use service::Executions;
pub use uncommitted::Uncommitted;
