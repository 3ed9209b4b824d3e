//! Hands out executions to run, a few at a time, however large they are.

use std::sync::PoisonError;
use std::time::Duration;

use petrel_model::{Execution, ExecutionId, Timestamp, size};
use petrel_persistence::Error;

use super::EmbeddedStore;
use crate::committer;

/// Bytes of parameters after which no more executions are handed out at once. A single execution may be larger.
const BYTE_BUDGET: usize = 2 << 20;

/// The time for which an execution rests that cannot be read for the moment.
const REST: Duration = Duration::from_secs(1);

impl EmbeddedStore {
    /// Offers executions again that have rested until `now`.
    pub(super) fn offer_again(&self, now: Timestamp) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        // None rests, as a rule.
        if resting.until.is_empty() {
            return;
        }
        let mut state = committer::lock(&self.state);
        resting.until.retain(|(until, id)| {
            let rests_on = *until > now;
            if !rests_on {
                state.queue.release(*id);
            }
            rests_on
        });
    }

    /// Reads the executions that were claimed at `now`. Those that exceed the budget are returned to the queue.
    pub(super) fn handed_out(&self, ids: Vec<ExecutionId>, now: Timestamp) -> Vec<Execution> {
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
                Err(error @ Error::Starved { .. }) => {
                    let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
                    if resting.rest(now.plus(REST), id) {
                        tracing::warn!(execution.id = %id, %error, "failed to read a waiting execution; trying again every second");
                    }
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
