//! The reasons why a change of an execution was not committed, for callers that decide again.

use petrel_engine_core::Error;

/// A change of an execution that was not committed.
#[derive(Debug, thiserror::Error)]
pub enum Uncommitted {
    /// The execution has changed since it was read. A caller that still wants the change reads it again.
    #[error("it was changed by somebody else meanwhile")]
    Moved,
    /// Another failure.
    #[error(transparent)]
    Failed(#[from] Error),
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
