//! The correspondence between the status of a workflow and that of its execution.

#![expect(clippy::match_same_arms, reason = "an arm is a row of a table")]

use petrel_model::{Status as Stored, StatusEvent};
use petrel_workflows::Status;

/// The moves from an execution's status to that of its workflow; empty when it is there, or has ended.
pub(super) fn moves(from: Stored, to: Status) -> &'static [StatusEvent] {
    use StatusEvent as E;
    match (from, to) {
        (Stored::Requested | Stored::Scheduled | Stored::Delayed, Status::Failed) => &[E::Failed],
        (Stored::Requested | Stored::Scheduled | Stored::Delayed, _) => &[E::Started],
        (Stored::Running, Status::Pausing) => &[E::PauseRequested],
        (Stored::Running, Status::Paused) => &[E::PauseRequested, E::Paused],
        (Stored::Resuming, Status::Pausing) => &[E::Started, E::PauseRequested],
        (Stored::Resuming, Status::Paused) => &[E::Started, E::PauseRequested, E::Paused],
        (Stored::Pausing, Status::Paused) => &[E::Paused],
        (Stored::Pausing, Status::Resuming) => &[E::Paused, E::ResumeRequested],
        (Stored::Pausing, Status::Running) => &[E::Paused, E::ResumeRequested, E::Started],
        (Stored::Paused, Status::Resuming) => &[E::ResumeRequested],
        (Stored::Paused, Status::Running) => &[E::ResumeRequested, E::Started],
        (Stored::Paused, Status::Succeeded) => &[E::ResumeRequested, E::Succeeded],
        (Stored::Paused, Status::Failed) => &[E::ResumeRequested, E::Failed],
        (Stored::Resuming, Status::Running) => &[E::Started],
        (Stored::Canceling, Status::Canceled | Status::Failed | Status::Succeeded | Status::Timeout) => {
            &[E::Canceled]
        }
        (Stored::Running | Stored::Pausing | Stored::Paused | Stored::Resuming, Status::Canceling) => {
            &[E::CancelRequested]
        }
        (Stored::Running | Stored::Pausing | Stored::Paused | Stored::Resuming, Status::Canceled) => {
            &[E::CancelRequested, E::Canceled]
        }
        (Stored::Running | Stored::Pausing | Stored::Resuming, Status::Succeeded) => &[E::Succeeded],
        (Stored::Running | Stored::Pausing | Stored::Resuming, Status::Failed) => &[E::Failed],
        (Stored::Running | Stored::Pausing | Stored::Resuming, Status::Timeout) => &[E::TimedOut],
        (Stored::Paused, Status::Timeout) => &[E::TimedOut],
        _ => &[],
    }
}

/// The status of an execution as its workflow sees it.
pub(super) fn reported(status: Stored) -> Status {
    match status {
        Stored::Requested => Status::Requested,
        Stored::Scheduled => Status::Scheduled,
        Stored::Delayed => Status::Delayed,
        Stored::Running => Status::Running,
        Stored::Pending => Status::Pending,
        Stored::Pausing => Status::Pausing,
        Stored::Paused => Status::Paused,
        Stored::Resuming => Status::Resuming,
        Stored::Canceling => Status::Canceling,
        Stored::Succeeded => Status::Succeeded,
        Stored::Failed => Status::Failed,
        Stored::Timeout => Status::Timeout,
        Stored::Abandoned => Status::Abandoned,
        Stored::Canceled => Status::Canceled,
    }
}
