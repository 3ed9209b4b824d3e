//! The committer: the one thread that writes.
//!
//! It takes waiting commits as a group, checks the preconditions of each against the state in memory, and appends all
//! admitted ones to the journal as one frame. Only when that is durable does it show the group to readers and answer.
//! So concurrent commits share one sync. When enough rows have accumulated above the base, it hands them to the
//! [`checkpoint`]. After a failure it answers every request with that failure: whether the last group was written is
//! unknown, and only the next process can find out.

mod absent;
mod fresh;
mod gone;
mod no_room;
mod state;

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use petrel_persistence::commit::expected_twice;
use petrel_persistence::{CommitError, Error, Fence};
use tokio::runtime;
use tokio::sync::{oneshot, watch};

use crate::base::Write;
use crate::checkpoint::{self, Task};
use crate::directory::Directory;
use crate::journal::{AppendError, Journal};
use crate::reserve::Reserve;
use crate::room::Room;
use crate::rows::Rows;
use crate::watchdog::Work;

pub(crate) use state::{Effect, Request, State, effects, lock};

/// Largest number of commits that share one sync.
const GROUP_COMMITS: usize = 256;
/// Largest number of bytes that share one sync.
const GROUP_BYTES: usize = 2 * 1024 * 1024;
/// Smallest segment of the journal, in bytes, however small the layer.
const LEAST_SEGMENT: u64 = 1 << 20;
/// Interval of updates of the watermark, and of checks of the disk space and the layer's age.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// The state that the thread owns.
pub(crate) struct Committer {
    pub(crate) rows: Arc<Rows>,
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
    /// Room that is held back for the next opening.
    pub(crate) reserve: Reserve,
    /// Commits that finish something and found no room. They are tried again.
    pub(crate) postponed: Vec<Request>,
    /// The present work of the thread, for the watchdog. Waiting for a checkpoint does not count.
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
        is_due && self.may_try()
    }

    fn may_try(&self) -> bool {
        self.not_before.is_none_or(|time| time <= Instant::now())
    }
}

impl Committer {
    /// Serves `requests` until all senders are gone.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        let mut acknowledged = self.sequence;
        let mut kept_at: Option<Instant> = None;
        let mut is_shared = false;
        let work = Arc::clone(&self.work);
        loop {
            let first = requests.recv_timeout(HOUSEKEEPING);
            let _busy = work.begin();
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                self.retry();
                self.keep_watermark(&mut acknowledged);
                return self.close();
            }
            // Once a second and not with each group, since the watermark has a file of its own with a sync of its own.
            // The price: a loss of the last second's groups alone is not noticed.
            if kept_at.is_none_or(|at| at.elapsed() >= HOUSEKEEPING) {
                self.keep_watermark(&mut acknowledged);
                self.room.look();
                self.look_for_files();
                if !self.has_failed() {
                    self.reserve.keep(&self.room);
                }
                self.retry();
                kept_at = Some(Instant::now());
            }
            if let Ok(first) = first {
                // While commits come from several tasks, others are about to send theirs: with the processor they join
                // this group, and a sync, a wake-up and a change of threads serve all. A lone committer is not delayed.
                if is_shared {
                    thread::yield_now();
                }
                let group = fill(first, requests);
                is_shared = group.len() > 1;
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
        self.journal.length() >= limit.saturating_mul(4).max(LEAST_SEGMENT) && self.layer.may_try()
    }

    fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    fn fail(&self, error: Error) {
        tracing::error!(%error, "store failed; it accepts no more commits");
        self.failure.send_replace(Some(error));
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
        if let Err(error) = self.journal.rotate(self.sequence + 1) {
            // The base can do without: the present segment goes on, and none is released.
            tracing::warn!(%error, "failed to begin a new segment of the journal; trying again");
            self.layer.not_before = Some(Instant::now() + HOUSEKEEPING);
        }
        if let Some(layer) = self.rows.image.freeze() {
            let not_before = self.layer.not_before;
            self.layer = LayerState { not_before, ..LayerState::empty(self.layer.limit, self.layer.age) };
            let needed_from = self.journal.number();
            self.checkpoint.begin(Task { layer, sequence: self.sequence, needed_from });
        }
    }

