//! The common ground of all tests that look at the host from outside: the real process, and a client to talk to it.
//!
//! [`Start`] starts a host, [`Host`] is one that listens, and [`binary()`] finds its program. A [`Process`] is killed
//! on drop, and its log is kept to explain a failure; a [`ProcessId`] asks the system about a process. [`Client`] is
//! HTTP, blocking, with bounded patience. [`until`] waits for a condition, and [`skip`] reports that a test cannot
//! run here; [`python()`] finds a Python that has a module. A [`Registry`] is one for packs,
//! with faults that a test switches on; [`Served`] are registries that others wrote.
//!
//! Errors are values, because only the caller knows what a failure means. `tests/system` has assertions about
//! answers, `tests/crash` audited load, `tests/hostile` attacks. The load generator starts its hosts by this crate
//! too, but measures with a client of its own.

mod answer;
mod binary;
mod host;
mod http;
mod log;
mod process;
mod process_id;
mod python;
mod registry;
mod served;
mod start;
mod wait;

pub use answer::Answer;
pub use binary::binary;
pub use host::Host;
pub use http::{Broken, Client, Manner};
pub use process::Process;
pub use process_id::ProcessId;
pub use python::python;
pub use registry::{Came, Faults, Registry};
pub use rustix::process::Signal;
pub use served::{Served, docker_registry, on_path};
pub use start::{Start, without_settings};
pub use wait::{PATIENCE, skip, skip_without, until};
