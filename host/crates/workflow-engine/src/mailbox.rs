//! The workflows in memory, with their mailboxes: messages that were not applied yet.
//! [`residence`](super::residence) decides which workflows stay.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use petrel_engine_core::Core;
use petrel_engine_core::Error;
use petrel_model::ExecutionId;
use tokio::sync::MutexGuard;

use super::live::Live;
use super::message::Envelope;
use super::residence::{Residence, Resident};

/// A workflow with messages.
#[derive(Default)]
pub(super) struct Workflow {
    /// The mailbox, under a lock of its own, so that a sender never waits for a step to post a message.
    queue: Mutex<Vec<Envelope>>,
    resident: Resident,
    live: tokio::sync::Mutex<Option<Live>>,
    /// Whether this is no longer the workflow's current instance; set while `live` is held.
    is_gone: AtomicBool,
    /// Whether somebody is working on it; set while `live` is held.
    is_at_work: AtomicBool,
}

/// The workflows in memory.
#[derive(Default)]
pub(super) struct Workflows {
    known: Mutex<HashMap<ExecutionId, Arc<Workflow>>>,
    residence: Residence,
}

impl Workflow {
    /// The accounting of its memory.
    pub(super) fn resident(&self) -> &Resident {
        &self.resident
    }

    /// Locks the workflow. A step holds the lock until its commit is made.
    pub(super) async fn hold(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().await
    }

    /// As [`hold`](Self::hold), if nobody holds the lock.
    pub(super) fn try_hold(&self) -> Option<MutexGuard<'_, Option<Live>>> {
        self.live.try_lock().ok()
    }

    /// Puts messages into its mailbox.
    pub(super) fn post(&self, envelopes: impl IntoIterator<Item = Envelope>) {
        self.queue.lock().extend(envelopes);
    }

    /// Takes all messages out of its mailbox.
    pub(super) fn collect(&self) -> Vec<Envelope> {
        std::mem::take(&mut *self.queue.lock())
    }

    /// Whether its mailbox is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.lock().is_empty()
    }

    /// Whether it was forgotten. To be called by the holder of `live`.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// Begins work, for the holder of `live`. Earlier work may have been dropped midway, as happens when the
    /// process ends. Its commit is still on its way then, and `live` must be read after it, or two entries of
    /// the log would get the same place.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn begin_work(&self, core: &Core, live: &mut Option<Live>) -> Result<(), Error> {
        if self.is_at_work.swap(true, Ordering::SeqCst) {
            *live = None;
            // Commits are made one after the other: when this empty one is done, so are all before it.
            core.commit(Vec::new(), Vec::new()).await?;
        }
        Ok(())
    }

    /// Ends work, with nothing of it on its way.
    pub(super) fn end_work(&self) {
        self.is_at_work.store(false, Ordering::SeqCst);
    }
}

impl Workflows {
    /// The accounting of the memory of all workflows.
    pub(super) fn residence(&self) -> &Residence {
        &self.residence
    }

    /// Calls `at` with the known workflows, under the lock.
    pub(super) fn look<T>(&self, at: impl FnOnce(&HashMap<ExecutionId, Arc<Workflow>>) -> T) -> T {
        at(&self.known.lock())
    }

    /// The instance of a workflow, whether it is loaded yet or not.
    pub(super) fn get(&self, id: ExecutionId) -> Arc<Workflow> {
        Arc::clone(self.known.lock().entry(id).or_default())
    }

    /// Forgets a workflow whose `live` is held by the caller.
    pub(super) fn forget(&self, id: ExecutionId, workflow: &Arc<Workflow>) {
        // Set for senders that already have this instance: they go on with the next one.
        workflow.is_gone.store(true, Ordering::SeqCst);
        self.used(workflow, None);
        let mut known = self.known.lock();
        // A newer instance may be known by now, and stays.
        if known.get(&id).is_some_and(|one| Arc::ptr_eq(one, workflow)) {
            known.remove(&id);
        }
    }
}
