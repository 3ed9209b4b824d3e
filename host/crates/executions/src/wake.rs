//! Wakes the schedulers.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// What schedulers wait for that have found nothing to do. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wake(Arc<Notify>);

impl Wake {
    /// Something was asked for, or there is room again.
    pub(crate) fn all(&self) {
        self.0.notify_waiters();
    }

    /// Comes once somebody calls [`all`](Self::all).
    pub(crate) fn notified(&self) -> Notified<'_> {
        self.0.notified()
    }
}
