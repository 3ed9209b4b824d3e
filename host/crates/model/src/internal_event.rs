//! Internal events: what the platform itself reports, such as the end of an action or a change of the datastore.
//!
//! An internal event is stored in the commit of what it reports (the *outbox*), so that none is lost with the host. The
//! service of triggers takes it from there, and makes the trigger instance.

use serde::{Deserialize, Serialize};

use crate::count::is_zero;
use crate::{ExecutionId, InternalEventId, Object, Ref, Timestamp, TraceId, TraceTag};

/// An event of the platform that is not yet a trigger instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InternalEvent {
    /// Its id. Events are taken from the outbox in the order of their ids.
    pub id: InternalEventId,
    /// The trigger type, `core.st2.generic.actiontrigger` for example. It has no parameters.
    #[serde(rename = "type")]
    pub kind: Ref,
    /// The payload, as the schema of the trigger type describes it.
    pub payload: Object,
    /// The time of what it reports.
    pub occurred_at: Timestamp,
    /// The trace of what it reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The tag of that trace, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_tag: Option<TraceTag>,
    /// The execution that it reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<ExecutionId>,
    /// The number of events of actions that led to this one, one after the other, as [`event_depth`](crate::event_depth) counts.
    /// A rule whose action sets off the rule again makes it grow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// The row with the fields that its payload has in common with those of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<InternalEventId>,
}

/// The fields that the payloads of several events have in common that were reported together: those about one end by
/// several routes. It is stored once, and goes with the last of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedPayload {
    /// Its id, which comes before those of its events.
    pub id: InternalEventId,
    /// The last of its events.
    pub last: InternalEventId,
    /// The fields.
    pub payload: Object,
}
