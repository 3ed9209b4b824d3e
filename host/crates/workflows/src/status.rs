//! Where a workflow or a task stands, in Orquesta's words. How one status leads to another is
//! [`crate::machine`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The status of a workflow, a task, or an item of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing was asked for yet.
    #[default]
    #[serde(rename = "null")]
    Unset,
    /// Asked for.
    Requested,
    /// About to run.
    Scheduled,
    /// Waits for its time.
    Delayed,
    /// Runs.
    Running,
    /// Waits for an answer from outside.
    Pending,
    /// Will be paused when what runs has ended.
    Pausing,
    /// Rests until it is resumed.
    Paused,
    /// About to run again.
    Resuming,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Took too long.
    Timeout,
    /// Whoever ran it is gone.
    Abandoned,
    /// Ended, and will be done again.
    Retrying,
    /// Will be canceled when what runs has ended.
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

    /// Whether it is one to begin with.
    pub fn is_starting(self) -> bool {
        matches!(self, Self::Requested | Self::Scheduled | Self::Delayed | Self::Running | Self::Pending)
    }

    /// Whether a workflow in it starts tasks.
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

    /// Whether something goes on.
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

    /// Whether it rests, and may go on.
    pub fn is_resting(self) -> bool {
        matches!(self, Self::Pending | Self::Paused)
    }

    /// Whether it ended badly.
    pub fn is_abended(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Abandoned)
    }

    /// Whether it has ended.
    pub fn is_completed(self) -> bool {
        self.is_abended() || matches!(self, Self::Succeeded | Self::Canceled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status of a workflow; see Status::ALL")]
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
