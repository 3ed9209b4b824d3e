//! Memory for the results of all running executions. A run claims memory while its result is being collected, and holds
//! it until its outcome is stored. It never waits for more: what does not fit is cut or fails, with a remark.
//!
//! Each run has a small part without a claim, so that small results have room whatever others hold. No user and no root
//! gets all the rest (see [`shares`](crate::shares)).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::shares::{Holder, Shares};

/// The part of the room that each run has without a claim: one in this many. The number of runs is bounded, and so is
/// their sum.
const OWN_PART: usize = 1024;

/// Memory for results, shared by all runs of a host.
#[derive(Debug)]
pub struct ResultRoom {
    /// The whole room, in bytes.
    limit: usize,
    /// The shares of the holders, in bytes.
    shares: Mutex<Shares>,
}

impl ResultRoom {
    /// Creates room for `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, shares: Mutex::new(Shares::new(limit)) }
    }

    /// The whole room, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that each run has without a claim.
    pub(crate) fn own(&self) -> usize {
        self.limit / OWN_PART
    }

    /// Takes `bytes` for `holder`. Returns `false` if too little is left, or if the holder would exceed its share.
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
