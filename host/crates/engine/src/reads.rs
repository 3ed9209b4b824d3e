//! The door for reads: stored executions, and figures of the store, for those outside who show them. Nothing can be
//! changed through it. Stored events are read at [`Triggers::reads`](petrel_triggers::Triggers::reads); the catalog, users
//! and the datastore are in memory, and their services have them.

use petrel_model::output::OutputLine;
use petrel_model::{Execution, ExecutionId};
use petrel_persistence::Store;

pub use petrel_persistence::store::{Archived, ExecutionAge};
pub use petrel_persistence::{Error as ReadError, ExecutionFilter, Page, RowKind, Unreadable};

use crate::service::Engine;

impl Engine {
    /// What is stored, for reading.
    pub fn reads(&self) -> Reads<'_> {
        Reads::of(self.store())
    }
}

/// Reads what is stored. Cheap to copy. Every method that returns a [`ReadError`] does so when the store fails, or when
/// what was asked for by its id is damaged.
#[derive(Clone, Copy)]
pub struct Reads<'a>(&'a dyn Store);

impl<'a> Reads<'a> {
    /// Reads of `store`. Who has no store asks [`Engine::reads`].
    pub fn of(store: &'a dyn Store) -> Self {
        Self(store)
    }

    /// An execution.
    pub async fn execution(self, id: ExecutionId) -> Result<Option<Execution>, ReadError> {
        self.0.execution(id).await
    }

    /// Executions, newest first, that were created before `before`.
    pub async fn executions(
        self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, ReadError> {
        self.0.executions(filter, before, limit).await
    }

    /// Up to `limit` executions, oldest first, that were created after `after`: no more of them than their age.
    pub async fn oldest_executions(
        self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, ReadError> {
        self.0.oldest_executions(after, limit).await
    }

    /// Up to `limit` executions that tasks of `workflow` have asked for, oldest first, created after `after`.
    pub async fn children(
        self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, ReadError> {
        self.0.children(workflow, after, limit).await
    }

    /// The output of an execution from line number `from` on.
    pub async fn output(self, id: ExecutionId, from: u32) -> Result<Vec<OutputLine>, ReadError> {
        self.0.output(id, from).await
    }

    /// How many executions wait for a runner.
    pub fn waiting(self) -> usize {
        self.0.waiting()
    }

    /// How many executions are held since a restore.
    pub fn held(self) -> usize {
        self.0.held()
    }

    /// Whether this execution is held, or what has asked for it.
    pub fn is_held(self, id: ExecutionId) -> bool {
        self.0.is_held(id)
    }

    /// What is kept by name (packs, rules, users and so on) and was found to be damaged.
    pub fn unreadable(self) -> Vec<Unreadable> {
        self.0.unreadable()
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
