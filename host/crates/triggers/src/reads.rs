//! The reads of the service: stored events and enforcements, for those who show them. Nothing can be changed through
//! them. Why rules matched an event is `explanation`'s.

use petrel_model::{Enforcement, EnforcementId, Ref, TriggerInstance, TriggerInstanceId};
use petrel_persistence::store::TriggerInstanceAge;
use petrel_persistence::{Error as ReadError, Page, Store};

/// Reads stored events. Cheap to copy. Every method returns an error when the store fails, or when what was asked for by
/// its id is damaged.
#[derive(Clone, Copy)]
pub struct Reads<'a>(&'a dyn Store);

impl<'a> Reads<'a> {
    /// Reads of `store`. Who has no store asks [`Triggers::reads`](crate::Triggers::reads).
    pub fn of(store: &'a dyn Store) -> Self {
        Self(store)
    }

    /// An event.
    pub async fn trigger_instance(self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, ReadError> {
        self.0.trigger_instance(id).await
    }

    /// Events, newest first, that were accepted before `before`; of one trigger type if given.
    pub async fn trigger_instances(
        self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, ReadError> {
        self.0.trigger_instances(trigger_type, before, limit).await
    }

    /// Up to `limit` events, oldest first, that were accepted after `after`: no more of them than their age and their
    /// enforcements.
    pub async fn oldest_trigger_instances(
        self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, ReadError> {
        self.0.oldest_trigger_instances(after, limit).await
    }

    /// An enforcement.
    pub async fn enforcement(self, id: EnforcementId) -> Result<Option<Enforcement>, ReadError> {
        self.0.enforcement(id).await
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Id;
    use petrel_persistence::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn of_an_empty_store_nothing_is_read() {
        let store = MemoryStore::default();
        let reads = Reads::of(&store);
        let id = Id::from_parts(1, 1);
        assert!(reads.trigger_instance(TriggerInstanceId(id)).await.unwrap().is_none());
        assert!(reads.enforcement(EnforcementId(id)).await.unwrap().is_none());
        assert!(reads.trigger_instances(None, None, 10).await.unwrap().items.is_empty());
        assert!(reads.oldest_trigger_instances(None, 10).await.unwrap().is_empty());
    }
}