    /// Writes everything to the base, so that the next process has nothing to replay.
    fn close(mut self) {
        self.look_for_files();
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
            match self.admit(&request, &writes) {
                Ok(()) => {
                    let count = request.writes.len();
                    writes.append(&mut request.writes);
                    accepted.push(Accepted { request, count });
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
        match self.write(&writes) {
            Ok(()) => {
                self.show(writes);
                self.room.note(bytes as u64);
                measure(accepted.len(), bytes, started.elapsed());
                self.publish(accepted);
            }
            Err(AppendError::NoRoom(error)) if self.revoke(&accepted) => {
                self.without_room(&error, accepted, writes);
            }
            Err(error) => {
                let error = Error::Unavailable(error.to_string());
                self.fail(error.clone());
                let answers = accepted.into_iter().map(|accepted| accepted.request.answer);
                answers.for_each(|sender| answer(sender, Err(error.clone().into())));
            }
        }
    }

    /// Checks whether a commit may be made after the `admitted` writes of its group, and if so stages its effects.
    fn admit(&self, request: &Request, admitted: &[Write]) -> Result<(), CommitError> {
        if request.fence.is_some_and(|fence| fence != self.fence) {
            return Err(CommitError::Fenced);
        }
        if request.takes_in && self.room.is_short() {
            return Err(CommitError::NoRoom(self.room.refusal()));
        }
        if let Some(broken) = expected_twice(&request.expect) {
            return Err(CommitError::Conflict(broken.clone()));
        }
        self.refuse_by_rows(&request.expect, admitted)?;
        let mut state = lock(&self.state);
        if let Some(broken) = request.expect.iter().find(|expect| !state.holds(expect)) {
            return Err(CommitError::Conflict(broken.clone()));
        }
        request.effects.iter().for_each(|effect| state.stage(effect));
        Ok(())
    }

    /// Makes `writes` durable.
    fn write(&mut self, writes: &[Write]) -> Result<(), AppendError> {
        self.journal.append(self.sequence + 1, writes)?;
        self.sequence += 1;
        Ok(())
    }

    /// Shows `writes` to readers: after they are durable, so that nobody reads what could still be lost.
    fn show(&mut self, writes: Vec<Write>) {
        self.layer.bytes = self.rows.image.show(writes);
        self.layer.since.get_or_insert_with(Instant::now);
    }

    /// Applies a durable group to the queue, and answers its requests.
    fn publish(&self, mut accepted: Vec<Accepted>) {
        let mut state = lock(&self.state);
        for effect in accepted.iter_mut().flat_map(|accepted| accepted.request.effects.drain(..)) {
            match effect {
                Effect::Execution(execution) => {
                    state.queue.store(&execution);
                    state.fresh.note(execution);
                }
                Effect::LiftHold => state.queue.lift(),
                Effect::PutRule(..) | Effect::DeleteRule(_) => {}
            }
        }
        drop(state);
        // The requests go along, so that this thread, which all commits wait for, need not free them.
        let answer_all = move || {
            accepted.into_iter().for_each(|accepted| answer(accepted.request.answer, Ok(())));
        };
        match &self.runtime {
            // On a thread of the runtime, waking the waiting tasks takes no system call for each.
            Some(runtime) => drop(runtime.spawn(async move { answer_all() })),
            None => answer_all(),
        }
    }
}

/// An admitted request whose writes are among those of its group.
struct Accepted {
    request: Request,
    /// Number of its writes.
    count: usize,
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

/// Records the size and duration of a group. The metrics are looked up once.
fn measure(commits: usize, bytes: usize, took: Duration) {
    static COMMITS: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("petrel_store_commits_total"));
    static BYTES: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("petrel_store_bytes_total"));
    static GROUPS: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("petrel_store_groups_total"));
    static SECONDS: LazyLock<Histogram> = LazyLock::new(|| metrics::histogram!("petrel_store_group_seconds"));
    COMMITS.increment(commits as u64);
    BYTES.increment(bytes as u64);
    GROUPS.increment(1);
    SECONDS.record(took);
}

fn size(request: &Request) -> usize {
    request.writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}

fn answer(sender: oneshot::Sender<Result<(), CommitError>>, result: Result<(), CommitError>) {
    // The requester may have gone; the commit stands all the same.
    drop(sender.send(result));
}
