//! Workflows of which nothing may begin: those that are canceled, have taken too long, or were made to fail, and for a
//! moment after the start those of which this process does not know yet whether they are. What is inside one is asked here
//! before it starts, so that a tree that grows faster than its workflows can be told of the end stops growing at once. It
//! is only a short cut: that everything ends is seen to by [`cascade`](super::cascade).

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use petrel_model::{Execution, ExecutionId};

/// A set of workflows, which is asked about what is inside of them.
#[derive(Debug, Default)]
pub(super) struct Marked {
    ids: Mutex<HashSet<ExecutionId>>,
    /// The number of workflows. Most often it is zero, and nobody needs the lock.
    count: AtomicUsize,
}

impl Marked {
    /// Marks the workflow `id`, and says whether it was not marked before.
    pub(super) fn add(&self, id: ExecutionId) -> bool {
        let mut ids = self.ids.lock();
        let is_new = ids.insert(id);
        // Under the lock, so that count and set agree.
        self.count.store(ids.len(), Ordering::SeqCst);
        is_new
    }

    /// The workflow `id` is marked no more.
    pub(super) fn remove(&self, id: ExecutionId) {
        if self.count.load(Ordering::SeqCst) > 0 {
            let mut ids = self.ids.lock();
            ids.remove(&id);
            self.count.store(ids.len(), Ordering::SeqCst);
        }
    }

    /// Whether the workflow `id` is marked.
    pub(super) fn contains(&self, id: ExecutionId) -> bool {
        self.count.load(Ordering::SeqCst) > 0 && self.ids.lock().contains(&id)
    }

    /// Whether a workflow is marked that `execution` is inside of: the one that has asked for it, or the top one.
    pub(super) fn has_inside(&self, execution: &Execution) -> bool {
        self.around(execution).is_some()
    }

    /// The workflow that is marked and that `execution` is inside of.
    pub(super) fn around(&self, execution: &Execution) -> Option<ExecutionId> {
        let parent = execution.parent.as_ref()?;
        if self.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let ids = self.ids.lock();
        [parent.root(), parent.execution].into_iter().find(|id| ids.contains(id))
    }
}
