//! The ground on which every service stands. It knows the store and the time, and none of the services.
//!
//! ```text
//! Core ─┬─ Store       commit(): on behalf of this process; store(): reading
//!       ├─ Clock       now(), monotonic(), sleep(): the system's, or one that a test turns
//!       ├─ Ids         mint(): ids in the order of creation
//!       ├─ Sparing     may_log(subject): a few log lines a minute about the same thing
//!       ├─ Outbox      report(): an internal event, to be committed with what it reports
//!       ├─ Vault       seal(), open(): texts that are stored encrypted
//!       └─ Lifecycle   spawn(name, future): named tasks, for whose end a stop waits
//!
//! Mirror<T>            a service's copy of stored things in memory: get() a snapshot, change(decide)
//! Evaluations          long evaluations, off the workers: quick(work), or heavy(work) on a thread
//! ```
//!
//! Reading order: [`Core`], [`clock`], `lifecycle`, `sparing`, `outbox` and `reports`, [`vault`],
//! [`mirror`], [`evaluation`] and [`apart`] (other work that
//! takes a processor for long). [`error`] has the errors of all services, and [`SetClock`] is the clock for tests. A service
//! holds a [`Core`], which is cheap to clone, and private state of its own. It never reads a clock, spawns a task or
//! mints an id by other means.

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
mod outbox;
mod owed;
mod reports;
mod set_clock;
mod sparing;
pub mod vault;

pub use clock::{Clock, SystemClock};
pub use depth::refuse_depth;
pub use error::Error;
pub use evaluation::Evaluations;
pub use ground::Core;
pub use mirror::{Changing, Decided, Mirror};
pub use reports::Report;
pub use set_clock::SetClock;
pub use vault::{Vault, VaultKey};
