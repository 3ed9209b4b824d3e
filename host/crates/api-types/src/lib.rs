//! The wire format of the API: a type for each thing that is shown, with StackStorm's names. The host (`petrel-api`)
//! writes these types, and the client (`petrel`) reads them.
//!
//! They differ from the nouns of `petrel-model` on purpose: a field that is added to a noun is shown to nobody until
//! it is written down here. A view borrows from its noun, or shares with it, so that nothing large is copied. A
//! client reads a view as `Execution<'static>`. It skips fields of later versions, and fields that an older version
//! leaves out are empty unless the object is meaningless without them.
//!
//! The order of the fields is their order on the wire. Secrets are masked on the way here, by [`Secrets`].
//!
//! Reading order: [`action`] and [`execution`], with [`cancellation`]; [`trigger`], [`timer`], [`sensor`], [`rule`] and [`enforcement`], which lead to executions, [`trace`] for all that came of one of them,
//! [`policy`], which limits them; [`inquiry`], for those that wait for an answer; [`explanation`], for events that led to none, [`trial`] and [`standing`] for rules
//! that did not fire; [`pack`], which holds all content, and [`capabilities`] for what packs may do; [`workflow`] for the findings in one; [`maintenance`] for times in which rules rest; [`host_key`] for hosts that are known by SSH; [`account`] for users and
//! credentials, [`key`] for the datastore, [`host`] for the health of the host, [`purge`] for what is deleted,
//! [`error`] for refusals.

pub mod account;
pub mod action;
pub mod cancellation;
pub mod capabilities;
pub mod enforcement;
pub mod error;
pub mod execution;
pub mod explanation;
pub mod host;
pub mod host_key;
pub mod inquiry;
pub mod key;
pub mod maintenance;
pub mod pack;
pub mod policy;
pub mod purge;
pub mod rule;
mod secrets;
pub mod sensor;
pub mod standing;
pub mod timer;
pub mod trace;
pub mod trial;
pub mod trigger;
pub mod workflow;

pub use account::{ApiKey, MadeApiKey, Me, Token, User};
pub use action::{Action, RunnerType};
pub use cancellation::CanceledMany;
pub use capabilities::Capabilities;
pub use enforcement::Enforcement;
pub use error::Refusal;
pub use execution::Execution;
pub use explanation::Why;
pub use host::{HostStatus, Item, Lost};
pub use host_key::HostKey;
pub use inquiry::{Answered, Inquiry};
pub use key::Key;
pub use maintenance::MaintenanceWindow;
pub use pack::{
    Pack, PackArtifact, PackConfig, PackConfigSchema, PackProgress, PackProgressLine, Registration, Removal,
};
pub use policy::{Policy, PolicyType};
pub use rule::Rule;
pub use secrets::Secrets;
pub use sensor::{Sensor, SensorLine};
pub use standing::RuleStanding;
pub use timer::Timer;
pub use trace::Trace;
pub use trial::Trial;
pub use trigger::{Trigger, TriggerInstance, TriggerType};

#[cfg(test)]
mod older;
#[cfg(test)]
mod round_trip;
