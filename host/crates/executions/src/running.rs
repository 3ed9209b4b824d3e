//! The executions that run in this process, so that a cancel reaches them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use petrel_model::ExecutionId;
use tokio_util::sync::CancellationToken;

/// What runs now. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<ExecutionId, CancellationToken>>>);

/// An execution that runs, until this is dropped.
pub(crate) struct Run {
    running: Running,
    id: ExecutionId,
}

impl Running {
    /// The execution `id` runs from now on, and is ended by `cancel`.
    pub(crate) fn enter(&self, id: ExecutionId, cancel: CancellationToken) -> Run {
        self.0.lock().insert(id, cancel);
        Run { running: self.clone(), id }
    }

    /// Ends an execution, if it runs in this process.
    pub(crate) fn end(&self, id: ExecutionId) {
        if let Some(running) = self.0.lock().get(&id) {
            running.cancel();
        }
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.0.lock().remove(&self.id);
    }
}
