//! The 14 statuses of an execution and the moves between them.
//!
//! [`Status::after`] alone defines which moves are legal. Spelling and meaning are StackStorm's, with one addition:
//! [`StatusEvent::Requeued`], by which an idempotent execution whose host was lost is run again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Requested, and not yet considered by the scheduler.
    Requested,
    /// Admitted, and waiting for a slot.
    Scheduled,
    /// Delayed, by its own delay or by a policy.
    Delayed,
    /// Being run by a runner.
    Running,
    /// Waiting for an answer of a person.
    Pending,
    /// Paused as soon as everything inside it has ended.
    Pausing,
    /// Paused until it is resumed.
    Paused,
    /// About to run again.
    Resuming,
    /// Being ended on request.
    Canceling,
    /// Final: ended with success.
    Succeeded,
    /// Final: ended with failure.
    Failed,
    /// Final: ended by its timeout.
    Timeout,
    /// Final: its host was lost while it ran, so nobody knows how far it got.
    Abandoned,
    /// Final: ended on request.
    Canceled,
}

/// An event that can move the status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StatusEvent {
    /// The scheduler admitted it.
    Scheduled,
    /// The scheduler delayed it.
    Delayed,
    /// A runner started it, or continued it.
    Started,
    /// It asked a question.
    Asked,
    /// A pause was requested.
    PauseRequested,
    /// Everything inside it is paused.
    Paused,
    /// A resume was requested.
    ResumeRequested,
    /// A cancel was requested.
    CancelRequested,
    /// It has ended after a request to cancel it, or never started.
    Canceled,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It exceeded its timeout.
    TimedOut,
    /// Its host was lost.
    Abandoned,
    /// Its host was lost, and it may be run again.
    Requeued,
}

/// A move that is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an execution that is {status} cannot be moved by `{event:?}`")]
pub struct IllegalMove {
    /// The present status.
    pub status: Status,
    /// The event.
    pub event: StatusEvent,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 14] = [
        Self::Requested,
        Self::Scheduled,
        Self::Delayed,
        Self::Running,
        Self::Pending,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
        Self::Canceling,
        Self::Succeeded,
        Self::Failed,
        Self::Timeout,
        Self::Abandoned,
        Self::Canceled,
    ];

    /// Every final status.
    pub const FINAL: [Self; 5] =
        [Self::Succeeded, Self::Failed, Self::Timeout, Self::Abandoned, Self::Canceled];

    /// The status after `event`.
    ///
    /// | from | events |
    /// |---|---|
    /// | requested, scheduled, delayed | scheduled, delayed, started, canceled (a cancel request ends it at once), failed (its parameters cannot be rendered) |
    /// | running | asked, pause requested, cancel requested, the four outcomes, requeued |
    /// | pending | succeeded (answered), failed, timed out, canceled (a cancel request ends it at once, as nothing runs) |
    /// | pausing | paused, cancel requested, the four outcomes, requeued |
    /// | paused | resume requested, cancel requested, timed out |
    /// | resuming | started, cancel requested, the four outcomes, requeued |
    /// | canceling | canceled; any outcome that comes after the request counts as that, since a cancel is sticky |
    /// | final statuses | none |
    pub fn after(self, event: StatusEvent) -> Result<Self, IllegalMove> {
        use StatusEvent as E;
        let illegal = Err(IllegalMove { status: self, event });
        match self {
            Self::Requested | Self::Scheduled | Self::Delayed => match event {
                E::Scheduled => Ok(Self::Scheduled),
                E::Delayed => Ok(Self::Delayed),
                E::Started => Ok(Self::Running),
                E::CancelRequested | E::Canceled => Ok(Self::Canceled),
                E::Failed => Ok(Self::Failed),
                E::Requeued => Ok(Self::Requested),
                E::Asked
                | E::PauseRequested
                | E::Paused
                | E::ResumeRequested
                | E::Succeeded
                | E::TimedOut
                | E::Abandoned => illegal,
            },
            Self::Running => match event {
                E::Asked => Ok(Self::Pending),
                E::PauseRequested => Ok(Self::Pausing),
                E::CancelRequested => Ok(Self::Canceling),
                other => outcome(other).ok_or(IllegalMove { status: self, event }),
            },
            Self::Pending => match event {
                E::Succeeded => Ok(Self::Succeeded),
                E::Failed => Ok(Self::Failed),
                E::TimedOut => Ok(Self::Timeout),
                // StackStorm does not cancel what waits for an answer, so that its workflow never ends either.
                E::CancelRequested | E::Canceled => Ok(Self::Canceled),
                _ => illegal,
            },
            Self::Pausing => match event {
                E::Paused => Ok(Self::Paused),
                E::CancelRequested => Ok(Self::Canceling),
                other => outcome(other).ok_or(IllegalMove { status: self, event }),
            },
            Self::Paused => match event {
                E::ResumeRequested => Ok(Self::Resuming),
                E::CancelRequested => Ok(Self::Canceling),
                E::TimedOut => Ok(Self::Timeout),
                _ => illegal,
            },
            Self::Resuming => match event {
                E::Started => Ok(Self::Running),
                E::CancelRequested => Ok(Self::Canceling),
                other => outcome(other).ok_or(IllegalMove { status: self, event }),
            },
            Self::Canceling => match event {
                // The request was acknowledged, so the execution ends as canceled even if another outcome was faster.
                E::Asked
                | E::Canceled
                | E::Succeeded
                | E::Failed
                | E::TimedOut
                | E::Abandoned
                | E::Requeued => Ok(Self::Canceled),
                _ => illegal,
            },
            Self::Succeeded | Self::Failed | Self::Timeout | Self::Abandoned | Self::Canceled => illegal,
        }
    }

    /// Whether no event moves it any further.
    pub fn is_final(self) -> bool {
        Self::FINAL.contains(&self)
    }

    /// Whether it waits for a slot.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Requested | Self::Scheduled | Self::Delayed)
    }

    /// Whether it can be canceled.
    pub fn is_cancelable(self) -> bool {
        self.after(StatusEvent::CancelRequested).is_ok()
    }

    /// Its name, as StackStorm spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Canceling => "canceling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Canceled => "canceled",
        }
    }
}

