//! The SDK for packs in Rust: write functions, list them, build a component.
//!
//! ```
//! use petrel_pack_sdk::{Action, Context, Error, export_actions};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! pub struct Greet {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! pub struct Greeting {
//!     text: String,
//! }
//!
//! fn greet(ctx: &Context, input: Greet) -> Result<Greeting, Error> {
//!     ctx.info("greeting");
//!     Ok(Greeting { text: format!("Hello, {}!", input.name) })
//! }
//!
//! export_actions![Action::new("greet", greet).description("Greets somebody").idempotent()];
//! # fn main() {}
//! ```
//!
//! Reading order: [`Action`] wraps a function, [`Context`] is its view of the call, [`Error`] its failure. [`sensor`] has
//! sensors, which notice things, and [`TriggerType`] makes their events. Both have the host's [`Services`], with [`Store`]s of
//! keys and [`Secret`]s. [`schema`]
//! derives schemas from types, and [`testing`] has a test double of the host. `component` connects all of these to the
//! host, in components only, and `export` has the macros that do it; [`info!`] and its like write to the log with fields. The tutorial is in `README.md`.

mod action;
mod called;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod component;
mod context;
mod error;
mod event;
mod export;
mod http;
mod key;
mod kv;
#[doc(hidden)]
pub mod logging;
pub mod schema;
mod secret;
pub mod sensor;
mod services;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use action::{Action, describe, describe_with};
pub use called::Called;
pub use context::Context;
pub use error::{Error, ErrorKind};
pub use event::{Event, NoParameters, Trigger, TriggerType};
pub use http::{Request, Response, beginning};
pub use key::Entry;
pub use kv::Store;
pub use secret::Secret;
pub use sensor::{PollSensor, Polled, Received, Reply, SensorContext, StreamSensor, WebhookSensor};
pub use services::{Level, Services};
