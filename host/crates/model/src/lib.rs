//! The nouns of Petrel, and nothing else.
//!
//! Everything here is pure: no clock, no randomness, no I/O, no async. Other crates decide (`petrel-rules`), store
//! (`petrel-persistence`) or act (`petrel-engine`) on these types. This crate only defines them and their legal moves.
//!
//! Reading order: [`id`], [`names`] and [`mod@reference`] name things. [`pack`], [`action`], [`trigger`], [`sensor`], [`rule`]
//! and [`policy`] are written by people. [`execution`], [`status`], [`inquiry`] and [`workflow`] describe what happens, [`trace`] what belongs
//! together, [`account`] the users, [`capabilities`] what packs may do.

pub mod account;
pub mod action;
pub mod breaker;
pub mod capabilities;
pub mod configuration;
pub mod correlation;
pub mod count;
pub mod delivery;
pub mod depth;
pub mod event_depth;
pub mod execution;
mod hexadecimal;
pub mod host_key;
pub mod id;
pub mod inquiry;
pub mod internal_event;
pub mod key_value;
pub mod maintenance;
pub mod media_type;
pub mod names;
pub mod nearest;
pub mod notify;
pub mod output;
pub mod pack;
pub mod parameters;
mod parsed;
pub mod payload;
pub mod pointer;
pub mod policy;
pub mod private_network;
pub mod quoted;
pub mod reference;
pub mod rule;
pub mod secrets;
pub mod sensor;
pub mod size;
pub mod status;
pub mod texts;
pub mod time;
pub mod timer;
pub mod trace;
pub mod trace_link;
pub mod trace_tag;
pub mod trigger;
pub mod unfit;
pub mod workflow;

pub use account::{ApiKey, Token, User};
pub use action::Action;
pub use breaker::BreakerState;
pub use capabilities::PackGrant;
pub use correlation::{Correlation, CorrelationState, HeldRow};
pub use delivery::Delivery;
pub use execution::Execution;
pub use hexadecimal::hexadecimal;
pub use host_key::HostKey;
pub use id::{
    ApiKeyId, EnforcementId, ExecutionId, Id, InternalEventId, PolicyId, RevisionId, RuleId, TokenId,
    TriggerInstanceId,
};
pub use internal_event::{InternalEvent, SharedPayload};
pub use key_value::{KeyValue, UserKeyValue};
pub use maintenance::{MaintenanceMode, MaintenanceWindow};
pub use notify::Notify;
pub use pack::{Pack, PackArtifact, PackConfig, Signed};
pub use payload::Payload;
pub use policy::{Policy, PolicyState};
pub use reference::Ref;
pub use rule::{Enforcement, Rule};
pub use sensor::{Sensor, SensorState};
pub use status::{Status, StatusEvent};
pub use time::Timestamp;
pub use timer::TimerState;
pub use trace::TraceId;
pub use trace_link::TraceLink;
pub use trace_tag::TraceTag;
pub use trigger::{MadeTrigger, Trigger, TriggerInstance, TriggerType};
pub use workflow::{Parent, WorkflowDefinition, WorkflowEntry, WorkflowEvent, WorkflowLimits};

/// A JSON object that keeps the order of its keys.
pub type Object = serde_json::Map<String, serde_json::Value>;