/// The final status after an outcome, or the status after a requeue.
fn outcome(event: StatusEvent) -> Option<Status> {
    match event {
        StatusEvent::Succeeded => Some(Status::Succeeded),
        StatusEvent::Failed => Some(Status::Failed),
        StatusEvent::TimedOut => Some(Status::Timeout),
        StatusEvent::Abandoned => Some(Status::Abandoned),
        StatusEvent::Requeued => Some(Status::Requested),
        _ => None,
    }
}

impl StatusEvent {
    /// Every event.
    pub const ALL: [Self; 14] = [
        Self::Scheduled,
        Self::Delayed,
        Self::Started,
        Self::Asked,
        Self::PauseRequested,
        Self::Paused,
        Self::ResumeRequested,
        Self::CancelRequested,
        Self::Canceled,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Abandoned,
        Self::Requeued,
    ];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a status; statuses are requested, scheduled, delayed, running, pending, pausing, paused, resuming, canceling, succeeded, failed, timeout, abandoned, canceled"
)]
pub struct InvalidStatus(pub String);

impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| InvalidStatus(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table: one line for each status, one letter for each event in the order of [`StatusEvent::ALL`]. A
    /// letter is the first one of the resulting status (`.` = illegal).
    const TABLE: [(Status, &str); 14] = [
        (Status::Requested, "Sc De Ru .  .  .  .  Cd Cd .  Fa .  .  Re"),
        (Status::Scheduled, "Sc De Ru .  .  .  .  Cd Cd .  Fa .  .  Re"),
        (Status::Delayed, "Sc De Ru .  .  .  .  Cd Cd .  Fa .  .  Re"),
        (Status::Running, ".  .  .  Pe Pi .  .  Cg .  Su Fa Ti Ab Re"),
        (Status::Pending, ".  .  .  .  .  .  .  Cd Cd Su Fa Ti .  ."),
        (Status::Pausing, ".  .  .  .  .  Pd .  Cg .  Su Fa Ti Ab Re"),
        (Status::Paused, ".  .  .  .  .  .  Rs Cg .  .  .  Ti .  ."),
        (Status::Resuming, ".  .  Ru .  .  .  .  Cg .  Su Fa Ti Ab Re"),
        (Status::Canceling, ".  .  .  Cd .  .  .  .  Cd Cd Cd Cd Cd Cd"),
        (Status::Succeeded, ".  .  .  .  .  .  .  .  .  .  .  .  .  ."),
        (Status::Failed, ".  .  .  .  .  .  .  .  .  .  .  .  .  ."),
        (Status::Timeout, ".  .  .  .  .  .  .  .  .  .  .  .  .  ."),
        (Status::Abandoned, ".  .  .  .  .  .  .  .  .  .  .  .  .  ."),
        (Status::Canceled, ".  .  .  .  .  .  .  .  .  .  .  .  .  ."),
    ];

    fn short(status: Status) -> &'static str {
        match status {
            Status::Requested => "Re",
            Status::Scheduled => "Sc",
            Status::Delayed => "De",
            Status::Running => "Ru",
            Status::Pending => "Pe",
            Status::Pausing => "Pi",
            Status::Paused => "Pd",
            Status::Resuming => "Rs",
            Status::Canceling => "Cg",
            Status::Succeeded => "Su",
            Status::Failed => "Fa",
            Status::Timeout => "Ti",
            Status::Abandoned => "Ab",
            Status::Canceled => "Cd",
        }
    }

    #[test]
    fn every_status_with_every_event() {
        assert_eq!(TABLE.map(|(status, _)| status), Status::ALL);
        for (status, row) in TABLE {
            let actual: Vec<_> =
                StatusEvent::ALL.map(|event| status.after(event).map_or(".", short)).into_iter().collect();
            assert_eq!(actual, row.split_whitespace().collect::<Vec<_>>(), "{status}");
        }
    }

    #[test]
    fn final_means_that_nothing_leads_on() {
        for status in Status::ALL {
            let stuck = StatusEvent::ALL.into_iter().all(|event| status.after(event).is_err());
            assert_eq!(status.is_final(), stuck, "{status}");
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }

    #[test]
    fn every_status_can_reach_a_final_one() {
        for status in Status::ALL {
            let mut reached = vec![status];
            let mut next = 0;
            while let Some(from) = reached.get(next).copied() {
                next += 1;
                for to in StatusEvent::ALL.into_iter().filter_map(|event| from.after(event).ok()) {
                    if !reached.contains(&to) {
                        reached.push(to);
                    }
                }
            }
            assert!(reached.into_iter().any(Status::is_final), "{status}");
        }
    }
}
