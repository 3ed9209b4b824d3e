//! The workflows in memory, each with what has happened to it and was not taken in yet. Which of them stay is in
//! [`residence`](super::residence).

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

/// A workflow that something has happened to.
#[derive(Default)]
pub(super) struct Workflow {
    queue: Mutex<Vec<Envelope>>,
    resident: Resident,
    live: tokio::sync::Mutex<Option<Live>>,
    /// Whether it is no longer the one that is known; set while `live` is held.
    is_gone: AtomicBool,
    /// Whether somebody is at work on it; set while `live` is held.
    is_at_work: AtomicBool,
}

/// The workflows that are in memory.
#[derive(Default)]
pub(super) struct Workflows {
    known: Mutex<HashMap<ExecutionId, Arc<Workflow>>>,
    residence: Residence,
}

impl Workflow {
    /// What is counted of it.
    pub(super) fn resident(&self) -> &Resident {
        &self.resident
    }

    /// Takes it in hand; nobody else is at work on it meanwhile.
    pub(super) async fn hold(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().await
    }

    /// As [`hold`](Self::hold), if nobody has it in hand.
    pub(super) fn try_hold(&self) -> Option<MutexGuard<'_, Option<Live>>> {
        self.live.try_lock().ok()
    }

    /// Puts messages into its mailbox.
    pub(super) fn post(&self, envelopes: impl IntoIterator<Item = Envelope>) {
        self.queue.lock().extend(envelopes);
    }

    /// Takes what is in its mailbox.
    pub(super) fn collect(&self) -> Vec<Envelope> {
        std::mem::take(&mut *self.queue.lock())
    }

    /// Whether its mailbox is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.lock().is_empty()
    }

    /// Whether it was forgotten; to be asked while `live` is held.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// Begins work on it, which holds `live`. Whoever was at work before may have been dropped midway, as it happens when
    /// the process goes: what that has sent to the store is still on its way then, and `live` is to be read behind it,
    /// or two entries of the log get the same place.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn begin_work(&self, core: &Core, live: &mut Option<Live>) -> Result<(), Error> {
        if self.is_at_work.swap(true, Ordering::SeqCst) {
            *live = None;
            // Commits are made one after the other: when this one is, so are those before it.
            core.commit(Vec::new(), Vec::new()).await?;
        }
        Ok(())
    }

    /// The work is over: nothing of it is on its way.
    pub(super) fn end_work(&self) {
        self.is_at_work.store(false, Ordering::SeqCst);
    }
}

impl Workflows {
    /// What is counted of all of them.
    pub(super) fn residence(&self) -> &Residence {
        &self.residence
    }

    /// Looks at those that are known now.
    pub(super) fn look<T>(&self, at: impl FnOnce(&HashMap<ExecutionId, Arc<Workflow>>) -> T) -> T {
        at(&self.known.lock())
    }

    /// A workflow, whether it is in memory yet or not.
    pub(super) fn get(&self, id: ExecutionId) -> Arc<Workflow> {
        Arc::clone(self.known.lock().entry(id).or_default())
    }

    /// Forgets a workflow whose `live` is held by the caller.
    pub(super) fn forget(&self, id: ExecutionId, workflow: &Arc<Workflow>) {
        workflow.is_gone.store(true, Ordering::SeqCst);
        self.used(workflow, None);
        let mut known = self.known.lock();
        if known.get(&id).is_some_and(|one| Arc::ptr_eq(one, workflow)) {
            known.remove(&id);
        }
    }
}
