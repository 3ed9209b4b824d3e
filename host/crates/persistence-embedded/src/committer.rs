//! The one thread that writes.
//!
//! It takes what has come in as a group, checks what each commit expects against the state in memory,
//! appends all that may be made to the journal as one frame, and only when that is durable shows it to
//! readers and answers. Concurrent commits so share one sync. When enough has come together above the base
//! it is handed to the [`checkpoint`]. After a failure it answers everything with that
//! failure: whether the last group was written is not known, and only the next process can find out.

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

/// How many commits share one sync at most.
const GROUP_COMMITS: usize = 256;
/// How many bytes share one sync at most.
const GROUP_BYTES: usize = 2 * 1024 * 1024;
/// A segment of the journal is not given up before it has so many bytes, however small the layer.
const LEAST_SEGMENT: u64 = 1 << 20;
/// How often the watermark, the room on the disk and the age of the layer are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A commit on its way to the thread.
pub(crate) struct Request {
    pub(crate) fence: Option<Fence>,
    pub(crate) expect: Vec<Expect>,
    pub(crate) takes_in: bool,
    pub(crate) writes: Vec<Write>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answer: oneshot::Sender<Result<(), CommitError>>,
    /// Held until the answer: bounds how many requests are under way.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Held until the answer: keep the blobs that are referred to.
    pub(crate) _pins: Vec<Pin>,
}

/// What a commit changes in the state in memory.
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
            // Preconditions are about executions and rules alone.
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

/// The state in memory that preconditions are checked against; rebuilt when the store is opened.
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

    /// Takes note of what is about to be written, for the preconditions of the rest of the group.
    fn stage(&mut self, effect: &Effect) {
        match effect {
            Effect::Execution(execution) => self.queue.stage(execution),
            // Once it is durable.
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

/// What the thread owns.
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
    /// What the thread is at; waiting for a checkpoint is not counted.
    pub(crate) work: Arc<Work>,
    /// Where those who wait for answers run, if they are tasks.
    pub(crate) runtime: Option<runtime::Handle>,
}

/// The layer that commits go to.
pub(crate) struct LayerState {
    /// About how much memory it may take before it is brought to the base, in bytes.
    pub(crate) limit: usize,
    /// How old it may become before that.
    pub(crate) age: Duration,
    /// About how much it takes.
    pub(crate) bytes: usize,
    /// Since when there is something in it.
    pub(crate) since: Option<Instant>,
    /// When it could not be handed over: not before then.
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
    /// Serves `requests` until nobody can send any more.
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

    /// Rows that are written again and again take no more room in the layer, but they do in the journal.
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
                Err(error) => tracing::warn!(%error, "the watermark of the store cannot be written"),
            }
        }
    }

    /// Gives the layer to the checkpoint and begins a new one, in a new segment. While one is still
    /// under way the layer grows; at twice its limit everybody waits.
    fn hand_over(&mut self) {
        if self.checkpoint.progress.is_busy() {
            // On a full disk it waits for room; what has begun goes on meanwhile, and nothing new comes in.
            if self.layer.bytes < 2 * self.layer.limit || self.room.is_short() {
                return;
            }
            // If it is stuck itself, that is noticed there.
            self.work.pause(|| self.checkpoint.progress.wait_for(HOUSEKEEPING));
            if self.checkpoint.progress.is_busy() {
                return;
            }
        }
        if self.has_failed() {
            return;
        }
        let needed_from = match self.journal.rotate(self.sequence + 1) {
            Ok(number) => number,
            Err(error) => return self.postpone(&error),
        };
        if let Some(layer) = self.image.freeze() {
            self.layer = LayerState::empty(self.layer.limit, self.layer.age);
            self.checkpoint.begin(Task { layer, sequence: self.sequence, needed_from });
        }
    }

    /// Without a new segment the old one goes on.
    fn postpone(&mut self, error: &std::io::Error) {
        tracing::warn!(%error, "the journal cannot begin a new segment; it is tried again");
        self.layer.not_before = Some(Instant::now() + HOUSEKEEPING);
    }

    /// Brings everything to the base, so that the next opening has nothing to replay.
    fn close(mut self) {
        self.work.pause(|| self.checkpoint.progress.wait());
        if self.layer.since.is_some() {
            self.hand_over();
            self.work.pause(|| self.checkpoint.progress.wait());
        }
        if !self.has_failed()
            && let Err(error) = self.journal.end()
        {
            tracing::warn!(%error, "the journal cannot be ended; it is replayed when the store is opened");
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
                tracing::error!(%error, "the store has failed");
                self.failure.send_replace(Some(error.clone()));
                accepted.into_iter().for_each(|request| answer(request.answer, Err(error.clone().into())));
            }
        }
    }

    /// Whether a commit may be made; stages its effects if so.
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

    /// Makes `writes` durable and shows them to readers.
    fn write(&mut self, writes: Vec<Write>) -> Result<(), Error> {
        let appended = self.journal.append(self.sequence + 1, &writes);
        appended.map_err(|error| Error::Unavailable(format!("the journal cannot be written: {error}")))?;
        self.sequence += 1;
        self.layer.bytes = self.image.show(writes);
        self.layer.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Makes a group known, and answers.
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
            // From one of the runtime's own threads, the tasks that wait are woken without a call to the system each.
            Some(runtime) => drop(runtime.spawn(async move { answer_all() })),
            None => answer_all(),
        }
    }
}

/// A group that begins with `first`: what else has come in by now, within limits.
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

/// A group of so many commits and bytes was made durable in this time.
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
    // Who asked may have gone away; the commit stands all the same.
    drop(sender.send(result));
}
