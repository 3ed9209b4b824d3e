//! The backend in memory, for tests, and as the yardstick for the others. It keeps the nouns themselves in maps.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use petrel_model::execution::Account;
use petrel_model::output::OutputLine;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, RuleId, Timestamp, TriggerInstance,
    TriggerInstanceId, WorkflowEntry,
};

use crate::commit::{Change, Commit, CommitError, Expect, expected_twice};
use crate::documents::{Document, DocumentKey, DocumentKind};
use crate::filter::ExecutionFilter;
use crate::queue::Queue;
use crate::store::{Error, ExecutionAge, Fence, Output, Page, Store, TriggerInstanceAge};

/// A store in memory. Clones share their content.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    fence: Fence,
}

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    queue: Queue,
    executions: BTreeMap<ExecutionId, Execution>,
    output: BTreeMap<ExecutionId, Vec<OutputLine>>,
    trigger_instances: BTreeMap<TriggerInstanceId, TriggerInstance>,
    enforcements: BTreeMap<EnforcementId, Enforcement>,
    documents: BTreeMap<DocumentKind, BTreeMap<DocumentKey, Document>>,
    workflow_logs: BTreeMap<ExecutionId, Vec<WorkflowEntry>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        let state = State { epoch: 1, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), fence: Fence { epoch: 1 } }
    }
}

impl MemoryStore {
    /// The store as the next process finds it: the same content, a higher epoch, no claims. Commits of this process
    /// are refused from now on.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let mut state = self.state();
        state.epoch += 1;
        let mut queue = Queue::default();
        state.executions.values().for_each(|execution| queue.store(execution));
        state.queue = queue;
        Self { state: Arc::clone(&self.state), fence: Fence { epoch: state.epoch } }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn holds(&self, expect: &Expect) -> bool {
        match expect {
            Expect::ExecutionVersion(id, version) => self.queue.version(*id) == Some(*version),
            Expect::RuleAbsent(reference) => self.rule(reference).is_none(),
            Expect::RuleIs(reference, id) => self.rule(reference) == Some(*id),
            Expect::Absent(key) => self.document(key).is_none(),
            Expect::ReplayedAs(id, event) => {
                self.enforcements.get(id).is_some_and(|stored| stored.replayed_as == *event)
            }
        }
    }

    fn document(&self, key: &DocumentKey) -> Option<&Document> {
        self.documents.get(&key.kind())?.get(key)
    }

    /// The id of the rule with this reference.
    fn rule(&self, reference: &Ref) -> Option<RuleId> {
        let found = self.document(&DocumentKey::Rule(reference.clone()));
        if let Some(Document::Rule(rule)) = found { Some(rule.id) } else { None }
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::CreateTriggerInstance(instance) => {
                self.trigger_instances.insert(instance.id, instance);
            }
            Change::CreateEnforcement(enforcement) | Change::UpdateEnforcement(enforcement) => {
                self.enforcements.insert(enforcement.id, enforcement);
            }
            Change::CreateExecution(execution) | Change::UpdateExecution(execution) => {
                self.queue.store(&execution);
                self.executions.insert(execution.id, execution);
            }
            Change::AppendOutput { execution, sequence, lines } => {
                let output = self.output.entry(execution).or_default();
                output.truncate(sequence as usize);
                output.extend(lines);
            }
            Change::AppendWorkflow { execution, sequence, entries } => {
                let log = self.workflow_logs.entry(execution).or_default();
                log.truncate(usize::try_from(sequence).unwrap_or(usize::MAX));
                log.extend(entries);
            }
            Change::Put(document) => {
                self.documents.entry(document.kind()).or_default().insert(document.key(), document);
            }
            Change::Delete(key) => {
                self.documents.entry(key.kind()).or_default().remove(&key);
            }
            Change::DeleteExecution(id) => {
                self.executions.remove(&id);
                self.output.remove(&id);
                self.workflow_logs.remove(&id);
            }
            Change::DeleteTriggerInstance(id) => {
                self.trigger_instances.remove(&id);
            }
            Change::DeleteEnforcement(id) => {
                self.enforcements.remove(&id);
            }
            Change::LiftHold => self.queue.lift(),
        }
    }
}

/// The newest items of `map` below `before` that `admit` lets through.
fn newest<I: Ord + Copy, T: Clone>(
    map: &BTreeMap<I, T>,
    before: Option<I>,
    limit: usize,
    admit: impl Fn(&T) -> bool,
) -> Page<T, I> {
    let upper = before.map_or(Bound::Unbounded, Bound::Excluded);
    let mut found = map.range((Bound::Unbounded, upper)).rev().filter(|(_, item)| admit(item));
    let taken: Vec<_> = found.by_ref().take(limit).collect();
    // One more is looked for, so that the last page says that it is the last one.
    let next = if found.next().is_some() { taken.last().map(|(id, _)| **id) } else { None };
    let items = taken.into_iter().map(|(_, item)| item.clone()).collect();
    Page { items, unreadable: Vec::new(), next }
}

