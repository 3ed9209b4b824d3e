//! The runs of this process, so that a cancel reaches them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use petrel_model::ExecutionId;
use tokio_util::sync::CancellationToken;

/// The current runs, by execution. Clones share their state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<ExecutionId, CancellationToken>>>);

/// The registration of a run; its drop ends the registration, not the run.
pub(crate) struct Run {
    running: Running,
    id: ExecutionId,
}

impl Running {
    /// Registers the run of `id`, which `cancel` ends.
    pub(crate) fn enter(&self, id: ExecutionId, cancel: CancellationToken) -> Run {
        self.0.lock().insert(id, cancel);
        Run { running: self.clone(), id }
    }

    /// Ends the run of `id`, if it is in this process.
    pub(crate) fn end(&self, id: ExecutionId) {
        if let Some(running) = self.0.lock().get(&id) {
            running.cancel();
        }
    }

    /// The number of runs.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.0.lock().remove(&self.id);
    }
}
