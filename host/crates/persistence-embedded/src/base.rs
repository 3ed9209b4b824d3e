//! The base: a trait for ordered key-value engines, and its implementations.
//!
//! The engine does not make commits durable; the [journal](crate::journal) does. The [checkpoint](crate::checkpoint)
//! brings the engine up to date later, so all it must keep is what it has synced.
//!
//! Engines may panic over damaged files: [`guarded`] turns that into errors. A range that an engine cannot read
//! appears as one row that cannot be decoded, and the rows around it are read: see [`gaps`].

mod engine;
pub(crate) mod gaps;
mod guarded;
mod on_redb;
mod on_sled;
pub mod simulated;

use std::path::Path;

use crate::base::guarded::Guarded;
use crate::directory::{Directory, OpenError};

pub use engine::{Base, BaseError, Engine, Entry, Reads, UnknownEngine, Write};

impl Engine {
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
