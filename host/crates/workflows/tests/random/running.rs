//! The running actions of a workflow that is played through, for the random tests beside this file and the fuzz target
//! in `tests/fuzz`.

use std::sync::Arc;

use petrel_workflows::conductor::{Event, Report};
use petrel_workflows::{Conductor, Status, World};
use serde_json::Value;

/// A running action: task, route and item.
pub(crate) type Action = (Arc<str>, u32, Option<usize>);

/// Applies an event, and adds the actions that start because of it to `running`. Asserts that final statuses stay.
pub(crate) fn apply(conductor: &mut Conductor, event: &Event, running: &mut Vec<Action>) {
    let before = conductor.status();
    for start in conductor.apply(event, &World::default()).unwrap_or_default() {
        for action in &start.actions {
            running.push((Arc::clone(&start.task), start.route, action.item));
        }
    }
    if before.is_completed() {
        assert_eq!(conductor.status(), before, "{event:?}");
    }
}

/// The end of an action, by a number: one in four fails, and if the workflow `is_disturbed`, some are canceled or time
/// out.
pub(crate) fn ending(how: u8, is_disturbed: bool) -> Status {
    match how % 8 {
        0 | 1 => Status::Failed,
        2 if is_disturbed => Status::Timeout,
        3 if is_disturbed => Status::Canceled,
        _ => Status::Succeeded,
    }
}

/// The report that an action has ended with this status and result.
pub(crate) fn ended((task, route, item): Action, status: Status, result: Value) -> Event {
    Event::Report(Report { task, route, item, status, result: Arc::new(result), execution: None })
}
