//! A store in memory that treats commits as a test demands: it refuses one, makes one without an answer,
//! delays one, or fails for good. It also holds executions, as a store does that was restored from a backup.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use petrel_model::execution::Account;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Status, Timestamp, TriggerInstance,
    TriggerInstanceId, WorkflowEntry,
};
use petrel_persistence::store::{ExecutionAge, TriggerInstanceAge};
use petrel_persistence::{
    Change, Commit, CommitError, Document, DocumentKey, DocumentKind, Error, ExecutionFilter, Fence, Figures,
    MemoryStore, Output, Page, Store,
};
use tokio::sync::oneshot;

use super::gate::Gate;

/// What becomes of a commit.
pub(crate) enum How {
    /// The store fails, and nothing was written.
    Refused,
    /// There is no room for it.
    NoRoom,
    /// It is made, and the store fails before it can say so.
    Unanswered,
    /// It is made once the other end of this says so, or is dropped.
    Waits(oneshot::Receiver<()>),
}

/// Which commit is meant.
type Which = fn(&Commit) -> bool;

/// Any commit at all.
pub(crate) fn any(_commit: &Commit) -> bool {
    true
}

/// One that moves an execution to `running`.
pub(crate) fn starts(commit: &Commit) -> bool {
    moves(commit, |status| status == Status::Running)
}

/// One that moves an execution to a final status.
pub(crate) fn ends(commit: &Commit) -> bool {
    moves(commit, Status::is_final)
}

/// One that has an execution wait again that had begun.
pub(crate) fn requeues(commit: &Commit) -> bool {
    moves(commit, |status| status == Status::Requested)
}

/// One that asks an execution to end.
pub(crate) fn cancels(commit: &Commit) -> bool {
    moves(commit, |status| status == Status::Canceling)
}

/// One that writes to the log of a workflow.
pub(crate) fn steps(commit: &Commit) -> bool {
    commit.changes.iter().any(|change| matches!(change, Change::AppendWorkflow { .. }))
}

/// One that deletes an execution or an event.
pub(crate) fn forgets(commit: &Commit) -> bool {
    let forgets =
        |change: &Change| matches!(change, Change::DeleteExecution(_) | Change::DeleteTriggerInstance(_));
    commit.changes.iter().any(forgets)
}

fn moves(commit: &Commit, to: impl Fn(Status) -> bool) -> bool {
    commit.changes.iter().any(|change| match change {
        Change::UpdateExecution(execution) => to(execution.status),
        _ => false,
    })
}

/// The store. Clones share what is stored and what is to go wrong.
#[derive(Clone, Default)]
pub(crate) struct TestStore {
    inner: MemoryStore,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// What is to become of the next commits, each of the first that is meant.
    faults: Mutex<VecDeque<(Which, How)>>,
    /// What the next claim that finds something waits for, once its executions are claimed.
    claim: Gate,
    /// What the next log of a workflow that is read waits for.
    log: Gate,
    /// Whether the logs of workflows are damaged.
    has_lost_logs: AtomicBool,
    /// How often an execution was read.
    reads: AtomicUsize,
    is_broken: AtomicBool,
    is_full: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    ids: HashSet<ExecutionId>,
    /// What of them is offered again once they are let go on.
    claimed: Vec<ExecutionId>,
}

impl TestStore {
    /// What the next process finds. This one is fenced off.
    pub(crate) fn reopen(&self) -> Self {
        Self { inner: self.inner.reopen(), state: Arc::clone(&self.state) }
    }

    /// Has this become of the next commit that is meant.
    pub(crate) fn next(&self, which: Which, how: How) {
        self.faults().push_back((which, how));
    }

    /// Lets the next commit that is meant wait until what is given is used or dropped.
    pub(crate) fn delay(&self, which: Which) -> oneshot::Sender<()> {
        let (open, waits) = oneshot::channel();
        self.next(which, How::Waits(waits));
        open
    }

    /// Lets the next claim that finds something come back only when what is given is used or dropped.
    pub(crate) fn delay_claim(&self) -> oneshot::Sender<()> {
        self.state.claim.close()
    }

    /// Lets who reads a log of a workflow next wait until what is given is used or dropped.
    pub(crate) fn delay_log(&self) -> oneshot::Sender<()> {
        self.state.log.close()
    }

    /// Whether no log of a workflow can be read from now on.
    pub(crate) fn lose_logs(&self, are_lost: bool) {
        self.state.has_lost_logs.store(are_lost, Ordering::SeqCst);
    }

    /// How many commits are still to meet what was asked for.
    pub(crate) fn faults_left(&self) -> usize {
        self.faults().len()
    }

    /// How often an execution was read by its id.
    pub(crate) fn reads(&self) -> usize {
        self.state.reads.load(Ordering::SeqCst)
    }

    /// Nothing can be written from now on.
    pub(crate) fn break_down(&self) {
        self.state.is_broken.store(true, Ordering::SeqCst);
    }

    /// The disk is whole again, as the next process finds it.
    pub(crate) fn mend(&self) {
        self.state.is_broken.store(false, Ordering::SeqCst);
    }

