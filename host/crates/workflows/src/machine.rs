//! The two status machines of Orquesta: the effect of an event on a task, and the effect of a task's change on its
//! workflow. Pure functions. `None` means that nothing changes.
//!
//! The events include what the machines must know besides the status: whether other items of the task, or other tasks
//! of the workflow, are active. [`crate::conductor`] determines that.

#![expect(clippy::match_same_arms, reason = "an arm is a row of a table")]

use crate::status::Status;

/// The state of the other items of a task when one of them reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherItems {
    /// Some are active.
    Active,
    /// None is active, and some are paused.
    Paused,
    /// None is active, and some were canceled.
    Canceled,
    /// None is active, and some have failed.
    Failed,
    /// None is active, and some have not started.
    Incomplete,
    /// All have succeeded.
    Completed,
}

/// The remaining work of a workflow when a task has succeeded, or its failure was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// A task was canceled, or is being canceled.
    Canceled,
    /// A task is paused, or is being paused.
    Paused,
    /// There are tasks to start.
    Incomplete,
    /// Nothing remains.
    Completed,
}

/// The change of a task, from the view of its workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskChange {
    /// The task has a new status.
    Plain {
        /// The status.
        status: Status,
        /// Whether any task of the workflow is active.
        is_active: bool,
    },
    /// The task has succeeded, or its failure was handled.
    Done {
        /// Whether it has failed and a transition handled that.
        is_remediated: bool,
        /// Whether any task of the workflow is active.
        is_active: bool,
        /// The remaining work.
        remaining: Remaining,
    },
}

/// The status of a task after its action reported `reported`.
pub fn task_after_action(current: Status, reported: Status) -> Option<Status> {
    use Status::{
        Abandoned, Canceled, Canceling, Delayed, Failed, Paused, Pausing, Pending, Requested, Resuming,
        Retrying, Running, Scheduled, Succeeded, Timeout, Unset,
    };
    let is_kept = match current {
        Unset => reported.is_starting(),
        Requested | Scheduled | Delayed => {
            // Statuses only move forward in this order, apart from the return from a delay.
            let is_later = match reported {
                Scheduled => current != Scheduled,
                Delayed => current != Delayed,
                Running | Pending => true,
                _ => false,
            };
            is_later || matches!(reported, Pausing | Paused | Canceling | Canceled) || reported.is_abended()
        }
        Running => matches!(
            reported,
            Running | Pending | Pausing | Paused | Canceling | Canceled | Failed | Succeeded
        ),
        Pending => matches!(reported, Canceled | Failed | Succeeded),
        Pausing => matches!(reported, Paused | Resuming | Canceling | Canceled | Failed),
        Paused => matches!(reported, Running | Resuming | Canceling | Canceled),
        Resuming | Retrying => matches!(reported, Running | Canceling | Canceled),
        Canceling => matches!(reported, Canceled | Failed),
        Succeeded | Failed | Timeout | Abandoned | Canceled => false,
    };
    match (current, reported) {
        _ if is_kept => Some(reported),
        // Orquesta has no such end of a task: to its workflow both are failures.
        (Running | Pending | Pausing | Canceling, Timeout | Abandoned) => Some(Failed),
        // An action that pauses while its workflow is being canceled will not run again.
        (Canceling, Paused) => Some(Canceled),
        _ => None,
    }
}

/// The status of a task with items after one of them reported `reported`.
pub fn task_after_item(current: Status, reported: Status, others: OtherItems) -> Option<Status> {
    use Status::{Canceled, Canceling, Failed, Paused, Pausing, Running, Succeeded};
    if !(reported.is_completed() || reported.is_resting()) {
        return if reported == Status::Resuming { None } else { task_after_action(current, reported) };
    }
    let is_dormant = others != OtherItems::Active;
    match current {
        Running | Pausing => match (reported, others) {
            (Canceled, OtherItems::Active) => (current == Running).then_some(Canceling),
            (_, OtherItems::Active) if reported.is_resting() => (current == Running).then_some(Pausing),
            (Succeeded, OtherItems::Active) => (current == Running).then_some(Running),
            (_, OtherItems::Active) => None,
            (Canceled, _) | (_, OtherItems::Canceled) => Some(Canceled),
            (Succeeded, OtherItems::Completed) => Some(Succeeded),
            (Succeeded, OtherItems::Incomplete) => Some(if current == Running { Running } else { Paused }),
            (Succeeded, OtherItems::Paused) => Some(Paused),
            (_, OtherItems::Failed) => Some(Failed),
            _ if reported.is_resting() => Some(Paused),
            _ => Some(Failed),
        },
        Canceling if is_dormant => match (reported, others) {
            (Succeeded, OtherItems::Completed) => Some(Succeeded),
            _ => Some(Canceled),
        },
        _ => None,
    }
}

