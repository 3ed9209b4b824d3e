//! Keys as they are asked for, given and shown, and the checks of what is given.

use std::borrow::Cow;
use std::time::Duration;

use petrel_engine_core::Error;
use petrel_model::names::{check_text, check_user};
use petrel_model::quoted::quoted;
use petrel_model::{KeyValue, RevisionId, Timestamp, UserKeyValue};
use petrel_persistence::Change;

/// The largest value, in bytes, before it is sealed.
const LARGEST_VALUE: usize = 1 << 20;
/// The longest time until a key expires: ten years.
const LONGEST_TTL: Duration = Duration::from_hours(24 * 3653);

/// A key by its scope and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    /// The user whose key it is; `None` for one that all share.
    pub owner: Option<String>,
    /// The name.
    pub name: String,
}

impl KeyId {
    /// A key that all share.
    pub fn shared(name: impl Into<String>) -> Self {
        Self { owner: None, name: name.into() }
    }

    /// A key of `owner`.
    pub fn of(owner: impl Into<String>, name: impl Into<String>) -> Self {
        Self { owner: Some(owner.into()), name: name.into() }
    }

    /// The store of a pack that it belongs to: the text before its first `:`, if all share it.
    pub(crate) fn store(&self) -> Option<&str> {
        let (store, _) = self.name.split_once(':')?;
        self.owner.is_none().then_some(store)
    }

    /// The change that deletes it.
    pub(crate) fn deleted(&self) -> Change {
        match &self.owner {
            None => Change::delete::<KeyValue>(self.name.clone()),
            Some(owner) => Change::delete::<UserKeyValue>(UserKeyValue::reference_of(owner, &self.name)),
        }
    }

    /// What its value is sealed for.
    pub(crate) fn place(&self) -> String {
        match &self.owner {
            None => format!("datastore system {}", self.name),
            Some(owner) => format!("datastore user {}", UserKeyValue::reference_of(owner, &self.name)),
        }
    }

    /// The error for a key that does not exist, for those who do not read a hint: nothing looks for the name that is meant.
    pub(crate) fn missing(&self) -> Error {
        let hint = "`petrel key list` shows what there is".to_owned();
        Error::NotFound { what: "key", name: self.name.clone(), hint }
    }

    /// The name for people, with the owner if there is one.
    pub(crate) fn told(&self) -> String {
        match &self.owner {
            None => format!("the key `{}`", quoted(&self.name)),
            Some(owner) => format!("the key `{}` of `{}`", quoted(&self.name), quoted(owner)),
        }
    }
}

/// A key with its value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The user whose key it is; `None` for one that all share.
    pub owner: Option<Cow<'a, str>>,
    /// The name.
    pub name: Cow<'a, str>,
    /// The text, which is sealed if it is secret.
    pub value: Cow<'a, str>,
    /// Whether the value is secret.
    pub secret: bool,
    /// The time from which on there is no such key any more.
    pub expires_at: Option<Timestamp>,
    /// The state of the key; none if an earlier version has written it.
    pub revision: Option<RevisionId>,
}

impl Entry<'_> {
    /// The key.
    pub fn id(&self) -> KeyId {
        KeyId { owner: self.owner.as_deref().map(str::to_owned), name: self.name.to_string() }
    }

    /// The mark of this state of the key, which [`Expected::OneOf`] takes.
    pub fn mark(&self) -> String {
        self.revision.map_or_else(|| "0".to_owned(), |revision| revision.to_string())
    }

    /// The change that stores it.
    pub(crate) fn stored(&self) -> Change {
        let key = KeyValue {
            name: self.name.to_string(),
            value: self.value.to_string(),
            secret: self.secret,
            expires_at: self.expires_at,
            revision: self.revision,
        };
        match &self.owner {
            None => Change::put(key),
            Some(owner) => Change::put(UserKeyValue::new(&**owner, key)),
        }
    }
}

