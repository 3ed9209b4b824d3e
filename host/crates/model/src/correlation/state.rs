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
    /// The events, as far as they are held. In the row of a state there are none since they have rows of their own; those of
    /// earlier versions had them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<HeldEvent>,
    /// The numbers of the rows of the events, in the order of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u64>,
    /// The bytes of the payloads in these rows, where they are not read.
    #[serde(default)]
    pub held_bytes: usize,
}

/// The row of an event that a correlation holds, so that each event costs as much as it is large, whatever is held already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldRow {
    /// The key of the state, a colon, and the number of the row.
    pub key: String,
    /// The event.
    pub event: HeldEvent,
}

impl HeldRow {
    /// The key of the row with this number of a state.
    pub fn key_of(state: &str, number: u64) -> String {
        format!("{state}:{number:06}")
    }
}
