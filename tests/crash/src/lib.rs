//! What must hold after a crash, and the harness that brings crashes about.
//!
//! What is promised (ARCHITECTURE.md, "Durability") stands once, in [`invariants`], and are used at every depth: by the
//! faulty store (`tests/faulty_store.rs`, in process, every write in turn) and by the harnesses on
//! the real process ([`rounds`]: killed; power cut on a [`disk`] of its own; [`workflows`]: killed while many
//! workflows run; [`trees`]: killed while trees of workflows are canceled;
//! [`events`]: killed while events, timers, polls, keys and questions come and go). `tests/support` starts the process,
//! [`client`] puts load on it, [`audit`] reads back what it kept.

pub mod audit;
pub mod client;
pub mod disk;
pub mod event_invariants;
pub mod events;
pub mod invariants;
mod polling;
pub mod rounds;
pub mod trees;
pub mod workflows;
