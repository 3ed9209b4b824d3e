//! The parts of executions and events that decide on their retention, so that nobody reads whole rows to find old ones. The
//! services of these rows delete them.

use petrel_model::{
    EnforcementId, Execution, ExecutionId, Ref, Status, Timestamp, TraceLink, TriggerInstance,
    TriggerInstanceId,
};

/// The part of an execution that decides on its retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionAge {
    /// The id of the execution.
    pub id: ExecutionId,
    /// The time of its end; `None` while it has not ended.
    pub ended_at: Option<Timestamp>,
    /// The workflow that requested it.
    pub parent: Option<ExecutionId>,
    /// Its status.
    pub status: Status,
    /// Its action.
    pub action: Ref,
    /// The links of traces that are deleted with it.
    pub links: Vec<TraceLink>,
}

/// The part of an event that decides on its retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerInstanceAge {
    /// The id of the event.
    pub id: TriggerInstanceId,
    /// The time of the event.
    pub occurred_at: Timestamp,
    /// The enforcements that are deleted with it.
    pub enforcements: Vec<EnforcementId>,
    /// The links of traces that are deleted with it.
    pub links: Vec<TraceLink>,
}

impl From<Execution> for ExecutionAge {
    fn from(one: Execution) -> Self {
        let links = TraceLink::of_execution(&one);
        let parent = one.parent.map(|parent| parent.execution);
        Self { id: one.id, ended_at: one.ended_at, parent, status: one.status, action: one.action, links }
    }
}

impl From<TriggerInstance> for TriggerInstanceAge {
    fn from(one: TriggerInstance) -> Self {
        let links = TraceLink::of_event(&one);
        Self { id: one.id, occurred_at: one.occurrence_time, enforcements: one.enforcements, links }
    }
}
