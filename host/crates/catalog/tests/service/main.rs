//! The catalog as other services and the API see it, over a store in memory, with a clock that stands and a runner that
//! notes its calls. Packs are directories. Nothing sleeps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are the parts of tests")]

mod concurrent;
mod configurations;
mod events;
mod grants;
mod host_keys;
mod house;
mod registration;
mod removal;
mod rules;
mod sensors;
mod timers;
mod triggers;
mod workflows;

use house::{House, refused};
