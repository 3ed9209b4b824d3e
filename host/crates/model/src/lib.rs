//! The nouns of Petrel, and nothing else.
//!
//! Everything here is pure: no clock, no randomness, no I/O, no async. Other crates decide
//! (`petrel-rules`), store (`petrel-persistence`) or act (`petrel-engine`) on
//! these types; this crate only says what they are and which moves are legal.
//!
//! Reading order: [`id`], [`names`] and [`mod@reference`] name things; [`pack`], [`action`], [`trigger`] and [`rule`]
//! are what people write; [`execution`], [`status`] and [`workflow`] are what happens; [`account`] says who may.

pub mod account;
pub mod action;
pub mod configuration;
pub mod depth;
pub mod execution;
mod hexadecimal;
pub mod id;
pub mod media_type;
pub mod names;
mod nearest;
pub mod output;
pub mod pack;
pub mod parameters;
pub mod payload;
pub mod quoted;
pub mod reference;
pub mod rule;
pub mod secrets;
pub mod size;
pub mod status;
pub mod time;
pub mod trigger;
pub mod workflow;

pub use account::{ApiKey, Token, User};
pub use action::Action;
pub use execution::Execution;
pub use hexadecimal::hexadecimal;
pub use id::{ApiKeyId, EnforcementId, ExecutionId, Id, RuleId, TokenId, TriggerInstanceId};
pub use nearest::nearest;
pub use pack::{Pack, PackConfig};
pub use payload::Payload;
pub use reference::Ref;
pub use rule::{Enforcement, Rule};
pub use status::{Status, StatusEvent};
pub use time::Timestamp;
pub use trigger::{Trigger, TriggerInstance, TriggerType};
pub use workflow::{KeyValue, Parent, WorkflowDefinition, WorkflowEntry, WorkflowEvent, WorkflowLimits};

/// A JSON object whose keys keep the order in which they were written.
pub type Object = serde_json::Map<String, serde_json::Value>;
