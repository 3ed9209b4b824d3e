//! The workflows inside which nothing may begin any more, because they were canceled, have timed out or were
//! made to fail. Executions ask here before they start, so that a tree that grows faster than its workflows
//! can be told of the end stops growing at once. This is only a shortcut: [`cascade`](super::cascade) makes
//! sure that everything ends.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use petrel_model::{Execution, ExecutionId};

/// Workflows that are about to end.
#[derive(Debug, Default)]
pub(super) struct Closing {
    ids: Mutex<HashSet<ExecutionId>>,
    /// The number of workflows. Most often it is zero, and nobody needs the lock.
    count: AtomicUsize,
}

impl Closing {
    /// Lets nothing inside the workflow `id` begin from now on.
    pub(super) fn add(&self, id: ExecutionId) {
        let mut ids = self.ids.lock();
        ids.insert(id);
        // Under the lock, so that count and set agree.
        self.count.store(ids.len(), Ordering::SeqCst);
    }

    /// Forgets the workflow `id`, which has ended with everything inside it.
    pub(super) fn remove(&self, id: ExecutionId) {
        if self.count.load(Ordering::SeqCst) > 0 {
            let mut ids = self.ids.lock();
            ids.remove(&id);
            self.count.store(ids.len(), Ordering::SeqCst);
        }
    }

    /// Whether `execution` must not begin, because the workflow that requested it, or the root, is about to
    /// end. It will be canceled.
    pub(super) fn holds(&self, execution: &Execution) -> bool {
        let Some(parent) = &execution.parent else { return false };
        if self.count.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let ids = self.ids.lock();
        ids.contains(&parent.execution) || ids.contains(&parent.root())
    }
}
