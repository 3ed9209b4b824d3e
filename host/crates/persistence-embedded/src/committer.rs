//! The committer: the one thread that writes.
//!
//! It takes waiting commits as a group, checks the preconditions of each against the state in memory, and appends all
//! admitted ones to the journal as one frame. Only when that is durable does it show the group to readers and answer.
//! So concurrent commits share one sync. When enough rows have accumulated above the base, it hands them to the
//! [`checkpoint`]. After a failure it answers every request with that failure: whether the last group was written is
//! unknown, and only the next process can find out.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use petrel_model::{Execution, Ref, RuleId};
use petrel_persistence::commit::expected_twice;
use petrel_persistence::queue::Queue;
use petrel_persistence::{Change, CommitError, Document, DocumentKey, Error, Expect, Fence};
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::base::Write;
use crate::blobs::Pin;
use crate::checkpoint::{self, Task};
use crate::directory::{Directory, Room};
use crate::image::Image;
use crate::journal::Journal;
use crate::watchdog::Work;

/// Largest number of commits that share one sync.
const GROUP_COMMITS: usize = 256;
/// Largest number of bytes that share one sync.
const GROUP_BYTES: usize = 2 * 1024 * 1024;
/// Smallest segment of the journal, in bytes, however small the layer.
const LEAST_SEGMENT: u64 = 1 << 20;
/// Interval of updates of the watermark, and of checks of the disk space and the layer's age.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A commit on its way to the committer.
pub(crate) struct Request {
    pub(crate) fence: Option<Fence>,
    pub(crate) expect: Vec<Expect>,
    pub(crate) takes_in: bool,
    pub(crate) writes: Vec<Write>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answer: oneshot::Sender<Result<(), CommitError>>,
    /// Held until the answer, to limit the number of commits in progress.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Held until the answer, to keep the blobs that the commit refers to.
    pub(crate) _pins: Vec<Pin>,
}

/// The effect of a commit on the state in memory.
pub(crate) enum Effect {
    Execution(Box<Execution>),
    PutRule(Ref, RuleId),
    DeleteRule(Ref),
    LiftHold,
}

/// The effects of `changes`.
pub(crate) fn effects(changes: Vec<Change>) -> Vec<Effect> {
    changes
        .into_iter()
        .filter_map(|change| match change {
            Change::CreateExecution(execution) | Change::UpdateExecution(execution) => {
                Some(Effect::Execution(Box::new(execution)))
            }
            Change::Put(Document::Rule(rule)) => Some(Effect::PutRule(rule.reference, rule.id)),
            Change::Delete(DocumentKey::Rule(reference)) => Some(Effect::DeleteRule(reference)),
            Change::LiftHold => Some(Effect::LiftHold),
            // No precondition looks at these.
            Change::Put(_)
            | Change::Delete(_)
            | Change::CreateTriggerInstance(_)
            | Change::CreateEnforcement(_)
            | Change::AppendOutput { .. }
            | Change::AppendWorkflow { .. }
            | Change::DeleteExecution(_)
            | Change::DeleteTriggerInstance(_)
            | Change::DeleteEnforcement(_) => None,
        })
        .collect()
}

/// The state in memory against which preconditions are checked. Rebuilt when the store is opened.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) rules: HashMap<Ref, RuleId>,
}

impl State {
    fn holds(&self, expect: &Expect) -> bool {
        match expect {
            Expect::ExecutionVersion(id, version) => self.queue.version(*id) == Some(*version),
            Expect::RuleAbsent(reference) => !self.rules.contains_key(reference),
            Expect::RuleIs(reference, id) => self.rules.get(reference) == Some(id),
        }
    }

    /// Applies an effect that is about to be written, so that later commits of the same group see it. Execution
    /// versions and rules must be up to date here; the queue follows after the sync, since it hands out executions.
    fn stage(&mut self, effect: &Effect) {
        match effect {
            Effect::Execution(execution) => self.queue.stage(execution),
            // Lifted when it is durable, since executions start because of it.
            Effect::LiftHold => {}
            Effect::PutRule(reference, id) => {
                self.rules.insert(reference.clone(), *id);
            }
            Effect::DeleteRule(reference) => {
                self.rules.remove(reference);
            }
        }
    }
}

pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state that the thread owns.
pub(crate) struct Committer {
    pub(crate) image: Arc<Image>,
    pub(crate) journal: Journal,
    pub(crate) checkpoint: checkpoint::Handle,
    pub(crate) layer: LayerState,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) directory: Directory,
    pub(crate) fence: Fence,
    /// The number of the last group.
    pub(crate) sequence: u64,
    pub(crate) failure: Arc<watch::Sender<Option<Error>>>,
    pub(crate) room: Arc<Room>,
    /// What the thread is doing, for the watchdog. Waiting for a checkpoint does not count.
    pub(crate) work: Arc<Work>,
    /// The runtime of the tasks that wait for answers, if they are tasks.
    pub(crate) runtime: Option<runtime::Handle>,
}

