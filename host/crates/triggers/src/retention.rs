//! The deletion of events that have been kept long enough, with their enforcements, and of the keys by which events were
//! known if they came again. How long that is, and how fast it
//! goes, is decided by the engine.

use petrel_engine_core::Error;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{Delivery, Enforcement, Timestamp, TraceLink, TriggerInstanceId};
use petrel_persistence::store::TriggerInstanceAge;
use petrel_persistence::{self as persistence, Change, Document, DocumentKey, DocumentKind, Noun as _};

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
        let next = next(&oldest, cutoff, limit);
        self.delete(&oldest, cutoff).await?;
        Ok(next)
    }

    /// As [`delete_old`](Self::delete_old), but of events that are no dead letters: no rule failed on them, or they were
    /// replayed for each that did.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_old_but_letters(
        &self,
        after: Option<TriggerInstanceId>,
        cutoff: Timestamp,
        limit: usize,
    ) -> Result<Option<TriggerInstanceId>, Error> {
        let oldest = self.store().oldest_trigger_instances(after, limit).await?;
        let next = next(&oldest, cutoff, limit);
        let mut others = Vec::with_capacity(oldest.len());
        for one in oldest.into_iter().filter(|one| one.occurred_at < cutoff) {
            if !self.has_letter(&one).await? {
                others.push(one);
            }
        }
        self.delete(&others, cutoff).await?;
        Ok(next)
    }

    /// Whether a rule failed on an event, and it was not replayed for that rule.
    async fn has_letter(&self, event: &TriggerInstanceAge) -> Result<bool, Error> {
        for id in &event.enforcements {
            match self.store().enforcement(*id).await {
                Ok(Some(found)) if is_letter(&found) => return Ok(true),
                // Nothing can be replayed of one that cannot be read.
                Ok(_) | Err(persistence::Error::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Deletes those of `events` that are from before the cutoff, with their enforcements.
    async fn delete(&self, events: &[TriggerInstanceAge], cutoff: Timestamp) -> Result<(), Error> {
        let changes = deletions(events, cutoff);
        if !changes.is_empty() {
            self.core().commit(Vec::new(), changes).await?;
        }
        Ok(())
    }
}

/// The last of the events of a step, if older ones than the cutoff may come after it.
fn next(oldest: &[TriggerInstanceAge], cutoff: Timestamp, limit: usize) -> Option<TriggerInstanceId> {
    let is_full = oldest.len() == limit;
    oldest.last().filter(|last| is_full && last.occurred_at < cutoff).map(|last| last.id)
}

/// Whether an enforcement is a dead letter: it failed, and was not replayed.
pub(crate) fn is_letter(enforcement: &Enforcement) -> bool {
    enforcement.status == EnforcementStatus::Failed && enforcement.replayed_as.is_none()
}

impl Triggers {
    /// Looks at up to `limit` keys of events that come after `after`, and deletes those that were stored before `cutoff`:
    /// events with them are taken in anew. Returns the last key that was looked at, if others may come after it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_keys(
        &self,
        after: Option<DocumentKey>,
        cutoff: Timestamp,
        limit: usize,
    ) -> Result<Option<DocumentKey>, Error> {
        let found = self.store().documents_after(DocumentKind::Delivery, after.as_ref(), limit).await?;
        let last = if found.len() == limit { found.last().map(Document::key) } else { None };
        let old = found.into_iter().filter_map(Delivery::from_document).filter(|one| one.taken_at < cutoff);
        let changes: Vec<_> = old.map(|one| Change::delete::<Delivery>(one.digest)).collect();
        if !changes.is_empty() {
            self.core().commit(Vec::new(), changes).await?;
        }
        Ok(last)
    }
}

/// The deletions of those of `instances` that are from before the cutoff, with their enforcements.
fn deletions(instances: &[TriggerInstanceAge], cutoff: Timestamp) -> Vec<Change> {
    let is_old = |instance: &&TriggerInstanceAge| instance.occurred_at < cutoff;
    let deletion = |instance: &TriggerInstanceAge| {
        let enforcements: Vec<_> =
            instance.enforcements.iter().copied().map(Change::DeleteEnforcement).collect();
        let links = instance.links.iter().map(|link| Change::delete::<TraceLink>(link.key.clone()));
        let links: Vec<_> = links.collect();
        enforcements.into_iter().chain(links).chain([Change::DeleteTriggerInstance(instance.id)])
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
            links: vec![TraceLink { key: format!("m:{n}") }],
        };
        let deleted = format!("{:?}", deletions(&[age(1, at(4)), age(2, at(5))], at(5)));
        let expected = [
            Change::DeleteEnforcement(id(10)),
            Change::DeleteEnforcement(id(11)),
            Change::delete::<TraceLink>("m:1".to_owned()),
            Change::DeleteTriggerInstance(id(1)),
        ];
        assert_eq!(deleted, format!("{expected:?}"));
    }
}
