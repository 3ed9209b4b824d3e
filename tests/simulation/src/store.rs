//! A store in memory that fails as the simulation demands: commits take a while, find no room, or the store is lost in the
//! middle of one. Each commit is reported to the [`Ledger`], which checks it.
//!
//! Like the embedded store it makes commits one after the other, each to its end although whoever asked for it has gone
//! away. What it does not do is to refuse one for a conflict that there is not: no real store does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_engine_core::Clock as _;
use petrel_model::execution::Account;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Timestamp, TriggerInstance, TriggerInstanceId,
    WorkflowEntry,
};
use petrel_persistence::store::{ExecutionAge, TriggerInstanceAge};
use petrel_persistence::{
    Commit, CommitError, Document, DocumentKey, DocumentKind, Error, ExecutionFilter, Fence, MemoryStore,
    Output, Page, Store,
};

use crate::clock::TurnedClock;
use crate::invariants;
use crate::ledger::Ledger;
use crate::steps::Step;

/// What happens to the commits to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// So many take so long each.
    pub(crate) slow: (usize, Duration),
    /// So many of those that take in something new find no room.
    pub(crate) without_room: usize,
    /// After so many more the store is lost.
    pub(crate) lost_after: Option<usize>,
    /// Whether the commit in which that happens was made all the same.
    pub(crate) is_last_made: bool,
    /// Whether it is lost.
    pub(crate) is_lost: bool,
}

/// What happens to one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Made,
    WithoutRoom,
    Lost,
    MadeAndLost,
}

impl Faults {
    /// Takes up what a step asks for; other steps ask for nothing.
    pub(crate) fn ask_for(&mut self, step: &Step) {
        match *step {
            Step::Slow { commits, takes } => self.slow = (commits, takes),
            Step::WithoutRoom { commits } => self.without_room = commits,
            Step::Lose { after, is_made } => {
                self.lost_after = Some(after);
                self.is_last_made = is_made;
            }
            _ => {}
        }
    }

    /// How long the next commit takes, and what becomes of it.
    fn next(&mut self, takes_in: bool) -> (Duration, Fate) {
        if self.is_lost {
            return (Duration::ZERO, Fate::Lost);
        }
        let (slow, takes) = &mut self.slow;
        let takes = if *slow > 0 { *takes } else { Duration::ZERO };
        *slow = slow.saturating_sub(1);
        match self.lost_after.as_mut() {
            Some(0) => {
                self.is_lost = true;
                return (takes, if self.is_last_made { Fate::MadeAndLost } else { Fate::Lost });
            }
            Some(left) => *left -= 1,
            None => {}
        }
        if takes_in && self.without_room > 0 {
            self.without_room -= 1;
            return (takes, Fate::WithoutRoom);
        }
        (takes, Fate::Made)
    }
}

/// The store of one life of the host. Clones are the same one.
#[derive(Clone)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    life: Arc<Life>,
}

struct Life {
    clock: Arc<TurnedClock>,
    ledger: Arc<Mutex<Ledger>>,
    faults: Mutex<Faults>,
    /// Held while a commit is made: they are made in the order in which they were handed over.
    turn: tokio::sync::Mutex<()>,
    underway: AtomicUsize,
}

impl FaultyStore {
    /// A store over `inner`, which tells `ledger`.
    pub(crate) fn new(inner: MemoryStore, clock: Arc<TurnedClock>, ledger: Arc<Mutex<Ledger>>) -> Self {
        let life = Life {
            clock,
            ledger,
            faults: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            underway: AtomicUsize::new(0),
        };
        Self { inner, life: Arc::new(life) }
    }

    /// What the next process finds: the same content and no faults. This one is fenced off.
    pub(crate) fn reopen(&self) -> Self {
        let (clock, ledger) = (Arc::clone(&self.life.clock), Arc::clone(&self.life.ledger));
        Self::new(self.inner.reopen(), clock, ledger)
    }

    /// Changes what happens to the commits to come.
    pub(crate) fn fail(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.life.faults.lock());
    }

    /// Whether the store is lost, so that the host is to end itself.
    pub(crate) fn is_lost(&self) -> bool {
        self.life.faults.lock().is_lost
    }

    /// Whether no commit is on its way.
    pub(crate) fn is_calm(&self) -> bool {
        self.life.underway.load(Ordering::SeqCst) == 0
    }

    async fn make(&self, commit: Commit) -> Result<(), CommitError> {
        let _turn = self.life.turn.lock().await;
        let (takes, fate) = self.life.faults.lock().next(commit.takes_in());
        if !takes.is_zero() {
            let clock = &self.life.clock;
            clock.sleep_until(clock.monotonic() + takes).await;
        }
        match fate {
            Fate::Made => self.write(commit).await,
            Fate::WithoutRoom => {
                Err(CommitError::NoRoom("the simulation has no room; it will have some later".into()))
            }
            Fate::Lost => Err(lost()),
            Fate::MadeAndLost => {
                self.write(commit).await?;
                Err(lost())
            }
        }
    }

    async fn write(&self, commit: Commit) -> Result<(), CommitError> {
        let changes = commit.changes.clone();
        self.inner.commit(commit).await?;
        let now = self.life.clock.now();
        let mut ledger = self.life.ledger.lock();
        let mut found = invariants::before(&ledger, &changes, now);
        ledger.take_in(&changes);
        found.extend(invariants::after(&ledger, &changes));
        ledger.violations.extend(found);
        Ok(())
    }
}

fn lost() -> CommitError {
    CommitError::Store(Error::Unavailable("the simulation has lost it; start the host again".into()))
}

#[async_trait]
impl Store for FaultyStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let store = self.clone();
        store.life.underway.fetch_add(1, Ordering::SeqCst);
        let made = tokio::spawn(async move {
            let made = store.make(commit).await;
            store.life.underway.fetch_sub(1, Ordering::SeqCst);
            made
        });
        made.await.unwrap_or_else(|_gone| Err(lost()))
    }

    fn fence(&self) -> Fence {
        self.inner.fence()
    }

    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error> {
        self.inner.claim(runners, now, limit).await
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
        self.inner.orphans().await
    }

    fn held(&self) -> usize {
        self.inner.held()
    }

    fn is_held(&self, id: ExecutionId) -> bool {
        self.inner.is_held(id)
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_comes_when_it_was_asked_for_and_goes_again() {
        let takes = Duration::from_millis(5);
        let mut faults =
            Faults { slow: (1, takes), without_room: 1, lost_after: Some(3), ..Faults::default() };
        let fates: Vec<_> = [false, true, true, true, true].map(|takes_in| faults.next(takes_in)).into();
        let at_once = |fate| (Duration::ZERO, fate);
        let expected = [
            (takes, Fate::Made),
            at_once(Fate::WithoutRoom),
            at_once(Fate::Made),
            at_once(Fate::Lost),
            at_once(Fate::Lost),
        ];
        assert_eq!(fates, expected);
    }
}
