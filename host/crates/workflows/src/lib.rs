//! Workflows: the definitions of Orquesta and of action chains, what is wrong with them, and the conductor that
//! says what happens next.
//!
//! Pure: no clock, no randomness, no store, no I/O. Who keeps a workflow's events and starts its actions is
//! `petrel-engine`; what expressions mean is `petrel-expressions`.

pub mod chain;
mod conducted;
pub mod conductor;
pub mod definition;
pub mod drawing;
pub mod inspection;
pub mod machine;
pub mod rehearsal;
mod status;

pub use conducted::{Conducted, Source};
pub use conductor::{Conductor, EDITION, Event, Report, Start, World};
pub use definition::Definition;
pub use inspection::{Finding, inspect};
pub use status::{Status, UnknownStatus};
