//! What everybody needs who looks at the host from outside: the real process, and a client to speak to it.
//!
//! [`Start`] says how a host is started, [`Host`] is one that listens; [`binary()`] is what it is started from.
//! A [`Process`] is killed when it is dropped, and its log is kept to explain a failure; a [`ProcessId`] says what
//! the system knows about it. [`Client`] is HTTP, blocking, with bounded patience. [`until`] waits for what is to
//! come, and [`skip`] says that a test cannot run here.
//!
//! Errors are values: what a failure means is for who asked. Assertions about answers are in `tests/system`, load
//! that is to be audited in `tests/crash`, attacks in `tests/hostile`. The load generator starts its hosts by this
//! crate too, but measures with a client of its own.

mod answer;
mod binary;
mod host;
mod http;
mod log;
mod process;
mod process_id;
mod start;
mod wait;

pub use answer::Answer;
pub use binary::binary;
pub use host::Host;
pub use http::{Broken, Client, Manner};
pub use process::Process;
pub use process_id::ProcessId;
pub use rustix::process::Signal;
pub use start::{Start, without_settings};
pub use wait::{PATIENCE, skip, until};
