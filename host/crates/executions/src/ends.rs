//! The events of executions that end: the trigger type `core.st2.generic.actiontrigger`, with StackStorm's payload, and those
//! of [`notifications`]. Each is committed with the end that it reports, whatever led to it, since all
//! ends are changes that pass through [`Queue::commit`](crate::Queue::commit) or
//! [`Queue::report_ends`](crate::Queue::report_ends).

use petrel_engine_core::Report;
use petrel_model::trigger::ACTION_TRIGGER;
use petrel_model::{Execution, Object};
use petrel_persistence::Change;
use serde_json::json;

use super::masked_end::MaskedEnd;
use super::notifications;
use super::queue::Queue;

/// The execution that this change ends, if it ends one.
pub(super) fn ended(change: &Change) -> Option<&Execution> {
    match change {
        Change::UpdateExecution(execution) | Change::CreateExecution(execution) => {
            Some(execution).filter(|execution| execution.status.is_final())
        }
        _ => None,
    }
}

/// The events of the end of `execution`, if anybody listens.
pub(super) fn events(queue: &Queue, execution: &Execution) -> impl Iterator<Item = Change> {
    // In StackStorm's order.
    let told = notifications::events(queue.core(), queue.catalog(), queue.keys(), execution);
    told.into_iter().chain(event(queue, execution))
}

/// The event for whoever listens to the ends of all actions.
fn event(queue: &Queue, execution: &Execution) -> Option<Change> {
    if !queue.options().action_trigger_when.contains(&execution.status) {
        return None;
    }
    let at = execution.ended_at.unwrap_or_else(|| queue.core().now());
    queue.core().report(ACTION_TRIGGER, at, || Report {
        payload: payload(queue, execution),
        trace: Some(execution.trace_id()),
        trace_tag: execution.context.trace_tag.clone(),
        caused_by: Some(execution.id),
        depth: execution.context.event_depth.saturating_add(1),
    })
}

fn payload(queue: &Queue, execution: &Execution) -> Object {
    let MaskedEnd { parameters, result, left_out } = MaskedEnd::of(&queue.catalog().content(), execution);
    let mut payload = Object::new();
    for (name, value) in [
        ("execution_id", json!(execution.id)),
        ("status", json!(execution.status.as_str())),
        ("start_timestamp", json!(execution.requested_at.as_python_prints())),
        ("action_name", json!(execution.action)),
        ("action_ref", json!(execution.action)),
        ("runner_ref", json!(execution.runner)),
        ("parameters", parameters),
        ("result", result),
    ] {
        payload.insert(name.to_owned(), value);
    }
    if !left_out.is_empty() {
        // Beyond StackStorm, which copies whatever there is.
        payload.insert("left_out".to_owned(), json!(left_out));
    }
    payload
}
