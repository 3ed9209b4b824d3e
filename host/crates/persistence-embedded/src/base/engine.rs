//! The traits of a key-value engine, and the list of engines. [`base`](super) opens one.

use std::fmt;
use std::str::FromStr;

/// One write: a key and its new value, or `None` to delete it.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// An error of the engine, in its own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct BaseError {
    /// The reason.
    pub reason: String,
    /// Whether the data is damaged at that place, so that other places may be intact. Otherwise the engine is unusable.
    pub is_damage: bool,
}

impl BaseError {
    /// An error that makes the engine unusable.
    pub fn failed(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_damage: false }
    }

    /// Damage at one place.
    pub fn damaged(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_damage: true }
    }
}

/// Read access to ordered keys with values.
pub trait Reads: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError>;

    /// The values of `keys`. An engine reads one after the other: only its writer changes them. What others write to
    /// meanwhile has to read them as of one moment.
    fn get_all(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BaseError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Up to `limit` entries with `from <= key < to`, in order, or from the end with `reverse`.
    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError>;
}

/// An ordered key-value engine, with one writing thread and any number of readers.
pub trait Base: Reads {
    /// Applies all of `writes` or none. They are visible at once and not yet durable.
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError>;

    /// Makes all applied writes durable. After an error no more may be written.
    fn sync(&self) -> Result<(), BaseError>;

    /// Whether somebody has deleted or replaced its files, so that the next process will not find them.
    fn is_gone(&self) -> bool {
        false
    }

    /// The rows that were given up when the engine was opened with `accept_loss`, in words, if there were any.
    fn lost(&self) -> Option<String> {
        None
    }
}

/// The available engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// sled 0.34. The default.
    #[default]
    Sled,
    /// redb 4. Takes less processor time and disk space, and is maintained.
    Redb,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Redb];

    /// Its name, as in the setting `store.engine`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An unknown name of an engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no storage engine {0:?}; there are \"sled\" (the default) and \"redb\"")]
pub struct UnknownEngine(pub String);

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.name() == name)
            .ok_or_else(|| UnknownEngine(name.to_owned()))
    }
}