/// The oldest items of `map` above `after`.
fn oldest<I: Ord + Copy, T: Clone>(map: &BTreeMap<I, T>, after: Option<I>, limit: usize) -> Vec<T> {
    let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
    map.range((lower, Bound::Unbounded)).take(limit).map(|(_, item)| item.clone()).collect()
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut state = self.state();
        // The fence is checked before the expectations: a process that has lost the store must learn that, not of a
        // conflict.
        if commit.fence.is_some_and(|fence| fence.epoch != state.epoch) {
            return Err(CommitError::Fenced);
        }
        // All expectations are checked before the first change, so that a refused commit leaves nothing behind.
        if let Some(broken) = expected_twice(&commit.expect)
            .or_else(|| commit.expect.iter().find(|expect| !state.holds(expect)))
        {
            return Err(CommitError::Conflict(broken.clone()));
        }
        commit.changes.into_iter().for_each(|change| state.make(change));
        Ok(())
    }

    fn fence(&self) -> Fence {
        self.fence
    }

    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error> {
        let mut state = self.state();
        let ids = state.queue.claim(runners, now, limit);
        Ok(ids.into_iter().filter_map(|id| state.executions.get(&id).cloned()).collect())
    }

    async fn release(&self, id: ExecutionId) -> Result<(), Error> {
        self.state().queue.release(id);
        Ok(())
    }

    async fn next_due(&self, runners: &[String]) -> Result<Option<Timestamp>, Error> {
        Ok(self.state().queue.next_due(runners))
    }

    fn waiting(&self) -> usize {
        self.state().queue.waiting()
    }

    fn waiting_within(&self, share: usize) -> usize {
        self.state().queue.waiting_within(share)
    }

    fn waiting_of(&self, account: Account<'_>) -> usize {
        self.state().queue.waiting_of(account)
    }

    fn is_waiting(&self, id: ExecutionId) -> bool {
        self.state().queue.is_waiting(id)
    }

    fn is_active(&self, id: ExecutionId) -> bool {
        self.state().queue.is_active(id)
    }

    fn inside(&self, root: ExecutionId) -> usize {
        self.state().queue.inside(root)
    }

    fn begun(&self) -> Vec<ExecutionId> {
        self.state().queue.begun()
    }

    fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>> {
        self.state().queue.by_workflow()
    }

    async fn orphans(&self) -> Result<Vec<Execution>, Error> {
        let state = self.state();
        let ids = state.queue.orphans(self.fence.epoch);
        Ok(ids.into_iter().filter_map(|id| state.executions.get(&id).cloned()).collect())
    }

    fn held(&self) -> usize {
        self.state().queue.held()
    }

    fn is_held(&self, id: ExecutionId) -> bool {
        self.state().queue.is_held(id)
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        Ok(self.state().executions.get(&id).cloned())
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        Ok(newest(&self.state().executions, before, limit, |execution| filter.admits(execution)))
    }

    async fn oldest_executions(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, Error> {
        Ok(oldest(&self.state().executions, after, limit).into_iter().map(ExecutionAge::from).collect())
    }

    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error> {
        let state = self.state();
        let lines = state.output.get(&id).into_iter().flatten();
        Ok(lines.skip(from as usize).cloned().collect())
    }

    async fn children(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, Error> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let later = state.executions.range((lower, Bound::Unbounded)).map(|(_, execution)| execution);
        let is_child = |execution: &&Execution| {
            execution.parent.as_ref().is_some_and(|parent| parent.execution == workflow)
        };
        Ok(later.filter(is_child).take(limit).cloned().collect())
    }

    async fn workflow_log(&self, workflow: ExecutionId) -> Result<Vec<WorkflowEntry>, Error> {
        Ok(self.state().workflow_logs.get(&workflow).cloned().unwrap_or_default())
    }

    async fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, Error> {
        let state = self.state();
        Ok(state.documents.get(&kind).into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error> {
        Ok(self.state().document(key).cloned())
    }

    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        Ok(self.state().trigger_instances.get(&id).cloned())
    }

    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error> {
        let admit =
            |instance: &TriggerInstance| trigger_type.is_none_or(|kind| instance.trigger_type == *kind);
        Ok(newest(&self.state().trigger_instances, before, limit, admit))
    }

    async fn oldest_trigger_instances(
        &self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, Error> {
        let oldest = oldest(&self.state().trigger_instances, after, limit);
        Ok(oldest.into_iter().map(TriggerInstanceAge::from).collect())
    }

    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error> {
        Ok(self.state().enforcements.get(&id).cloned())
    }
}
