//! The deletion of events that have been kept long enough, with their enforcements. How long that is, and how fast it
//! goes, is decided by the engine.

use petrel_engine_core::Error;
use petrel_model::{Timestamp, TriggerInstanceId};
use petrel_persistence::Change;
use petrel_persistence::store::TriggerInstanceAge;

use crate::service::Triggers;

impl Triggers {
    /// Looks at up to `limit` events, oldest first, that were accepted after `after`, and deletes those from before
    /// `cutoff`. Returns the last event that was looked at, if older ones may come after it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_old(
        &self,
        after: Option<TriggerInstanceId>,
        cutoff: Timestamp,
        limit: usize,
    ) -> Result<Option<TriggerInstanceId>, Error> {
        let oldest = self.store().oldest_trigger_instances(after, limit).await?;
        let changes = deletions(&oldest, cutoff);
        if !changes.is_empty() {
            self.core().commit(Vec::new(), changes).await?;
        }
        let is_full = oldest.len() == limit;
        Ok(oldest.last().filter(|last| is_full && last.occurred_at < cutoff).map(|last| last.id))
    }
}

/// The deletions of those of `instances` that are from before the cutoff, with their enforcements.
fn deletions(instances: &[TriggerInstanceAge], cutoff: Timestamp) -> Vec<Change> {
    let is_old = |instance: &&TriggerInstanceAge| instance.occurred_at < cutoff;
    let deletion = |instance: &TriggerInstanceAge| {
        let enforcements: Vec<_> =
            instance.enforcements.iter().copied().map(Change::DeleteEnforcement).collect();
        enforcements.into_iter().chain([Change::DeleteTriggerInstance(instance.id)])
    };
    instances.iter().filter(is_old).flat_map(deletion).collect()
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::{at, id};

    use super::*;

    #[test]
    fn an_old_event_takes_its_enforcements_with_it() {
        let age = |n, occurred_at| TriggerInstanceAge {
            id: id(n),
            occurred_at,
            enforcements: vec![id(10 * n), id(10 * n + 1)],
        };
        let deleted = format!("{:?}", deletions(&[age(1, at(4)), age(2, at(5))], at(5)));
        let expected = [
            Change::DeleteEnforcement(id(10)),
            Change::DeleteEnforcement(id(11)),
            Change::DeleteTriggerInstance(id(1)),
        ];
        assert_eq!(deleted, format!("{expected:?}"));
    }
}