    /// Whether the disk has less left than the reserve.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.state.is_full.store(is_full, Ordering::SeqCst);
    }

    /// Holds these, as if they had been in flight at the backup that the store is restored from.
    pub(crate) fn hold(&self, ids: impl IntoIterator<Item = ExecutionId>) {
        self.held_here().ids.extend(ids);
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<(Which, How)>> {
        self.state.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_here(&self) -> MutexGuard<'_, Held> {
        self.state.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_broken(&self) -> bool {
        self.state.is_broken.load(Ordering::SeqCst)
    }

    fn take(&self, commit: &Commit) -> Option<How> {
        if self.is_broken() {
            return Some(How::Refused);
        }
        let mut faults = self.faults();
        let place = faults.iter().position(|(which, _)| which(commit))?;
        faults.remove(place).map(|(_, how)| how)
    }

    /// Makes a commit, and takes note of what it means to those that are held.
    async fn make(&self, commit: Commit) -> Result<(), CommitError> {
        let lifts = commit.changes.iter().any(|change| matches!(change, Change::LiftHold));
        let ended = commit.changes.iter().filter_map(|change| match change {
            Change::UpdateExecution(execution) if execution.status.is_final() => Some(execution.id),
            _ => None,
        });
        let ended: Vec<_> = ended.collect();
        self.inner.commit(commit).await?;
        let again = {
            let mut held = self.held_here();
            ended.iter().for_each(|id| {
                held.ids.remove(id);
            });
            if lifts { std::mem::take(&mut *held).claimed } else { Vec::new() }
        };
        for id in again {
            self.inner.release(id).await?;
        }
        Ok(())
    }
}

fn unavailable() -> Error {
    Error::Unavailable("on purpose".into())
}

#[async_trait]
impl Store for TestStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        match self.take(&commit) {
            None => self.make(commit).await,
            Some(How::Refused) => Err(unavailable().into()),
            Some(How::NoRoom) => Err(CommitError::NoRoom("the disk is full, on purpose".into())),
            Some(How::Unanswered) => {
                self.make(commit).await?;
                Err(unavailable().into())
            }
            Some(How::Waits(open)) => {
                // Dropped is as good as said.
                drop(open.await);
                self.make(commit).await
            }
        }
    }

    fn fence(&self) -> Fence {
        self.inner.fence()
    }

    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error> {
        let claimed = self.inner.claim(runners, now, limit).await?;
        if !claimed.is_empty() {
            self.state.claim.pass().await;
        }
        let mut held = self.held_here();
        let (resting, free): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|execution| held.ids.contains(&execution.id));
        held.claimed.extend(resting.iter().map(|execution| execution.id));
        Ok(free)
    }

    async fn release(&self, id: ExecutionId) -> Result<(), Error> {
        self.inner.release(id).await
    }

    async fn next_due(&self, runners: &[String]) -> Result<Option<Timestamp>, Error> {
        self.inner.next_due(runners).await
    }

    fn waiting(&self) -> usize {
        self.inner.waiting()
    }

    fn waiting_within(&self, share: usize) -> usize {
        self.inner.waiting_within(share)
    }

    fn waiting_of(&self, account: Account<'_>) -> usize {
        self.inner.waiting_of(account)
    }

    fn is_waiting(&self, id: ExecutionId) -> bool {
        self.inner.is_waiting(id)
    }

    fn is_active(&self, id: ExecutionId) -> bool {
        self.inner.is_active(id)
    }

    fn inside(&self, root: ExecutionId) -> usize {
        self.inner.inside(root)
    }

    fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>> {
        self.inner.by_workflow()
    }

    async fn orphans(&self) -> Result<Vec<Execution>, Error> {
        let mut orphans = self.inner.orphans().await?;
        orphans.retain(|orphan| !self.is_held(orphan.id));
        Ok(orphans)
    }

    fn held(&self) -> usize {
        self.held_here().ids.len()
    }

    fn is_held(&self, id: ExecutionId) -> bool {
        self.held_here().ids.contains(&id)
    }

    fn figures(&self) -> Figures {
        let is_full = self.state.is_full.load(Ordering::SeqCst);
        let left = if is_full { 1 } else { 1 << 30 };
        Figures { room_bytes: Some(left), reserve_bytes: 64 << 20, unwritten: usize::from(is_full) }
    }

    async fn failed(&self) -> Error {
        if self.is_broken() { unavailable() } else { std::future::pending().await }
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.state.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.execution(id).await
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        self.inner.executions(filter, before, limit).await
    }

    async fn oldest_executions(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, Error> {
        self.inner.oldest_executions(after, limit).await
    }

    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error> {
        self.inner.output(id, from).await
    }

    async fn children(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, Error> {
        self.inner.children(workflow, after, limit).await
    }

    async fn workflow_log(&self, workflow: ExecutionId) -> Result<Vec<WorkflowEntry>, Error> {
        self.state.log.pass().await;
        if self.state.has_lost_logs.load(Ordering::SeqCst) {
            return Err(Error::Damaged {
                what: format!("the log of {workflow}"),
                reason: "on purpose".into(),
            });
        }
        self.inner.workflow_log(workflow).await
    }

    async fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, Error> {
        self.inner.documents(kind).await
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error> {
        self.inner.document(key).await
    }

    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        self.inner.trigger_instance(id).await
    }

    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error> {
        self.inner.trigger_instances(trigger_type, before, limit).await
    }

    async fn oldest_trigger_instances(
        &self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, Error> {
        self.inner.oldest_trigger_instances(after, limit).await
    }

    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error> {
        self.inner.enforcement(id).await
    }
}
