//! What a correlation holds: events of one key, until it fires or its window ends.

use serde::{Deserialize, Serialize};

use crate::payload::Payload;
use crate::{Ref, RuleId, Timestamp, TraceId, TraceTag, TriggerInstanceId};

/// An event that a correlation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldEvent {
    /// Its place among the events of the rule: 0 is that of the rule's own trigger.
    #[serde(default)]
    pub part: usize,
    /// The event.
    pub id: TriggerInstanceId,
    /// Its trigger.
    pub trigger: Ref,
    /// The time at which it came in.
    pub at: Timestamp,
    /// Its payload with its secrets masked, unless it is too large to be held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// Its trace.
    pub trace: TraceId,
    /// The tag of its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_tag: Option<TraceTag>,
    /// The number of events of actions that led to it.
    #[serde(default)]
    pub depth: u32,
}

/// What a correlation holds of the events of one key. It changes in the commit of each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrelationState {
    /// The id of the rule, a colon, and the digest of the key.
    pub key: String,
    /// The rule.
    pub rule_id: RuleId,
    /// The digest of what the rule said then: what another version holds counts no more.
    pub made_for: String,
    /// The key of the events.
    #[serde(default)]
    pub group: String,
    /// The time of the first event.
    pub first_at: Timestamp,
    /// The time of the last one.
    pub last_at: Timestamp,
    /// The time at which the window ends.
    pub due_at: Timestamp,
    /// The number of events.
    pub count: u64,
    /// The events, as far as they are held.
    #[serde(default)]
    pub events: Vec<HeldEvent>,
}
