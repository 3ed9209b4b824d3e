//! The door for reads: stored events and executions for the surfaces, which can change nothing through it.
//! `petrel_catalog` has packs and rules, `petrel_access` the accounts and `petrel_datastore` the keys; these
//! are in memory.

use petrel_model::output::OutputLine;
use petrel_model::{Execution, ExecutionId};
use petrel_persistence::Store;

pub use petrel_persistence::store::{Archived, ExecutionAge};
pub use petrel_persistence::{Error as ReadError, ExecutionFilter, Page, RowKind, Unreadable};

use crate::service::Engine;

impl Engine {
    /// The door for reads of the store.
    pub fn reads(&self) -> Reads<'_> {
        Reads::of(self.store())
    }
}

/// Reads of the store. Cheap to copy. A method that returns a [`ReadError`] does so when the store fails, or
/// when the requested row is damaged.
#[derive(Clone, Copy)]
pub struct Reads<'a>(&'a dyn Store);

impl<'a> Reads<'a> {
    /// Reads of `store`, for callers without an [`Engine`].
    pub fn of(store: &'a dyn Store) -> Self {
        Self(store)
    }

    /// An execution.
    pub async fn execution(self, id: ExecutionId) -> Result<Option<Execution>, ReadError> {
        self.0.execution(id).await
    }

    /// A page of executions that were created before `before`, newest first.
    pub async fn executions(
        self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, ReadError> {
        self.0.executions(filter, before, limit).await
    }

    /// As [`executions`](Self::executions), perhaps without their parameters and results.
    pub async fn execution_heads(
        self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, ReadError> {
        self.0.execution_heads(filter, before, limit).await
    }

    /// Up to `limit` executions that were created after `after`, oldest first, with their ages only.
    pub async fn oldest_executions(
        self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, ReadError> {
        self.0.oldest_executions(after, limit).await
    }

    /// The ids of up to `limit` executions that tasks of `workflow` requested, created after `after`, oldest first.
    pub async fn children_ids(
        self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, ReadError> {
        self.0.children_ids(workflow, after, limit).await
    }

    /// The output of an execution, from the line with the number `from` on.
    pub async fn output(self, id: ExecutionId, from: u32) -> Result<Vec<OutputLine>, ReadError> {
        self.0.output(id, from).await
    }

    /// The number of executions that wait for a runner.
    pub fn waiting(self) -> usize {
        self.0.waiting()
    }

    /// The number of executions that are held since a restore.
    pub fn held(self) -> usize {
        self.0.held()
    }

    /// Whether the execution is held, itself or through its workflow.
    pub fn is_held(self, id: ExecutionId) -> bool {
        self.0.is_held(id)
    }

    /// Unreadable documents (packs, rules, users and so on) that were asked for.
    pub fn unreadable(self) -> Vec<Unreadable> {
        self.0.unreadable()
    }

    /// Why nothing that holds secrets can be stored, if that is so.
    pub fn refuses_secrets(self) -> Option<String> {
        self.0.refuses_secrets()
    }

    /// Waits until the store fails for good.
    pub async fn failed(self) -> ReadError {
        self.0.failed().await
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
        assert!(reads.execution(id.into()).await.unwrap().is_none());
        assert_eq!((reads.waiting(), reads.held(), reads.is_held(id.into())), (0, 0, false));
        let all = reads.executions(&ExecutionFilter::default(), None, 10).await.unwrap();
        assert!(all.items.is_empty() && all.next.is_none());
    }
}
