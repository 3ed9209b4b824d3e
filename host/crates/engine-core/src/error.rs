//! The errors of services, sorted by what the caller can do about them.

use std::time::Duration;

use petrel_model::nearest::nearest;
use petrel_persistence::{CommitError, Unreadable};

/// The most references that a hint names.
const MOST_NEAR: usize = 3;

/// A refused request. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object does not exist.
    #[error("{what} `{}` does not exist", petrel_model::quoted::quoted(.name))]
    NotFound {
        /// The kind of the object: `action`, `rule` and so on.
        what: &'static str,
        /// The name or the id that was asked for.
        name: String,
        /// The remedy.
        hint: String,
    },
    /// The request is not valid.
    #[error("{message}")]
    Invalid {
        /// The object and its mistake.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The object exists already, or has changed since it was read.
    #[error("{message}")]
    Conflict {
        /// The object in conflict.
        message: String,
        /// The remedy.
        hint: String,
        /// The id of the object in conflict, if it has one.
        id: Option<String>,
    },
    /// The name, the password or the credential is not valid.
    #[error("{0}")]
    Unauthorized(String),
    /// The caller lacks the right.
    #[error("{message}")]
    Forbidden {
        /// The caller and the right.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// The operator has to accept it first.
    #[error("{message}")]
    Unaccepted {
        /// What has to be accepted.
        message: String,
        /// The command that accepts it.
        hint: String,
    },
    /// There were too many failed attempts to sign in. Contains the time to wait.
    #[error("too many attempts to sign in; the next is allowed in {} s", .0.as_secs())]
    TooOften(Duration),
    /// The object is stored and cannot be read. Contains the message with the reason.
    #[error("{0}")]
    Unreadable(String),
    /// The object is encrypted, or is to be, and the key is not there. Contains the message with the reason.
    #[error("{0}")]
    Sealed(String),
    /// The request is larger than any that is accepted.
    #[error("{message}")]
    TooLarge {
        /// The object and the limit.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// Too much work is waiting, or something cannot be read for the moment.
    #[error("{0}")]
    Busy(String),
    /// The disk is full.
    #[error("{0}")]
    NoRoom(String),
    /// The host is stopping.
    #[error("the host is stopping and accepts nothing new")]
    Stopping,
    /// The store failed, or a bug showed.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// An object that does not exist. The hint names the nearest of `known`, if one is near; to a name without a pack those
    /// of each pack.
    pub fn not_found<'a>(
        what: &'static str,
        name: impl Into<String>,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let name = name.into();
        let known: Vec<_> = known.into_iter().collect();
        let mut near: Vec<_> = match nearest(&name, known.iter().copied()) {
            Some(near) => vec![near],
            None => nearest_in_packs(&name, &known),
        };
        if near.is_empty() {
            near = with_words_of(&name, &known);
        }
        if near.is_empty() {
            near = deeper(&name, &known);
        }
        let near: Vec<_> = near.iter().map(|near| format!("`{near}`")).collect();
        let hint = if near.is_empty() {
            format!("`petrel {what} list` shows what there is")
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        Self::NotFound { what, name, hint }
    }

    /// A request that is not valid, with its remedy.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), hint: hint.into() }
    }

    /// The stable code of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Invalid { .. } => "invalid",
            Self::Conflict { .. } => "conflict",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Unaccepted { .. } => "unaccepted",
            Self::TooOften(_) => "too_often",
            Self::Unreadable(_) => "unreadable",
            Self::Sealed(_) => "sealed",
            Self::TooLarge { .. } => "too_large",
            Self::Busy(_) => "busy",
            Self::NoRoom(_) => "no_room",
            Self::Stopping => "stopping",
            Self::Internal(_) => "internal",
        }
    }

    /// The remedy.
    pub fn hint(&self) -> &str {
        match self {
            Self::NotFound { hint, .. }
            | Self::Invalid { hint, .. }
            | Self::Conflict { hint, .. }
            | Self::Forbidden { hint, .. }
            | Self::Unaccepted { hint, .. }
            | Self::TooLarge { hint, .. } => hint,
            Self::Unauthorized(_) => "check the name and the password; `petrel user password` sets a new one",
            Self::TooOften(_) => "wait; on the host's own machine its file admin-token works at any time",
            Self::Unreadable(_) => Unreadable::REMEDY,
            Self::Sealed(_) => Unreadable::SEALED,
            Self::Busy(_) => "try again in a moment",
            Self::NoRoom(_) => "free some space on the disk of the data directory",
            Self::Stopping => "try again when the host is back",
            Self::Internal(_) => "see the log of the host",
        }
    }
}

