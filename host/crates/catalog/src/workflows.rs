//! The inspection of workflows and chains, before one runs and when its pack is registered or checked: by itself
//! ([`inspected`]), and against the registered actions ([`known`]). Nothing is run here.

mod inspected;
mod known;

pub use inspected::{Found, Inspected, Invalid, check, inspect, inspect_as, language, wrong_calls};
pub use known::Registered;
pub(crate) use known::WithPack;
