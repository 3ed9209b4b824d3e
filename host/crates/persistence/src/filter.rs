//! The filter of a listing of executions, the same for every backend.

use petrel_model::{Execution, ExecutionId, Ref, Status, Timestamp, TriggerInstanceId};

/// The filter of a listing of executions. All given conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// The status.
    pub status: Option<Status>,
    /// The action.
    pub action: Option<Ref>,
    /// The reference of the rule that requested it.
    pub rule: Option<Ref>,
    /// The event that led to it.
    pub trigger_instance: Option<TriggerInstanceId>,
    /// The user on whose behalf it runs.
    pub user: Option<String>,
    /// The runner.
    pub runner: Option<String>,
    /// The time after which it was requested.
    pub after: Option<Timestamp>,
    /// The time before which it was requested.
    pub before: Option<Timestamp>,
    /// The workflow whose task requested it; `Some(None)` for executions outside of workflows.
    pub parent: Option<Option<ExecutionId>>,
}

impl ExecutionFilter {
    /// Whether `execution` matches the filter.
    pub fn admits(&self, execution: &Execution) -> bool {
        let context = &execution.context;
        self.status.is_none_or(|status| is_stored_as(status, execution.status))
            && self.user.as_ref().is_none_or(|user| context.user == *user)
            && self.runner.as_ref().is_none_or(|runner| execution.runner == *runner)
            && self.after.is_none_or(|after| execution.requested_at > after)
            && self.before.is_none_or(|before| execution.requested_at < before)
            && self
                .parent
                .is_none_or(|parent| execution.parent.as_ref().map(|parent| parent.execution) == parent)
            && self.action.as_ref().is_none_or(|action| execution.action == *action)
            && self
                .rule
                .as_ref()
                .is_none_or(|rule| context.rule.as_ref().is_some_and(|origin| origin.name == rule.as_str()))
            && self
                .trigger_instance
                .is_none_or(|id| context.trigger_instance.as_ref().is_some_and(|origin| origin.id == id))
    }
}

/// Whether an execution that is shown with a status may be stored with another one: `delayed` by its own time is stored
/// as requested.
fn is_stored_as(shown: Status, stored: Status) -> bool {
    shown == stored || (shown, stored) == (Status::Delayed, Status::Requested)
}
