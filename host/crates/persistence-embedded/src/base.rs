//! The base: a trait for ordered key-value engines, and its implementations.
//!
//! The engine does not make commits durable; the [journal](crate::journal) does. The [checkpoint](crate::checkpoint)
//! brings the engine up to date later, so all it must keep is what it has synced.
//!
//! Engines may panic over damaged files: [`guarded`] turns that into errors. A range that an engine cannot read
//! appears as one row that cannot be decoded, and the rows around it are read: see [`gaps`].

pub(crate) mod gaps;
mod guarded;
mod on_redb;
mod on_sled;
pub mod simulated;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::base::guarded::Guarded;
use crate::directory::{Directory, OpenError};

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

    /// Up to `limit` entries with `from <= key < to`, in order, or from the end with `reverse`.
    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError>;
}

/// An ordered key-value engine, with one writing thread and any number of readers.
pub trait Base: Reads {
    /// Applies all of `writes` or none. They are visible at once and not yet durable.
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError>;

    /// Makes all applied writes durable. After an error no more may be written.
    fn sync(&self) -> Result<(), BaseError>;

    /// What was given up when the engine was opened with `accept_loss`, if anything.
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

    /// The engine of the store in `directory`. `None` if there is no store.
    ///
    /// # Errors
    /// If the directory contains something else or a store of a newer version, or cannot be read.
    pub fn of(directory: &Path) -> Result<Option<Self>, OpenError> {
        Ok(Directory::kept(directory)?.map(|(_, engine)| engine))
    }

    /// Opens the engine in `directory`, the store's, and creates it durably if it does not exist. With `accept_loss`,
    /// a part that it cannot read at all is given up, and a copy of it is kept.
    pub(crate) fn open(
        self,
        directory: &Path,
        cache_bytes: u64,
        accept_loss: bool,
    ) -> Result<Box<dyn Base>, BaseError> {
        let place = directory.join(self.name());
        Ok(match self {
            Self::Sled => {
                let opened = Guarded::open(|| on_sled::SledBase::open(&place, cache_bytes, accept_loss));
                Box::new(opened.map_err(|error| on_sled::with_damaged_file(&place, error))?)
            }
            Self::Redb => Box::new(Guarded::open(|| on_redb::RedbBase::open(&place, cache_bytes))?),
        })
    }

    /// The remedy for a store that the engine cannot open.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Sled => {
                "keep a copy of its directory sled (db, conf and snap.*), and restore from a backup into another data directory with `petrel restore`"
            }
            Self::Redb => {
                "keep a copy of its file redb/rows.redb, and restore from a backup into another data directory with `petrel restore`"
            }
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
