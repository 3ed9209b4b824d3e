//! The outbox of internal events: what is asked for, and the word that there is something in it.
//!
//! A service that changes something makes an [`InternalEvent`] by [`Core::report`](crate::Core::report) and commits it with
//! its change. The service of triggers says which trigger types anybody listens to, and takes the events out of the store. An event
//! that nobody listens to is never made, so that it costs nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;
use petrel_model::Ref;
use petrel_persistence::{Change, Document};
use tokio::sync::Notify;

/// The outbox of one host process.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    wanted: RwLock<Arc<BTreeSet<Ref>>>,
    filled: Notify,
}

impl Outbox {
    /// Whether anybody listens to events of this trigger type.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        let wanted = Arc::clone(&self.wanted.read());
        wanted.iter().any(|one| one.as_str() == kind)
    }

    /// Sets the trigger types that anybody listens to.
    pub(crate) fn want(&self, kinds: BTreeSet<Ref>) {
        *self.wanted.write() = Arc::new(kinds);
    }

    /// Whether these changes put an event into the outbox.
    pub(crate) fn is_filled_by(changes: &[Change]) -> bool {
        changes.iter().any(|change| matches!(change, Change::Put(Document::InternalEvent(_))))
    }

    /// Tells that an event was put into the outbox.
    pub(crate) fn tell(&self) {
        self.filled.notify_one();
    }

    /// Waits until an event was put into the outbox since the last time that this returned.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}
