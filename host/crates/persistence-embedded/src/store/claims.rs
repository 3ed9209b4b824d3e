//! What is handed out to be run: a little at a time, however large it is.

use petrel_model::{Execution, ExecutionId, size};

use super::EmbeddedStore;
use crate::committer;

/// With so many bytes of parameters no more is handed out at once. (One execution may be larger.)
const BYTE_BUDGET: usize = 2 << 20;

impl EmbeddedStore {
    /// The executions that were claimed; those for which there is no room beside the others are offered again.
    pub(super) fn handed_out(&self, ids: Vec<ExecutionId>) -> Vec<Execution> {
        let (mut claimed, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        let mut ids = ids.into_iter();
        while bytes < BYTE_BUDGET {
            let Some(id) = ids.next() else { return claimed };
            // One that cannot be read must not keep the others from being run.
            match self.rows.execution(id) {
                Ok(execution) => {
                    let execution = execution.filter(|execution| execution.status.is_waiting());
                    bytes += execution.as_ref().map_or(0, given_bytes);
                    claimed.extend(execution);
                }
                Err(error) => tracing::error!(execution.id = %id, %error, "it waits and cannot be read"),
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
