//! The store in memory with a difference: the faults that a test or a simulation wants. Only these are written by the
//! test ([`Difference`]); all else is passed on here, once.

use std::collections::BTreeMap;
use std::ops::Deref;

use async_trait::async_trait;
use petrel_model::execution::Account;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Timestamp, TriggerInstance, TriggerInstanceId,
    WorkflowEntry,
};
use petrel_persistence::store::{ExecutionAge, TriggerInstanceAge};
use petrel_persistence::{
    Commit, CommitError, Document, DocumentKey, DocumentKind, Error, ExecutionFilter, Fence, Figures,
    MemoryStore, Output, Page, Store,
};

/// The difference between a store of tests and the store in memory below it. What is not implemented is the same.
#[async_trait]
pub trait Difference: Clone + Send + Sync + 'static {
    /// See [`Store::commit`].
    async fn commit(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError>;

    /// The difference of the store that the next process opens.
    #[must_use]
    fn of_next_process(&self) -> Self {
        self.clone()
    }

    /// Which of the executions that were claimed are handed out.
    async fn handed_out(&self, claimed: Vec<Execution>) -> Vec<Execution> {
        claimed
    }

    /// Is called before an execution is read by its id.
    fn reads_execution(&self) {}

    /// Is called before the log of a workflow is read.
    ///
    /// # Errors
    /// What the reader gets in place of the log.
    async fn reads_log(&self, workflow: ExecutionId) -> Result<(), Error> {
        let _ = workflow;
        Ok(())
    }

    /// See [`Store::held`].
    fn held(&self) -> usize {
        0
    }

    /// See [`Store::is_held`].
    fn is_held(&self, id: ExecutionId) -> bool {
        let _ = id;
        false
    }

    /// See [`Store::figures`].
    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// See [`Store::failed`].
    async fn failed(&self) -> Error {
        std::future::pending().await
    }
}

/// The store in memory with a difference, which it dereferences to. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct Altered<D> {
    below: MemoryStore,
    difference: D,
}

impl<D: Difference> Altered<D> {
    /// The store `below` with a difference.
    pub fn new(below: MemoryStore, difference: D) -> Self {
        Self { below, difference }
    }

    /// The store as the next process opens it. This one is fenced off.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { below: self.below.reopen(), difference: self.difference.of_next_process() }
    }
}

impl<D> Deref for Altered<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.difference
    }
}

#[async_trait]
impl<D: Difference> Store for Altered<D> {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.difference.commit(&self.below, commit).await
    }

    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error> {
        Ok(self.difference.handed_out(self.below.claim(runners, now, limit).await?).await)
    }

    async fn orphans(&self) -> Result<Vec<Execution>, Error> {
        let mut orphans = self.below.orphans().await?;
        orphans.retain(|orphan| !self.difference.is_held(orphan.id));
        Ok(orphans)
    }

    fn held(&self) -> usize {
        self.difference.held()
    }

    fn is_held(&self, id: ExecutionId) -> bool {
        self.difference.is_held(id)
    }

    fn figures(&self) -> Figures {
        self.difference.figures()
    }

    async fn failed(&self) -> Error {
        self.difference.failed().await
    }

    // What follows is the same in all of them.

    fn fence(&self) -> Fence {
        self.below.fence()
    }

    async fn release(&self, id: ExecutionId) -> Result<(), Error> {
        self.below.release(id).await
    }

    async fn next_due(&self, runners: &[String]) -> Result<Option<Timestamp>, Error> {
        self.below.next_due(runners).await
    }

    fn waiting(&self) -> usize {
        self.below.waiting()
    }

    fn waiting_within(&self, share: usize) -> usize {
        self.below.waiting_within(share)
    }

    fn waiting_of(&self, account: Account<'_>) -> usize {
        self.below.waiting_of(account)
    }

    fn is_waiting(&self, id: ExecutionId) -> bool {
        self.below.is_waiting(id)
    }

    fn is_active(&self, id: ExecutionId) -> bool {
        self.below.is_active(id)
    }

    fn inside(&self, root: ExecutionId) -> usize {
        self.below.inside(root)
    }

    fn begun(&self) -> Vec<ExecutionId> {
        self.below.begun()
    }

    fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>> {
        self.below.by_workflow()
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.difference.reads_execution();
        self.below.execution(id).await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        self.below.executions(filter, before, limit).await
    }

    async fn oldest_executions(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, Error> {
        self.below.oldest_executions(after, limit).await
    }

    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error> {
        self.below.output(id, from).await
    }

    async fn children(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, Error> {
        self.below.children(workflow, after, limit).await
    }

    async fn workflow_log(&self, workflow: ExecutionId) -> Result<Vec<WorkflowEntry>, Error> {
        self.difference.reads_log(workflow).await?;
        self.below.workflow_log(workflow).await
    }

    async fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, Error> {
        self.below.documents(kind).await
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error> {
        self.below.document(key).await
    }

    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        self.below.trigger_instance(id).await
    }

    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error> {
        self.below.trigger_instances(trigger_type, before, limit).await
    }

    async fn oldest_trigger_instances(
        &self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, Error> {
        self.below.oldest_trigger_instances(after, limit).await
    }

    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error> {
        self.below.enforcement(id).await
    }
}