/// The references, a few of them, whose part behind the pack is the nearest to a `name` that was given without a pack.
fn nearest_in_packs<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    if name.contains('.') {
        return Vec::new();
    }
    let own = |reference: &&'a str| reference.split_once('.').map(|(_pack, own)| own);
    let Some(near) = nearest(name, known.iter().filter_map(own)) else { return Vec::new() };
    known.iter().copied().filter(|reference| own(reference) == Some(near)).take(MOST_NEAR).collect()
}

/// The references, a few of them, that differ from `name` by more words in their last part: `st2.value_change` from
/// `st2.change`.
fn with_words_of<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let Some((before, last)) = name.rsplit_once('.') else { return Vec::new() };
    let has_words = |reference: &&&str| {
        reference.rsplit_once('.').is_some_and(|(same, own)| {
            same == before && last.split('_').all(|word| own.split('_').any(|own| own == word))
        })
    };
    known.iter().filter(has_words).take(MOST_NEAR).copied().collect()
}

/// The references, a few of them, that have further parts before or within `name`, whose last part may be misspelt:
/// `core.st2.CronTimer` for `core.CronTimer` and `st2.CronTimer`.
fn deeper<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let Some((before, last)) = name.rsplit_once('.') else { return Vec::new() };
    let own = |reference: &&'a str| {
        let (longer, own) = reference.rsplit_once('.')?;
        let has = longer.strip_prefix(before).is_some_and(|rest| rest.starts_with('.'))
            || longer.strip_suffix(before).is_some_and(|rest| rest.ends_with('.'));
        has.then_some(own)
    };
    let Some(near) = nearest(last, known.iter().filter_map(own)) else { return Vec::new() };
    known.iter().copied().filter(|reference| own(reference) == Some(near)).take(MOST_NEAR).collect()
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Conflict {
                message: "the object was changed by somebody else meanwhile".into(),
                hint: "look at it again and repeat the request".into(),
                id: None,
            },
            CommitError::NoRoom(message) => Self::NoRoom(message),
            CommitError::Store(error @ petrel_persistence::Error::Sealed { .. }) => error.into(),
            CommitError::Fenced | CommitError::Store(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        // A task is dropped only when the process ends.
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
            error @ petrel_persistence::Error::Sealed { .. } => Self::Sealed(error.to_string()),
            error @ petrel_persistence::Error::Starved { .. } => Self::Busy(error.to_string()),
            error @ petrel_persistence::Error::Unavailable(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<&Unreadable> for Error {
    fn from(unreadable: &Unreadable) -> Self {
        let told = unreadable.to_string();
        if unreadable.is_sealed { Self::Sealed(told) } else { Self::Unreadable(told) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_likely_meant_is_told_also_without_its_pack() {
        let known = [
            "examples.limit",
            "core.local",
            "mine.m1",
            "mine.greet",
            "yours.greet",
            "core.st2.key_value_pair.create",
            "core.st2.key_value_pair.value_change",
        ];
        for (name, hint) in [
            ("core.lcal", "did you mean `core.local`?"),
            ("m1", "did you mean `mine.m1`?"),
            ("limt", "did you mean `examples.limit`?"),
            ("greet", "did you mean `mine.greet` or `yours.greet`?"),
            ("colour", "`petrel rule list` shows what there is"),
            ("core.st2.key_value_pair.change", "did you mean `core.st2.key_value_pair.value_change`?"),
            ("core.create", "did you mean `core.st2.key_value_pair.create`?"),
            ("core.st2.creat", "did you mean `core.st2.key_value_pair.create`?"),
            ("key_value_pair.create", "did you mean `core.st2.key_value_pair.create`?"),
            ("core.st2.change", "`petrel rule list` shows what there is"),
            ("core.st2.", "`petrel rule list` shows what there is"),
            ("other.m1", "`petrel rule list` shows what there is"),
        ] {
            assert_eq!(Error::not_found("rule", name, known).hint(), hint, "{name}");
        }
    }
}
