//! Room in memory for the results of all that runs. A run takes some as its result comes together and has it until
//! its outcome is stored; it never waits for more: what does not fit is cut, or fails, and says so.
//!
//! A little of it needs no asking, so that the small results of most runs have their place whatever others hold; of
//! the rest no user and no root takes everything (see [`shares`](crate::shares)).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::shares::{Holder, Shares};

/// Which part of the room each run has beside it, without asking: one in so many. How many run is bounded, so this is.
const OWN_PART: usize = 1024;

/// Room for results, which all runs of a host share.
#[derive(Debug)]
pub struct ResultRoom {
    /// In bytes.
    limit: usize,
    /// In bytes.
    shares: Mutex<Shares>,
}

impl ResultRoom {
    /// Room for `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, shares: Mutex::new(Shares::new(limit)) }
    }

    /// How much there is in all, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How much each run has without asking, in bytes.
    pub(crate) fn own(&self) -> usize {
        self.limit / OWN_PART
    }

    /// Takes `bytes` for `holder`; `false` if they are not left, or if it has its share.
    pub(crate) fn take(&self, holder: &Holder, bytes: usize) -> bool {
        self.shares().take(holder, bytes).is_ok()
    }

    /// Gives back `bytes` that were taken.
    pub(crate) fn give_back(&self, holder: &Holder, bytes: usize) {
        self.shares().give_back(holder, bytes);
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
