//! The progress of a transfer, for somebody who watches it.

use std::fmt;
use std::sync::Arc;

/// Somebody who watches: is told of the bytes that have come or gone, and of those that were in vain, below zero.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(i64) + Send + Sync>>);

impl Progress {
    /// Somebody who watches.
    pub fn to(watcher: impl Fn(i64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watcher)))
    }

    fn tell(&self, bytes: i64) {
        if let Some(watcher) = &self.0 {
            watcher(bytes);
        }
    }

    pub(crate) fn moved(&self, bytes: u64) {
        self.tell(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn lost(&self, bytes: u64) {
        self.tell(-i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
