//! The outbox of internal events: what is asked for, how deep events may be, and the word that there is something in it.
//!
//! A service that changes something makes an [`InternalEvent`](petrel_model::InternalEvent) by [`Core::report`](crate::Core::report) and commits it with
//! its change. The service of triggers says which trigger types anybody listens to, and takes the events out of the store. An event
//! that nobody listens to is never made, so that it costs nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::RwLock;
use petrel_model::{Ref, event_depth};
use petrel_persistence::{Change, Document};
use tokio::sync::Notify;

/// The greatest depth of an event, unless a setting says otherwise.
const DEEPEST: u32 = 32;

/// The outbox of one host process.
#[derive(Debug)]
pub(crate) struct Outbox {
    wanted: RwLock<BTreeSet<Ref>>,
    /// Whether anything is wanted at all. Mostly nothing is, and nobody needs the lock.
    is_wanted: AtomicBool,
    deepest: AtomicU32,
    filled: Notify,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            wanted: RwLock::default(),
            is_wanted: AtomicBool::default(),
            deepest: AtomicU32::new(DEEPEST),
            filled: Notify::default(),
        }
    }
}

impl Outbox {
    /// Whether anybody listens to events of this trigger type.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.is_wanted.load(Ordering::SeqCst) && self.wanted.read().iter().any(|one| one.as_str() == kind)
    }

    /// Sets the trigger types that anybody listens to.
    pub(crate) fn want(&self, kinds: BTreeSet<Ref>) {
        let mut wanted = self.wanted.write();
        // Under the lock, so that both agree.
        self.is_wanted.store(!kinds.is_empty(), Ordering::SeqCst);
        *wanted = kinds;
    }

    /// The greatest depth of an event.
    pub(crate) fn deepest(&self) -> u32 {
        self.deepest.load(Ordering::SeqCst)
    }

    /// Sets the greatest depth of an event.
    pub(crate) fn limit_depth(&self, deepest: u32) {
        self.deepest.store(deepest.min(event_depth::MOST), Ordering::SeqCst);
    }

    /// Whether these changes put an event into the outbox, or let those be taken that were there at a restore.
    pub(crate) fn is_filled_by(changes: &[Change]) -> bool {
        let fills =
            |change: &Change| matches!(change, Change::Put(Document::InternalEvent(_)) | Change::LiftHold);
        changes.iter().any(fills)
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
