//! The seam between the store and the ordered key-value engine underneath, and the engines behind it.
//!
//! The engine is not what makes a commit durable: that is the [journal](crate::journal). It is brought up
//! to date behind it, by the [checkpoint](crate::checkpoint), and only has to keep what it has synced.

mod on_redb;
mod on_sled;
pub mod simulated;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::directory::{Directory, OpenError};

/// One write: a key and its new value, or `None` to delete it.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A failure of the engine, in its own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct BaseError(pub String);

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

    /// Opens it within `directory`, the store's, and makes it durably if it is not there yet.
    pub(crate) fn open(self, directory: &Path, cache_bytes: u64) -> Result<Box<dyn Base>, BaseError> {
        Ok(match self {
            Self::Sled => Box::new(on_sled::SledBase::open(&directory.join("sled"), cache_bytes)?),
            Self::Redb => Box::new(on_redb::RedbBase::open(&directory.join("redb"), cache_bytes)?),
        })
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
