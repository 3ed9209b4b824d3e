//! The reasons why a change of an execution was not committed, for callers that decide again, and the patience of those
//! that wait for one that passes.

use std::time::Duration;

use petrel_engine_core::{Core, Error};

/// The pause before the next attempt.
const AGAIN: Duration = Duration::from_millis(200);

/// A change of an execution that was not committed.
#[derive(Debug, thiserror::Error)]
pub enum Uncommitted {
    /// The execution has changed since it was read. A caller that still wants the change reads it again.
    #[error("the execution was changed by somebody else meanwhile")]
    Moved,
    /// Another failure.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Uncommitted {
    /// The reason why a commit failed.
    pub(super) fn of_commit(error: Error) -> Self {
        match error {
            // The store reports an expectation that does not hold as a conflict.
            Error::Conflict { .. } => Self::Moved,
            error => Self::Failed(error),
        }
    }
}

impl From<petrel_persistence::Error> for Uncommitted {
    fn from(error: petrel_persistence::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Uncommitted> for Error {
    fn from(reason: Uncommitted) -> Self {
        match reason {
            Uncommitted::Moved => Self::Conflict {
                message: reason.to_string(),
                hint: "look at it again and repeat the request".into(),
                id: None,
            },
            Uncommitted::Failed(error) => error,
        }
    }
}

/// Waits between attempts at what cannot be read for the moment. The log tells of it once, as it may go on for long.
#[derive(Debug)]
pub(super) struct Patience {
    /// The number of waits that are left. `None`: it never ends.
    left: Option<usize>,
    is_told: bool,
}

impl Patience {
    /// Patience without an end.
    pub(super) fn endless() -> Self {
        Self { left: None, is_told: false }
    }

    /// Patience that ends after so many waits.
    pub(super) fn of(waits: usize) -> Self {
        Self { left: Some(waits), is_told: false }
    }

    /// Waits before the next attempt. Returns `false`, at once, if the patience has ended.
    pub(super) async fn wait(&mut self, core: &Core, error: &Error) -> bool {
        match &mut self.left {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        if !self.is_told {
            self.is_told = true;
            let hint = "if a right is missing, let the user of this host read the files of its store";
            tracing::warn!(%error, hint, "an outcome waits: its workflow cannot be read for the moment");
        }
        core.sleep(AGAIN).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_engine_core::SetClock;
    use petrel_persistence::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn patience_ends_with_its_last_wait() {
        let clock = Arc::new(SetClock::default());
        let core = Core::new(Arc::new(MemoryStore::default()), clock.clone());
        let busy = Error::Busy("full".into());
        let mut patience = Patience::of(2);
        for is_left in [true, true, false] {
            let (has_waited, ()) = tokio::join!(patience.wait(&core, &busy), async { clock.turn(AGAIN) });
            assert_eq!(has_waited, is_left);
        }
        assert_eq!(clock.sleepers(), 0);
    }
}
