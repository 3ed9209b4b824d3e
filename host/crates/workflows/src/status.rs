//! The status of a workflow or a task, in Orquesta's words. [`crate::machine`] has the moves between statuses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The status of a workflow, a task, or an item of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing has been requested yet.
    #[default]
    #[serde(rename = "null")]
    Unset,
    /// Requested, and not yet scheduled.
    Requested,
    /// About to run.
    Scheduled,
    /// Waiting for its delay to pass.
    Delayed,
    /// Being run.
    Running,
    /// Waiting for an answer from outside.
    Pending,
    /// Paused as soon as running actions have ended.
    Pausing,
    /// Paused until it is resumed.
    Paused,
    /// About to run again.
    Resuming,
    /// Ended with success.
    Succeeded,
    /// Ended with failure.
    Failed,
    /// Ended by its timeout.
    Timeout,
    /// Ended with an unknown result, because the host that ran it is gone.
    Abandoned,
    /// Ended, and about to be repeated.
    Retrying,
    /// Canceled as soon as running actions have ended.
    Canceling,
    /// Ended on request.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 16] = [
        Self::Unset,
        Self::Requested,
        Self::Scheduled,
        Self::Delayed,
        Self::Running,
        Self::Pending,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
        Self::Succeeded,
        Self::Failed,
        Self::Timeout,
        Self::Abandoned,
        Self::Retrying,
        Self::Canceling,
        Self::Canceled,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "null",
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Retrying => "retrying",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
        }
    }

    /// Whether it is an initial status.
    pub fn is_starting(self) -> bool {
        matches!(self, Self::Requested | Self::Scheduled | Self::Delayed | Self::Running | Self::Pending)
    }

    /// Whether a workflow with it starts tasks.
    pub fn is_running(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Resuming
                | Self::Retrying
        )
    }

    /// Whether work is in progress.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Resuming
                | Self::Pausing
                | Self::Canceling
        )
    }

    /// Whether it is paused, or waits for an answer.
    pub fn is_resting(self) -> bool {
        matches!(self, Self::Pending | Self::Paused)
    }

    /// Whether it ended without success.
    pub fn is_abended(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Abandoned)
    }

    /// Whether it is final.
    pub fn is_completed(self) -> bool {
        self.is_abended() || matches!(self, Self::Succeeded | Self::Canceled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the status of a workflow; see Status::ALL")]
pub struct UnknownStatus(String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}
