//! The workflows of which nothing may begin any more: they are canceled, have taken too long, or were made to
//! fail. What is inside one is asked here before it starts, so that a tree that grows faster than its workflows
//! can be told of the end stops growing at once. It is only a short cut: that everything ends is seen to by
//! [`cascade`](super::cascade).

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use petrel_model::{Execution, ExecutionId};

/// Workflows that have not ended, but are about to.
#[derive(Debug, Default)]
pub(super) struct Closing {
    ids: Mutex<HashSet<ExecutionId>>,
    /// How many; most often none, and then nobody needs the lock.
    count: AtomicUsize,
}

impl Closing {
    /// Nothing inside the workflow `id` begins from now on.
    pub(super) fn add(&self, id: ExecutionId) {
        let mut ids = self.ids.lock();
        ids.insert(id);
        self.count.store(ids.len(), Ordering::SeqCst);
    }

    /// The workflow `id` has ended, with all that was inside it.
    pub(super) fn remove(&self, id: ExecutionId) {
        if self.count.load(Ordering::SeqCst) > 0 {
            let mut ids = self.ids.lock();
            ids.remove(&id);
            self.count.store(ids.len(), Ordering::SeqCst);
        }
    }

    /// Whether `execution` may not begin, since a workflow that it is inside of is about to end: the one that has
    /// asked for it, or the top one. It will be canceled.
    pub(super) fn holds(&self, execution: &Execution) -> bool {
        let Some(parent) = &execution.parent else { return false };
        if self.count.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let ids = self.ids.lock();
        ids.contains(&parent.execution) || ids.contains(&parent.root())
    }
}
