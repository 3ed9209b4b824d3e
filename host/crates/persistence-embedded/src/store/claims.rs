//! Hands out executions to run, a few at a time, however large they are.

use petrel_model::{Execution, ExecutionId, size};

use super::EmbeddedStore;
use crate::committer;

/// Bytes of parameters after which no more executions are handed out at once. A single execution may be larger.
const BYTE_BUDGET: usize = 2 << 20;

impl EmbeddedStore {
    /// Reads the claimed executions. Those that exceed the budget are returned to the queue.
    pub(super) fn handed_out(&self, ids: Vec<ExecutionId>) -> Vec<Execution> {
        let (mut claimed, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        // Those that were stored a moment ago are in memory still.
        let mut fresh = committer::lock(&self.state).fresh.take(&ids);
        let mut ids = ids.into_iter();
        while bytes < BYTE_BUDGET {
            let Some(id) = ids.next() else { return claimed };
            // One damaged execution must not keep others from running.
            let known = fresh.remove(&id).map(|execution| Ok(Some(*execution)));
            match known.unwrap_or_else(|| self.rows.execution(id)) {
                Ok(execution) => {
                    let execution = execution.filter(|execution| execution.status.is_waiting());
                    bytes += execution.as_ref().map_or(0, given_bytes);
                    claimed.extend(execution);
                }
                Err(error) => {
                    tracing::error!(execution.id = %id, %error, "failed to read a waiting execution");
                }
            }
        }
        let mut state = committer::lock(&self.state);
        ids.for_each(|id| state.queue.release(id));
        claimed
    }
}

fn given_bytes(execution: &Execution) -> usize {
    execution.parameters.values().map(size::of_value).sum()
}
