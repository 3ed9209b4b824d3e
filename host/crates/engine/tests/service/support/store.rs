//! A store in memory that treats commits as a test demands: it refuses one, makes one without an answer,
//! delays one, or fails for good. It also holds executions, as a store does that was restored from a backup.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use petrel_model::{Execution, ExecutionId, Status};
use petrel_persistence::{Change, Commit, CommitError, Error, Figures, MemoryStore, Store as _};
use petrel_store_suite::{Altered, Difference};
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

/// The store. Clones share what is stored and what is to go wrong, and so does the store of the next process.
pub(crate) type TestStore = Altered<Faults>;

/// What is to go wrong.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<State>);

#[derive(Default)]
struct State {
    /// What is to become of the next commits, each of the first that is meant.
    faults: Mutex<VecDeque<(Which, How)>>,
    is_broken: AtomicBool,
    is_full: AtomicBool,
    held: Mutex<Held>,
    /// What the next claim that finds something waits for, once its executions are claimed.
    claim: Gate,
    /// What the next log of a workflow that is read waits for.
    log: Gate,
    /// Whether the logs of workflows are damaged.
    has_lost_logs: AtomicBool,
    /// A workflow whose log is damaged.
    lost_log: Mutex<Option<ExecutionId>>,
    /// Whether the logs of workflows cannot be read for the moment.
    is_starved: AtomicBool,
    /// How often an execution was read.
    reads: AtomicUsize,
}

#[derive(Default)]
struct Held {
    ids: HashSet<ExecutionId>,
    /// What of them is offered again once they are let go on.
    claimed: Vec<ExecutionId>,
}

impl Faults {
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

    /// How many commits are still to meet what was asked for.
    pub(crate) fn faults_left(&self) -> usize {
        self.faults().len()
    }

    /// Lets the next claim that finds something come back only when what is given is used or dropped.
    pub(crate) fn delay_claim(&self) -> oneshot::Sender<()> {
        self.0.claim.close()
    }

    /// Lets who reads a log of a workflow next wait until what is given is used or dropped.
    pub(crate) fn delay_log(&self) -> oneshot::Sender<()> {
        self.0.log.close()
    }

    /// Whether no log of a workflow can be read from now on.
    pub(crate) fn lose_logs(&self, are_lost: bool) {
        self.0.has_lost_logs.store(are_lost, Ordering::SeqCst);
    }

    /// The log of this workflow cannot be read from now on.
    pub(crate) fn lose_log(&self, workflow: ExecutionId) {
        *self.0.lost_log.lock().unwrap_or_else(PoisonError::into_inner) = Some(workflow);
    }

    /// Whether no log of a workflow can be read for the moment.
    pub(crate) fn starve(&self, is_starved: bool) {
        self.0.is_starved.store(is_starved, Ordering::SeqCst);
    }

    /// How often an execution was read by its id.
    pub(crate) fn reads(&self) -> usize {
        self.0.reads.load(Ordering::SeqCst)
    }

    /// Nothing can be written from now on.
    pub(crate) fn break_down(&self) {
        self.0.is_broken.store(true, Ordering::SeqCst);
    }

    /// The disk is whole again, as the next process finds it.
    pub(crate) fn mend(&self) {
        self.0.is_broken.store(false, Ordering::SeqCst);
    }

    /// Whether the disk has less left than the reserve.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::SeqCst);
    }

    /// Holds these, as if they had been in flight at the backup that the store is restored from.
    pub(crate) fn hold(&self, ids: impl IntoIterator<Item = ExecutionId>) {
        self.held_here().ids.extend(ids);
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<(Which, How)>> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_here(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_broken(&self) -> bool {
        self.0.is_broken.load(Ordering::SeqCst)
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
    async fn make(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError> {
        let lifts = commit.changes.iter().any(|change| matches!(change, Change::LiftHold));
        let ended = commit.changes.iter().filter_map(|change| match change {
            Change::UpdateExecution(execution) if execution.status.is_final() => Some(execution.id),
            _ => None,
        });
        let ended: Vec<_> = ended.collect();
        below.commit(commit).await?;
        let again = {
            let mut held = self.held_here();
            ended.iter().for_each(|id| {
                held.ids.remove(id);
            });
            if lifts { std::mem::take(&mut *held).claimed } else { Vec::new() }
        };
        for id in again {
            below.release(id).await?;
        }
        Ok(())
    }
}

fn unavailable() -> Error {
    Error::Unavailable("on purpose".into())
}

#[async_trait]
impl Difference for Faults {
    async fn commit(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError> {
        match self.take(&commit) {
            None => self.make(below, commit).await,
            Some(How::Refused) => Err(unavailable().into()),
            Some(How::NoRoom) => Err(CommitError::NoRoom("the disk is full, on purpose".into())),
            Some(How::Unanswered) => {
                self.make(below, commit).await?;
                Err(unavailable().into())
            }
            Some(How::Waits(open)) => {
                // Dropped is as good as said.
                drop(open.await);
                self.make(below, commit).await
            }
        }
    }

    async fn handed_out(&self, claimed: Vec<Execution>) -> Vec<Execution> {
        if !claimed.is_empty() {
            self.0.claim.pass().await;
        }
        let mut held = self.held_here();
        let (resting, free): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|execution| held.ids.contains(&execution.id));
        held.claimed.extend(resting.iter().map(|execution| execution.id));
        free
    }

    fn reads_execution(&self) {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
    }

    async fn reads_log(&self, workflow: ExecutionId) -> Result<(), Error> {
        self.0.log.pass().await;
        if self.0.is_starved.load(Ordering::SeqCst) {
            return Err(Error::Starved {
                what: format!("the log of {workflow}"),
                reason: "on purpose".into(),
            });
        }
        let lost = *self.0.lost_log.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.has_lost_logs.load(Ordering::SeqCst) || lost == Some(workflow) {
            return Err(Error::Damaged {
                what: format!("the log of {workflow}"),
                reason: "on purpose".into(),
            });
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held_here().ids.len()
    }

    fn is_held(&self, id: ExecutionId) -> bool {
        self.held_here().ids.contains(&id)
    }

    fn figures(&self) -> Figures {
        let is_full = self.0.is_full.load(Ordering::SeqCst);
        let left = if is_full { 1 } else { 1 << 30 };
        Figures { room_bytes: Some(left), reserve_bytes: 64 << 20, unwritten: usize::from(is_full) }
    }

    async fn failed(&self) -> Error {
        if self.is_broken() { unavailable() } else { std::future::pending().await }
    }
}
