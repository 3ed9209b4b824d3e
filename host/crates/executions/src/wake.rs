//! The signal that wakes sleeping schedulers.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The signal to schedulers that have found nothing to do. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wake(Arc<Notify>);

impl Wake {
    /// Wakes all schedulers, after a request or when there is room again.
    pub(crate) fn all(&self) {
        // It reaches only those who wait already, so a scheduler registers before it looks into the store.
        self.0.notify_waiters();
    }

    /// Completes after the next call of [`all`](Self::all).
    pub(crate) fn notified(&self) -> Notified<'_> {
        self.0.notified()
    }
}
