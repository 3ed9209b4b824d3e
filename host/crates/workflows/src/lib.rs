//! Workflows: definitions in the languages of Orquesta and of action chains, their inspection, and the conductor that
//! decides what happens next.
//!
//! Pure: no clock, no randomness, no store, no I/O. `petrel-workflow-engine` stores the events of a workflow and starts its
//! actions; `petrel-expressions` evaluates expressions.

pub mod chain;
mod conducted;
pub mod conductor;
pub mod definition;
pub mod drawing;
pub mod inspection;
mod language;
pub mod machine;
pub mod rehearsal;
mod status;

pub use conducted::{Conducted, Source};
pub use conductor::{Conductor, EDITION, Event, Report, Start, World};
pub use definition::Definition;
pub use inspection::{Finding, inspect};
pub use language::Language;
pub use status::{Status, UnknownStatus};
