//! Takes in executions, runs them and ends them.
//!
//! ```text
//! requests, rules, tasks ─▶ one commit ─▶ queue ─▶ scheduler ─▶ executor ─▶ one commit ─▶ who waits
//!                                                     │ workflows              │ of what is inside workflows
//!                                                     └────▶  conductor  ◀─────┘
//! ```
//!
//! [`Executions`] is the handle. [`queue`] is what is known of executions beside what is stored; whoever commits some has
//! that handle. [`requests`] takes them in, with what [`scope`] shows to templates; [`scheduler`] claims what is due, within
//! the room of [`given`], and [`executor`] runs it; [`cancel`] and [`rerun`] are what people ask for then; [`recovery`]
//! takes up what an earlier process left. [`conductor`] is what they need of whoever conducts workflows.

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
mod running;
mod scheduler;
mod scope;
mod service;
pub(crate) mod spans;
mod start;
mod uncommitted;
mod wake;

pub use cancel::Canceled;
pub(crate) use cancel::{cancellation, unknown};
pub use conductor::{Conductor, Report};
pub(crate) use executor::storable;
pub(crate) use measures::{Stage, ended, stage};
pub use options::Options;
pub use queue::Queue;
pub use recovery::{Recovered, Resumed};
pub use requests::Request;
pub(crate) use requests::{checked, final_parameters, new_execution, refuse_overrides, runnable};
pub use rerun::Again;
pub(crate) use scope::Templates;
pub use service::Executions;
pub use uncommitted::Uncommitted;
