//! What can go wrong with a request, sorted by what the one who asked can do about it.

use std::time::Duration;

use petrel_persistence::{CommitError, Unreadable};

/// A request that was refused. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("{what} `{}` does not exist", petrel_model::quoted::quoted(.name))]
    NotFound {
        /// The kind of thing: `action`, `rule`, ...
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What to do about it.
        hint: String,
    },
    /// It is not right as it stands.
    #[error("{message}")]
    Invalid {
        /// What is wrong with what.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// There is one already, or it has changed meanwhile.
    #[error("{message}")]
    Conflict {
        /// What is in the way.
        message: String,
        /// What to do about it.
        hint: String,
        /// The id of what is in the way.
        id: Option<String>,
    },
    /// The name, the password or the token is not right.
    #[error("{0}")]
    Unauthorized(String),
    /// Who asks may not do it.
    #[error("{message}")]
    Forbidden {
        /// Who may not do what.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// It was tried too often.
    #[error("too many attempts to sign in; the next may be made in {} s", .0.as_secs())]
    TooOften(Duration),
    /// It is stored and cannot be read: what, and why.
    #[error("{0}")]
    Unreadable(String),
    /// It is larger than what is ever taken in.
    #[error("{message}")]
    TooLarge {
        /// What is too large for what.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// Too much is waiting.
    #[error("{0}")]
    Busy(String),
    /// The disk is full.
    #[error("{0}")]
    NoRoom(String),
    /// The host is stopping.
    #[error("the host is stopping and takes in nothing new")]
    Stopping,
    /// The store has failed, or a bug showed.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Something that does not exist, with the nearest that does if there is one.
    pub fn not_found<'a>(
        what: &'static str,
        name: impl Into<String>,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let name = name.into();
        let hint = match petrel_model::nearest::nearest(&name, known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("`petrel {what} list` shows what there is"),
        };
        Self::NotFound { what, name, hint }
    }

    /// Something that is not right, and the remedy.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), hint: hint.into() }
    }

    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Invalid { .. } => "invalid",
            Self::Conflict { .. } => "conflict",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::TooOften(_) => "too_often",
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge { .. } => "too_large",
            Self::Busy(_) => "busy",
            Self::NoRoom(_) => "no_room",
            Self::Stopping => "stopping",
            Self::Internal(_) => "internal",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::NotFound { hint, .. }
            | Self::Invalid { hint, .. }
            | Self::Conflict { hint, .. }
            | Self::Forbidden { hint, .. }
            | Self::TooLarge { hint, .. } => hint,
            Self::Unauthorized(_) => "check the name and the password; `petrel user password` sets a new one",
            Self::TooOften(_) => "wait; on the host's own machine its file admin-token works at any time",
            Self::Unreadable(_) => Unreadable::REMEDY,
            Self::Busy(_) => "try again in a moment",
            Self::NoRoom(_) => "free some space on the disk of the data directory",
            Self::Stopping => "try again when the host is back",
            Self::Internal(_) => "see the log of the host",
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Conflict {
                message: "it was changed by somebody else meanwhile".into(),
                hint: "look at it again and repeat the request".into(),
                id: None,
            },
            CommitError::NoRoom(message) => Self::NoRoom(message),
            CommitError::Fenced | CommitError::Store(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        // Tasks are dropped only when the process goes.
        if error.is_cancelled() { Self::Stopping } else { Self::Internal(error.to_string()) }
    }
}

impl From<petrel_model::names::InvalidName> for Error {
    fn from(error: petrel_model::names::InvalidName) -> Self {
        Self::invalid(error.to_string(), error.remedy)
    }
}

impl From<petrel_persistence::Error> for Error {
    fn from(error: petrel_persistence::Error) -> Self {
        match error {
            petrel_persistence::Error::Damaged { what, reason } => {
                Self::Unreadable(format!("{what} cannot be read: {reason}"))
            }
            error @ petrel_persistence::Error::Unavailable(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<&Unreadable> for Error {
    fn from(unreadable: &Unreadable) -> Self {
        Self::Unreadable(unreadable.to_string())
    }
}
