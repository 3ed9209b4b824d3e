//! The one thread that writes.
//!
//! It takes what has come in as a group, checks what each commit expects against the state in memory,
//! applies all that may be made as one write, makes it durable, and only then answers. Concurrent
//! commits so share one sync. After a failure of the base it answers everything with that failure:
//! whether the last group was written is not known, and only the next process can find out.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use petrel_model::{Execution, Ref, RuleId};
use petrel_persistence::queue::Queue;
use petrel_persistence::{Change, CommitError, Error, Expect, Fence};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::base::{BaseError, Write};
use crate::directory::Directory;
use crate::keys;
use crate::rows::Rows;
use crate::value;

/// How many commits share one sync at most.
const GROUP_COMMITS: usize = 256;
/// How many bytes share one sync at most.
const GROUP_BYTES: usize = 2 * 1024 * 1024;
/// How often the watermark and the room on the disk are looked after.
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
}

/// What a commit changes in the state in memory.
pub(crate) enum Effect {
    Execution(Box<Execution>),
    PutRule(Ref, RuleId),
    DeleteRule(Ref),
}

/// The effects of `changes`.
pub(crate) fn effects(changes: Vec<Change>) -> Vec<Effect> {
    changes
        .into_iter()
        .filter_map(|change| match change {
            Change::CreateExecution(execution) | Change::UpdateExecution(execution) => {
                Some(Effect::Execution(Box::new(execution)))
            }
            Change::PutRule(rule) => Some(Effect::PutRule(rule.reference, rule.id)),
            Change::DeleteRule(reference) => Some(Effect::DeleteRule(reference)),
            _ => None,
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
            Effect::PutRule(reference, id) => {
                self.rules.insert(reference.clone(), *id);
            }
            Effect::DeleteRule(reference) => {
                self.rules.remove(reference);
            }
        }
    }
}

/// What is said when nothing new is taken in.
pub(crate) fn no_room(directory: &Path, room: &AtomicU64, reserve: u64) -> String {
    format!(
        "the disk of {} is full ({} MiB left, {} MiB are kept back to finish what has begun); free some space",
        directory.display(),
        room.load(Ordering::Relaxed) >> 20,
        reserve >> 20
    )
}

pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread owns.
pub(crate) struct Committer {
    pub(crate) rows: Arc<Rows>,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) directory: Directory,
    pub(crate) fence: Fence,
    pub(crate) sequence: u64,
    /// Below so many bytes left on the disk nothing new is taken in.
    pub(crate) reserve: u64,
    pub(crate) failure: Arc<watch::Sender<Option<Error>>>,
    /// Bytes left on the disk, as of the last look.
    pub(crate) room: Arc<AtomicU64>,
}

impl Committer {
    /// Serves `requests` until nobody can send any more.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        let mut acknowledged = self.sequence;
        let mut kept_at: Option<Instant> = None;
        loop {
            let first = requests.recv_timeout(HOUSEKEEPING);
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                self.keep_watermark(&mut acknowledged);
                return;
            }
            if kept_at.is_none_or(|at| at.elapsed() >= HOUSEKEEPING) {
                self.keep_watermark(&mut acknowledged);
                self.room.store(self.directory.room(), Ordering::Relaxed);
                kept_at = Some(Instant::now());
            }
            if let Ok(first) = first {
                let group = fill(first, requests);
                self.serve(group);
            }
        }
    }

    fn keep_watermark(&self, acknowledged: &mut u64) {
        if *acknowledged < self.sequence && self.failure.borrow().is_none() {
            match self.directory.acknowledge(self.sequence) {
                Ok(()) => *acknowledged = self.sequence,
                Err(error) => tracing::warn!(%error, "the watermark of the store cannot be written"),
            }
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
        if request.takes_in && self.room.load(Ordering::Relaxed) < self.reserve {
            return Err(CommitError::NoRoom(no_room(self.directory.path(), &self.room, self.reserve)));
        }
        let mut state = lock(&self.state);
        if let Some(broken) = request.expect.iter().find(|expect| !state.holds(expect)) {
            return Err(CommitError::Conflict(broken.clone()));
        }
        request.effects.iter().for_each(|effect| state.stage(effect));
        Ok(())
    }

    /// Applies `writes` and makes them durable. A panic of the engine counts as its failure.
    fn write(&mut self, mut writes: Vec<Write>) -> Result<(), Error> {
        self.sequence += 1;
        value::put(
            &mut writes,
            &self.rows.blobs,
            keys::meta("sequence"),
            0,
            self.sequence.to_string().as_bytes(),
        )?;
        let base = self.rows.base.as_ref();
        catch_unwind(AssertUnwindSafe(|| {
            base.apply(&writes)?;
            base.sync()
        }))
        .unwrap_or_else(|_panic| Err(BaseError("the storage engine has panicked".into())))
        .map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Makes a group known, and answers.
    fn publish(&self, accepted: Vec<Request>) {
        let mut state = lock(&self.state);
        let mut answers = Vec::with_capacity(accepted.len());
        for request in accepted {
            for effect in &request.effects {
                if let Effect::Execution(execution) = effect {
                    state.queue.store(execution);
                }
            }
            answers.push(request.answer);
        }
        drop(state);
        answers.into_iter().for_each(|sender| answer(sender, Ok(())));
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
