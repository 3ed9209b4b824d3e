//! The ground that every service stands on. It knows the store and the time, and nothing of what services do.
//!
//! ```text
//! Core ─┬─ Store       commit(): on behalf of this process; store(): reading
//!       ├─ Clock       now(), monotonic(), sleep(): the system's, or one that a test turns
//!       ├─ Ids         mint(): ids in the order of creation
//!       └─ Lifecycle   spawn(name, future): tasks that the end waits for, and names
//!
//! Mirror<T>            what a service keeps in memory of what is stored: get() a snapshot, change(decide)
//! Evaluations          what takes long to evaluate, off the workers: quick(work), or heavy(work) on a thread
//! ```
//!
//! Reading order: [`Core`], [`clock`], `lifecycle`, [`mirror`], [`evaluation`] and [`apart`] (whatever else takes a
//! processor for long). [`error`] is what a refused request comes to, for all
//! services; [`SetClock`] is the clock for tests. A service holds a [`Core`], which is cheap to clone, and its own
//! private state; it never asks a clock, spawns a task or mints an id on its own.

#![warn(clippy::disallowed_methods)]

pub mod apart;
pub mod clock;
mod depth;
pub mod error;
pub mod evaluation;
mod ground;
pub mod ids;
mod lifecycle;
pub mod mirror;
mod set_clock;

pub use clock::{Clock, SystemClock};
pub use depth::refuse_depth;
pub use error::Error;
pub use evaluation::Evaluations;
pub use ground::Core;
pub use mirror::{Changing, Decided, Mirror};
pub use set_clock::SetClock;
