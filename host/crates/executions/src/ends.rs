//! The events of executions that end: the trigger type `core.st2.generic.actiontrigger`, with StackStorm's payload. Each is
//! committed with the end that it reports, whatever led to it, since all ends are changes that pass through
//! [`Queue::commit`](crate::Queue::commit) or [`Queue::report_ends`](crate::Queue::report_ends).

use petrel_engine_core::Report;
use petrel_model::execution::masked;
use petrel_model::trigger::ACTION_TRIGGER;
use petrel_model::{Execution, Object, size};
use petrel_persistence::Change;
use serde_json::{Value, json};

use super::queue::Queue;

/// The greatest size of the parameters, and of the result, that an event repeats, in bytes. Larger ones are left out of it.
const LARGEST: usize = 256 << 10;

/// The execution that this change ends, if it ends one.
pub(super) fn ended(change: &Change) -> Option<&Execution> {
    match change {
        Change::UpdateExecution(execution) | Change::CreateExecution(execution) => {
            Some(execution).filter(|execution| execution.status.is_final())
        }
        _ => None,
    }
}

/// The event of the end of `execution`, if anybody listens.
pub(super) fn event(queue: &Queue, execution: &Execution) -> Option<Change> {
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
    let content = queue.catalog().content();
    let registered = content.registered(&execution.action);
    let mut left_out = Vec::new();
    // Asked first, so that nothing large is copied in order to mask it.
    let parameters = if execution.parameters.values().map(size::of_value).sum::<usize>() > LARGEST {
        left_out.push("parameters");
        Value::Null
    } else {
        let schemas = registered.map(|registered| &registered.parameters);
        Value::Object(Object::clone(&masked::parameters(execution, schemas)))
    };
    let result = if execution.result.as_ref().is_some_and(|result| size::of_value(result) > LARGEST) {
        left_out.push("result");
        Value::Null
    } else {
        let action = registered.map(|registered| registered.action.as_ref());
        Value::clone(&masked::result(execution, action))
    };
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
