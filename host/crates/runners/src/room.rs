//! Room in memory for the results of all that runs. A run takes some as its result comes together and has it until
//! its outcome is stored; it never waits for more: what does not fit is cut, or fails.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Room for results, which all runs of a host share.
#[derive(Debug)]
pub struct ResultRoom {
    /// In bytes.
    limit: usize,
    /// In bytes.
    taken: AtomicUsize,
}

impl ResultRoom {
    /// Room for `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    /// How much there is in all, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes `bytes`; `false` if they are not left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let add = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= self.limit);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    /// Gives back `bytes` that were taken.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}
