//! Why a change of an execution was not made, for those who decide on it again.

use petrel_engine_core::Error;

/// A change of an execution that was not committed.
#[derive(Debug, thiserror::Error)]
pub enum Uncommitted {
    /// What it was decided on has moved meanwhile: whoever still wants the change looks again.
    #[error("it was changed by somebody else meanwhile")]
    Moved,
    /// Something else stands in the way.
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
