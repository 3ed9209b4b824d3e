//! What the API shows, as it stands on the wire: a type for each thing, with StackStorm's names. The host (`petrel-api`)
//! writes these, the client (`petrel`) reads them.
//!
//! They are not the nouns of `petrel-model`, on purpose: a field that is added to one of those is shown to nobody before it
//! is written down here. They borrow from the noun that they show, or share with it, so that nothing large is copied to be
//! written. Who reads takes them as `Execution<'static>`; fields of a later version are passed over, and what an
//! older one leaves out is empty, as far as a thing can be without it.
//!
//! The order of the fields is the order on the wire. What is secret in a value is masked on the way here: [`Secrets`].
//!
//! Reading order: [`action`] and [`execution`] are what runs, [`trigger`], [`rule`] and [`enforcement`] what makes it run,
//! [`explanation`] why it did not, [`pack`] what holds all this, [`workflow`] what is wrong with one; [`account`] says who may, [`key`] is the datastore,
//! [`host`] how the host is, [`error`] what is refused.

pub mod account;
pub mod action;
pub mod enforcement;
pub mod error;
pub mod execution;
pub mod explanation;
pub mod host;
pub mod key;
pub mod pack;
pub mod rule;
mod secrets;
pub mod trigger;
pub mod workflow;

pub use account::{ApiKey, MadeApiKey, Me, Token, User};
pub use action::{Action, RunnerType};
pub use enforcement::Enforcement;
pub use error::Refusal;
pub use execution::Execution;
pub use explanation::Why;
pub use host::{HostStatus, Item, Lost};
pub use key::Key;
pub use pack::{Pack, PackConfig, PackConfigSchema, Registration, Removal};
pub use rule::Rule;
pub use secrets::Secrets;
pub use trigger::{Trigger, TriggerInstance, TriggerType};

#[cfg(test)]
mod older;
#[cfg(test)]
mod round_trip;