/// The status of a running task with items after its workflow was asked for `requested`. It changes at once, since no
/// more items are started.
pub fn task_after_request(current: Status, requested: Status, has_active_items: bool) -> Option<Status> {
    match (current, requested) {
        (Status::Running | Status::Resuming, Status::Pausing | Status::Paused) => {
            Some(if has_active_items { Status::Pausing } else { Status::Paused })
        }
        (Status::Running | Status::Resuming, Status::Canceling | Status::Canceled) => {
            Some(if has_active_items { Status::Canceling } else { Status::Canceled })
        }
        _ => None,
    }
}

/// The status of a workflow that was asked for `requested`. `is_active` says whether any task is active, `is_over`
/// whether nothing is left to do.
pub fn workflow_after_request(
    current: Status,
    requested: Status,
    is_active: bool,
    is_over: bool,
) -> Option<Status> {
    use Status::{
        Canceled, Canceling, Delayed, Failed, Paused, Pausing, Requested, Resuming, Running, Scheduled,
        Succeeded, Unset,
    };
    let rests = matches!(requested, Pausing | Paused);
    let ends = matches!(requested, Canceling | Canceled);
    match current {
        Unset | Requested | Scheduled | Delayed => match requested {
            Requested if current == Unset => Some(Requested),
            Scheduled if current != Scheduled => Some(Scheduled),
            Delayed if current != Delayed => Some(Delayed),
            Running | Failed => Some(requested),
            _ if current == Unset || is_active => None,
            _ if rests => Some(Paused),
            _ if ends => Some(Canceled),
            _ => None,
        },
        Running | Pausing | Resuming => match requested {
            _ if rests => Some(if is_active { Pausing } else { Paused }),
            _ if ends => Some(if is_active { Canceling } else { Canceled }),
            Failed => Some(Failed),
            Succeeded => (current == Running).then_some(Succeeded),
            Running => (current != Running).then_some(Running),
            Resuming => (current == Pausing).then_some(Resuming),
            _ => None,
        },
        Paused => match requested {
            // Everything may have ended during the pause.
            Running | Resuming => Some(if is_over { Succeeded } else { requested }),
            Failed => Some(Failed),
            _ if ends && !is_active => Some(Canceled),
            _ => None,
        },
        Canceling => match requested {
            _ if ends => Some(if is_active { Canceling } else { Canceled }),
            Failed => Some(Failed),
            _ => None,
        },
        // The output is evaluated after the workflow has succeeded, and an error in it makes the workflow fail.
        Succeeded => (requested == Failed).then_some(Failed),
        _ => None,
    }
}

/// The status of a workflow after one of its tasks changed.
pub fn workflow_after_task(current: Status, change: TaskChange) -> Option<Status> {
    use Status::{Canceled, Canceling, Failed, Paused, Pausing, Resuming, Running};
    match change {
        TaskChange::Done { is_remediated, is_active, remaining } => match current {
            Running | Pausing | Resuming | Canceling => {
                workflow_after_done(current, is_remediated, is_active, remaining)
            }
            _ => None,
        },
        TaskChange::Plain { status, is_active } => {
            let resting = if is_active { Pausing } else { Paused };
            let ending = if is_active { Canceling } else { Canceled };
            match (current, status) {
                (Paused, Running | Resuming) | (Resuming, Running) | (Running, Pausing) => Some(Running),
                (Running | Pausing | Resuming, Status::Pending) | (Pausing, Paused | Status::Retrying) => {
                    Some(resting)
                }
                (Running, Paused) => Some(if is_active { Running } else { Paused }),
                (Running | Pausing | Resuming, Canceling) => Some(Canceling),
                (Running | Pausing | Resuming, _) if status.is_abended() => Some(Failed),
                (Running | Pausing | Resuming | Canceling, Canceled) => Some(ending),
                (Canceling, Status::Pending | Paused | Status::Retrying) => Some(ending),
                (Canceling, _) if status.is_abended() => Some(ending),
                _ => None,
            }
        }
    }
}

fn workflow_after_done(
    current: Status,
    is_remediated: bool,
    is_active: bool,
    remaining: Remaining,
) -> Option<Status> {
    use Status::{Canceled, Canceling, Paused, Pausing, Resuming, Running, Succeeded};
    match (current, is_active, remaining) {
        (Running | Resuming, _, Remaining::Incomplete) | (Running | Resuming, true, Remaining::Completed) => {
            Some(Running)
        }
        (Resuming, true, _) => None,
        (Running, true, Remaining::Paused) => Some(Pausing),
        (Running, true, Remaining::Canceled) => Some(Canceling),
        (Running | Resuming, false, Remaining::Completed) => Some(Succeeded),
        (Running | Resuming, false, Remaining::Paused) => Some(Paused),
        (Running | Resuming | Pausing, false, Remaining::Canceled) => Some(Canceled),
        (Pausing, true, Remaining::Canceled) if is_remediated => Some(Canceling),
        (Pausing, true, _) => Some(Pausing),
        (Pausing, false, _) => Some(Paused),
        (Canceling, true, Remaining::Incomplete | Remaining::Completed) => Some(Canceling),
        (Canceling, true, _) => None,
        (Canceling, false, _) => Some(Canceled),
        _ => None,
    }
}
