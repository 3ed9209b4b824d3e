//! The seam between the store and the ordered key-value engine underneath, and the engines behind it.
//!
//! The engine is not what makes a commit durable: that is the [journal](crate::journal). It is brought up
//! to date behind it, by the [checkpoint](crate::checkpoint), and only has to keep what it has synced.
//!
//! Engines may panic over files that were damaged: [`guarded`] makes errors of that. What an engine cannot read
//! any more shows as a row that cannot be opened, and what lies around it is read: see [`gaps`].

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

/// A failure of the engine, in its own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct BaseError {
    /// What is wrong.
    pub reason: String,
    /// Whether what is stored was damaged there, and may be whole elsewhere. Else the engine cannot be used.
    pub is_damage: bool,
}

impl BaseError {
    /// The engine cannot be used.
    pub fn failed(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_damage: false }
    }

    /// What was to be read was damaged.
    pub fn damaged(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_damage: true }
    }
}

/// Ordered keys with values, as a reader sees them.
pub trait Reads: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError>;

    /// Up to `limit` entries with `from <= key < to`, in order; from the end if `reverse`.
    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError>;
}

/// An ordered key-value engine. One thread writes; any thread reads.
pub trait Base: Reads {
    /// Applies all of `writes` or none of them. Readers see them at once; they are not durable yet.
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError>;

    /// Makes everything applied so far durable. After an error nothing more may be written.
    fn sync(&self) -> Result<(), BaseError>;

    /// What was given up of it when it was opened, as told, if something was.
    fn lost(&self) -> Option<String> {
        None
    }
}

/// The engines that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// sled 0.34. The default.
    #[default]
    Sled,
    /// redb 4: less processor time and less room on the disk, and it is maintained.
    Redb,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Redb];

    /// Its name, as in the setting `store.engine`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
        }
    }

    /// The one that keeps the store in `directory`; `None` when there is no store.
    ///
    /// # Errors
    /// When what is there is no store of ours, a newer version wrote it, or it cannot be read.
    pub fn of(directory: &Path) -> Result<Option<Self>, OpenError> {
        Ok(Directory::kept(directory)?.map(|(_, engine)| engine))
    }

    /// Opens it within `directory`, the store's, and makes it durably if it is not there yet. With `accept_loss` it goes
    /// on without what it cannot read at all, and keeps a copy of that.
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
                Box::new(opened.map_err(|error| on_sled::blamed(&place, error))?)
            }
            Self::Redb => Box::new(Guarded::open(|| on_redb::RedbBase::open(&place, cache_bytes))?),
        })
    }

    /// What to do about a store that it cannot open any more.
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

/// No engine has this name.
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