impl Entry<'static> {
    pub(crate) fn read(owner: Option<String>, key: KeyValue) -> Self {
        let KeyValue { name, value, secret, expires_at, revision } = key;
        Self {
            owner: owner.map(Cow::Owned),
            name: Cow::Owned(name),
            value: Cow::Owned(value),
            secret,
            expires_at,
            revision,
        }
    }
}

/// The form of a value that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It is stored as it is.
    Open,
    /// It is secret, and is sealed.
    Secret,
    /// It is secret and encrypted already: sealed for this very key, or encrypted by the StackStorm whose key the vault has.
    Encrypted,
}

/// The state of a key in which alone it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Any.
    Any,
    /// There is no such key.
    Absent,
    /// There is such a key.
    Present,
    /// It is in a state with one of these [marks](Entry::mark).
    OneOf(Vec<String>),
}

impl Expected {
    /// Refuses a change of `id`, whose present state is `entry`.
    pub(crate) fn check(&self, id: &KeyId, entry: Option<&Entry<'_>>) -> Result<(), Error> {
        let message = match (self, entry) {
            (Self::Absent, Some(_)) => format!("{} exists already", id.told()),
            (Self::Present | Self::OneOf(_), None) => format!("{} does not exist any more", id.told()),
            (Self::OneOf(marks), Some(entry)) if !marks.contains(&entry.mark()) => {
                format!("{} was changed by somebody else meanwhile", id.told())
            }
            _ => return Ok(()),
        };
        let hint = "look at it again and repeat the request".to_owned();
        Err(Error::Conflict { message, hint, id: Some(id.name.clone()) })
    }
}

/// The end of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It expires so long after it is set.
    After(Duration),
    /// It expires at that time.
    At(Timestamp),
}

impl End {
    /// The time when `id` expires if it is set `now`.
    ///
    /// # Errors
    /// When that is not later, or too late.
    pub(crate) fn at(self, id: &KeyId, now: Timestamp) -> Result<Timestamp, Error> {
        let latest = now.plus(LONGEST_TTL);
        let at = match self {
            Self::After(ttl) if ttl > LONGEST_TTL => None,
            Self::After(ttl) => Some(now.plus(ttl)),
            Self::At(at) => Some(at),
        };
        at.filter(|at| (now..=latest).contains(at) && *at != now).ok_or_else(|| {
            Error::invalid(
                format!("{} cannot expire then", id.told()),
                format!(
                    "write the time to live in seconds, from 1 to {}, or a time within that",
                    LONGEST_TTL.as_secs()
                ),
            )
        })
    }
}

/// A key that is to be set.
#[derive(Debug, Clone)]
pub struct New {
    /// The key.
    pub id: KeyId,
    /// The value.
    pub value: String,
    /// The form of the value.
    pub form: Form,
    /// When the key expires; `None` for one that stays.
    pub end: Option<End>,
    /// The state of the key in which alone it is set.
    pub expected: Expected,
}

impl New {
    /// An open value that stays.
    pub fn open(id: KeyId, value: impl Into<String>) -> Self {
        Self { id, value: value.into(), form: Form::Open, end: None, expected: Expected::Any }
    }

    /// # Errors
    /// When the name or the value is not valid.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Self { id, value, form, .. } = self;
        check_text("a key", &id.name)?;
        if let Some(owner) = &id.owner {
            check_user(owner)?;
        }
        // An encrypted value is about twice as long, and is measured again when it is opened.
        let largest = if *form == Form::Encrypted { 3 * LARGEST_VALUE } else { LARGEST_VALUE };
        if value.len() > largest {
            return Err(too_large(id, value.len()));
        }
        Ok(())
    }
}

/// Refuses an opened value that is too large.
pub(crate) fn check_opened(id: &KeyId, value: &str) -> Result<(), Error> {
    if value.len() > LARGEST_VALUE { Err(too_large(id, value.len())) } else { Ok(()) }
}

fn too_large(id: &KeyId, bytes: usize) -> Error {
    Error::invalid(
        format!("the value of `{}` has {bytes} bytes; the limit is {LARGEST_VALUE}", quoted(&id.name)),
        "keep larger values in files",
    )
}