/// The layer to which commits are added.
pub(crate) struct LayerState {
    /// Approximate memory at which it is handed to the checkpoint, in bytes.
    pub(crate) limit: usize,
    /// Age at which it is handed over.
    pub(crate) age: Duration,
    /// Approximate memory that it takes now, in bytes.
    pub(crate) bytes: usize,
    /// Time of its first row.
    pub(crate) since: Option<Instant>,
    /// After a failed attempt: earliest time of the next one.
    pub(crate) not_before: Option<Instant>,
}

impl LayerState {
    pub(crate) fn empty(limit: usize, age: Duration) -> Self {
        Self { limit, age, bytes: 0, since: None, not_before: None }
    }

    fn is_due(&self) -> bool {
        let is_due = self.bytes >= self.limit || self.since.is_some_and(|since| since.elapsed() >= self.age);
        is_due && self.not_before.is_none_or(|time| time <= Instant::now())
    }
}

impl Committer {
    /// Serves `requests` until all senders are gone.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        let mut acknowledged = self.sequence;
        let mut kept_at: Option<Instant> = None;
        let work = Arc::clone(&self.work);
        loop {
            let first = requests.recv_timeout(HOUSEKEEPING);
            let _busy = work.begin();
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                self.keep_watermark(&mut acknowledged);
                return self.close();
            }
            // Once a second and not with each group, since the watermark has a file of its own with a sync of its own.
            // The price: a loss of the last second's groups alone is not noticed.
            if kept_at.is_none_or(|at| at.elapsed() >= HOUSEKEEPING) {
                self.keep_watermark(&mut acknowledged);
                self.room.look();
                kept_at = Some(Instant::now());
            }
            if let Ok(first) = first {
                let group = fill(first, requests);
                self.serve(group);
            }
            if self.layer.is_due() || self.is_journal_long() {
                self.hand_over();
            }
        }
    }

    /// Whether the journal has grown long. A row that is rewritten again and again takes no more memory in the layer,
    /// but each time more space in the journal.
    fn is_journal_long(&self) -> bool {
        let limit = u64::try_from(self.layer.limit).unwrap_or(u64::MAX);
        self.journal.length() >= limit.saturating_mul(4).max(LEAST_SEGMENT) && self.layer.not_before.is_none()
    }

    fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    fn keep_watermark(&self, acknowledged: &mut u64) {
        if *acknowledged < self.sequence && !self.has_failed() {
            match self.directory.acknowledge(self.sequence) {
                Ok(()) => *acknowledged = self.sequence,
                Err(error) => tracing::warn!(%error, "failed to write the watermark of the store"),
            }
        }
    }

    /// Hands the layer to the checkpoint and begins a new one, in a new segment. While a checkpoint is running the
    /// layer grows; at twice its limit all commits wait.
    fn hand_over(&mut self) {
        if self.checkpoint.progress.is_busy() {
            // While the disk is full the checkpoint waits for space, possibly for long. Only commits that finish
            // something are accepted then, so the layer grows slowly, and blocking them would help nobody.
            if self.layer.bytes < 2 * self.layer.limit || self.room.is_short() {
                return;
            }
            // Paused for the watchdog: a stuck checkpoint is noticed by the checkpoint's own watch.
            self.work.pause(|| self.checkpoint.progress.wait_for(HOUSEKEEPING));
            if self.checkpoint.progress.is_busy() {
                return;
            }
        }
        if self.has_failed() {
            return;
        }
        // The segment is rotated before the layer is frozen: the frozen layer must contain every group of the segments
        // that the checkpoint will release.
        let needed_from = match self.journal.rotate(self.sequence + 1) {
            Ok(number) => number,
            Err(error) => return self.postpone(&error),
        };
        if let Some(layer) = self.image.freeze() {
            self.layer = LayerState::empty(self.layer.limit, self.layer.age);
            self.checkpoint.begin(Task { layer, sequence: self.sequence, needed_from });
        }
    }

    /// Tries again later. Until then commits go to the present segment.
    fn postpone(&mut self, error: &std::io::Error) {
        tracing::warn!(%error, "failed to begin a new segment of the journal; trying again");
        self.layer.not_before = Some(Instant::now() + HOUSEKEEPING);
    }

    /// Writes everything to the base, so that the next process has nothing to replay.
    fn close(mut self) {
        self.work.pause(|| self.checkpoint.progress.wait());
        if self.layer.since.is_some() {
            self.hand_over();
            self.work.pause(|| self.checkpoint.progress.wait());
        }
        if !self.has_failed()
            && let Err(error) = self.journal.end()
        {
            tracing::warn!(%error, "failed to end the journal; it will be replayed when the store is opened");
        }
    }

    fn serve(&mut self, group: Vec<Request>) {
        let failure = self.failure.borrow().clone();
        if let Some(error) = failure {
            group.into_iter().for_each(|request| answer(request.answer, Err(error.clone().into())));
            return;
        }
        let mut accepted = Vec::with_capacity(group.len());
        let mut writes = Vec::new();
        for mut request in group {
            match self.admit(&request) {
                Ok(()) => {
                    writes.append(&mut request.writes);
                    accepted.push(request);
                }
                // A refusal needs no sync, so it is not delayed by one.
                Err(refusal) => answer(request.answer, Err(refusal)),
            }
        }
        if accepted.is_empty() {
            return;
        }
        let bytes = writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let started = Instant::now();
        match self.write(writes) {
            Ok(()) => {
                measure(accepted.len(), bytes, started.elapsed());
                self.publish(accepted);
            }
            Err(error) => {
                tracing::error!(%error, "store failed; it accepts no more commits");
                self.failure.send_replace(Some(error.clone()));
                accepted.into_iter().for_each(|request| answer(request.answer, Err(error.clone().into())));
            }
        }
    }

    /// Checks whether a commit may be made, and if so stages its effects.
    fn admit(&self, request: &Request) -> Result<(), CommitError> {
        if request.fence.is_some_and(|fence| fence != self.fence) {
            return Err(CommitError::Fenced);
        }
        if request.takes_in && self.room.is_short() {
            return Err(CommitError::NoRoom(self.room.refusal()));
        }
        if let Some(broken) = expected_twice(&request.expect) {
            return Err(CommitError::Conflict(broken.clone()));
        }
        let mut state = lock(&self.state);
        if let Some(broken) = request.expect.iter().find(|expect| !state.holds(expect)) {
            return Err(CommitError::Conflict(broken.clone()));
        }
        request.effects.iter().for_each(|effect| state.stage(effect));
        Ok(())
    }

    /// Makes `writes` durable, then shows them to readers. In this order, so that nobody reads what could still be
    /// lost.
    fn write(&mut self, writes: Vec<Write>) -> Result<(), Error> {
        let appended = self.journal.append(self.sequence + 1, &writes);
        appended.map_err(|error| Error::Unavailable(format!("the journal cannot be written: {error}")))?;
        self.sequence += 1;
        self.layer.bytes = self.image.show(writes);
        self.layer.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Applies a durable group to the queue, and answers its requests.
    fn publish(&self, accepted: Vec<Request>) {
        let mut state = lock(&self.state);
        for effect in accepted.iter().flat_map(|request| &request.effects) {
            match effect {
                Effect::Execution(execution) => state.queue.store(execution),
                Effect::LiftHold => state.queue.lift(),
                Effect::PutRule(..) | Effect::DeleteRule(_) => {}
            }
        }
        drop(state);
        let answers: Vec<_> = accepted.into_iter().map(|request| request.answer).collect();
        let answer_all = move || answers.into_iter().for_each(|sender| answer(sender, Ok(())));
        match &self.runtime {
            // On a thread of the runtime, waking the waiting tasks takes no system call for each.
            Some(runtime) => drop(runtime.spawn(async move { answer_all() })),
            None => answer_all(),
        }
    }
}

/// Collects a group: `first` and other waiting requests, within the limits.
fn fill(first: Request, requests: &Receiver<Request>) -> Vec<Request> {
    let mut bytes = size(&first);
    let mut group = vec![first];
    while group.len() < GROUP_COMMITS && bytes < GROUP_BYTES {
        match requests.try_recv() {
            Ok(request) => {
                bytes += size(&request);
                group.push(request);
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    group
}

/// Records the size and duration of a group.
fn measure(commits: usize, bytes: usize, took: Duration) {
    metrics::counter!("petrel_store_commits_total").increment(commits as u64);
    metrics::counter!("petrel_store_bytes_total").increment(bytes as u64);
    metrics::counter!("petrel_store_groups_total").increment(1);
    metrics::histogram!("petrel_store_group_seconds").record(took);
}

fn size(request: &Request) -> usize {
    request.writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}

fn answer(sender: oneshot::Sender<Result<(), CommitError>>, result: Result<(), CommitError>) {
    // The requester may have gone; the commit stands all the same.
    drop(sender.send(result));
}
