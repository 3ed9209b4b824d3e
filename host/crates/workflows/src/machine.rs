//! The two status machines of Orquesta: what an event makes of a task, and what a task's change makes of
//! its workflow. Pure: `None` says that the event changes nothing.
//!
//! The events carry what the machines need to know beside the status: whether other items of the task, or
//! other tasks of the workflow, are still active. Who finds that out is [`crate::conductor`].

#![expect(clippy::match_same_arms, reason = "an arm is a row of a table")]

use crate::status::Status;

/// What the other items of a task are doing when one of them reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherItems {
    /// Some are active.
    Active,
    /// None is active, and some rest.
    Paused,
    /// None is active, and some were canceled.
    Canceled,
    /// None is active, and some have failed.
    Failed,
    /// None is active, and some have not begun.
    Incomplete,
    /// All have succeeded.
    Completed,
}

/// What is left of a workflow when a task has succeeded, or its failure was taken care of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// A task was canceled, or is about to be.
    Canceled,
    /// A task rests, or is about to.
    Paused,
    /// There are tasks to start.
    Incomplete,
    /// Nothing.
    Completed,
}

/// A task's change, as its workflow sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskChange {
    /// It has this status now; `is_active` says whether any task is active.
    Plain {
        /// The status.
        status: Status,
        /// Whether any task of the workflow is active.
        is_active: bool,
    },
    /// It has succeeded, or its failure was taken care of.
    Done {
        /// Whether it was a failure.
        is_remediated: bool,
        /// Whether any task of the workflow is active.
        is_active: bool,
        /// What is left.
        rest: Rest,
    },
}

/// What a task is after its action reported `reported`.
pub fn task_after_action(current: Status, reported: Status) -> Option<Status> {
    use Status::{
        Abandoned, Canceled, Canceling, Delayed, Failed, Paused, Pausing, Pending, Requested, Resuming,
        Retrying, Running, Scheduled, Succeeded, Timeout, Unset,
    };
    let is_kept = match current {
        Unset => reported.is_starting(),
        Requested | Scheduled | Delayed => {
            // From here on in that order, and back from a delay.
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
        (Running | Pending | Pausing | Canceling, Timeout | Abandoned) => Some(Failed),
        (Canceling, Paused) => Some(Canceled),
        _ => None,
    }
}

/// What a task with items is after one of them reported `reported`.
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

/// What a running task with items is after its workflow was asked for `requested`: told at once that it
/// is to rest or end, since no more items are started.
pub fn task_after_request(current: Status, requested: Status, has_active_items: bool) -> Option<Status> {
    match (current, requested) {
        (Status::Running, Status::Pausing | Status::Paused) => {
            Some(if has_active_items { Status::Pausing } else { Status::Paused })
        }
        (Status::Running, Status::Canceling | Status::Canceled) => {
            Some(if has_active_items { Status::Canceling } else { Status::Canceled })
        }
        _ => None,
    }
}

/// What a workflow is after it was asked for `requested`; `is_active` says whether any task is active,
/// `is_over` whether nothing is left to be done.
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
        Succeeded => (requested == Failed).then_some(Failed),
        _ => None,
    }
}

/// What a workflow is after a task of it changed.
pub fn workflow_after_task(current: Status, change: TaskChange) -> Option<Status> {
    use Status::{Canceled, Canceling, Failed, Paused, Pausing, Resuming, Running};
    match change {
        TaskChange::Done { is_remediated, is_active, rest } => match current {
            Running | Pausing | Resuming | Canceling => {
                workflow_after_done(current, is_remediated, is_active, rest)
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

fn workflow_after_done(current: Status, is_remediated: bool, is_active: bool, rest: Rest) -> Option<Status> {
    use Status::{Canceled, Canceling, Paused, Pausing, Resuming, Running, Succeeded};
    match (current, is_active, rest) {
        (Running | Resuming, _, Rest::Incomplete) | (Running | Resuming, true, Rest::Completed) => {
            Some(Running)
        }
        (Resuming, true, _) => None,
        (Running, true, Rest::Paused) => Some(Pausing),
        (Running, true, Rest::Canceled) => Some(Canceling),
        (Running | Resuming, false, Rest::Completed) => Some(Succeeded),
        (Running | Resuming, false, Rest::Paused) => Some(Paused),
        (Running | Resuming | Pausing, false, Rest::Canceled) => Some(Canceled),
        (Pausing, true, Rest::Canceled) if is_remediated => Some(Canceling),
        (Pausing, true, _) => Some(Pausing),
        (Pausing, false, _) => Some(Paused),
        (Canceling, true, Rest::Incomplete | Rest::Completed) => Some(Canceling),
        (Canceling, true, _) => None,
        (Canceling, false, _) => Some(Canceled),
        _ => None,
    }
}
