//! The interface, on top of rows and the committer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use async_trait::async_trait;
use petrel_model::{
    Action, ApiKey, Enforcement, EnforcementId, Execution, ExecutionId, Id, Pack, PackConfig, Ref, Rule,
    Timestamp, Token, TriggerInstance, TriggerInstanceId, TriggerType, User,
};
use petrel_persistence::store::Output;
use petrel_persistence::{Commit, CommitError, Error, ExecutionFilter, Fence, Figures, Page, Store};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::base::{Base, Entry};
use crate::blobs::Blobs;
use crate::committer::{self, Committer, Request, State};
use crate::directory::{Directory, OpenError};
use crate::keys;
use crate::rows::{self, Rows};
use crate::sled_base::SledBase;
use crate::value;

/// How many commits may be under way; more wait for their turn.
const COMMITS_UNDER_WAY: usize = 4096;
/// How many rows a filtered listing looks at before it returns a short page.
const SCAN_BUDGET: usize = 2000;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for the engine's cache, in bytes. Default 64 MiB; the engine takes about twice as much.
    pub cache_bytes: u64,
    /// Below so many bytes left on the disk nothing new is taken in. Default 64 MiB.
    pub reserve_bytes: u64,
    /// Go on although commits that were acknowledged are missing.
    pub accept_loss: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, reserve_bytes: 64 << 20, accept_loss: false }
    }
}

/// The embedded store. Dropping it ends its thread and frees its directory.
pub struct EmbeddedStore {
    rows: Arc<Rows>,
    state: Arc<Mutex<State>>,
    fence: Fence,
    requests: Option<mpsc::Sender<Request>>,
    permits: Arc<Semaphore>,
    failure: watch::Receiver<Option<Error>>,
    failed: Arc<watch::Sender<Option<Error>>>,
    directory: PathBuf,
    room: Arc<AtomicU64>,
    reserve: u64,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, or makes an empty one.
    ///
    /// # Errors
    /// When another process has it, a newer version wrote it, it lost what it had acknowledged, or it
    /// cannot be read. Nothing was changed then.
    pub fn open(directory: &Path, options: &Options) -> Result<Self, OpenError> {
        let taken = Directory::take(directory)?;
        let base = SledBase::open(&directory.join("sled"), options.cache_bytes)
            .map_err(|error| OpenError::Base(directory.to_path_buf(), error.to_string()))?;
        Self::on(Box::new(base), taken, options)
    }

    /// Opens a store on a base of the caller's, with `directory` for all that is not in the base.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_on(base: Box<dyn Base>, directory: &Path, options: &Options) -> Result<Self, OpenError> {
        Self::on(base, Directory::take(directory)?, options)
    }

    fn on(base: Box<dyn Base>, directory: Directory, options: &Options) -> Result<Self, OpenError> {
        let path = directory.path().to_path_buf();
        let blobs = Blobs::open(&path.join("blobs")).map_err(|error| OpenError::Io(path.clone(), error))?;
        let rows = Arc::new(Rows { base, blobs });
        let unreadable = |error: Error| OpenError::Base(path.clone(), error.to_string());
        let sequence = rows.noun(&keys::meta("sequence")).map_err(unreadable)?.unwrap_or(0);
        if !options.accept_loss {
            directory.check_loss(sequence)?;
        }
        let state = load(&rows).map_err(unreadable)?;
        let fence = next_epoch(&rows).map_err(unreadable)?;
        let state = Arc::new(Mutex::new(state));
        let (sender, receiver) = mpsc::channel();
        let (failed, failure) = watch::channel(None);
        let failed = Arc::new(failed);
        let room = Arc::new(AtomicU64::new(directory.room()));
        let committer = Committer {
            rows: Arc::clone(&rows),
            state: Arc::clone(&state),
            directory,
            fence,
            sequence,
            reserve: options.reserve_bytes,
            failure: Arc::clone(&failed),
            room: Arc::clone(&room),
        };
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || committer.run(&receiver))
            .map_err(|error| OpenError::Io(path.clone(), error))?;
        Ok(Self {
            rows,
            state,
            fence,
            requests: Some(sender),
            permits: Arc::new(Semaphore::new(COMMITS_UNDER_WAY)),
            failure,
            failed,
            directory: path,
            room,
            reserve: options.reserve_bytes,
            thread: Some(thread),
        })
    }

    fn failure(&self) -> Error {
        self.failure.borrow().clone().unwrap_or_else(|| Error::Unavailable("it is being closed".into()))
    }

    /// Reads newest first until `limit` items are admitted or the budget is used up.
    fn newest<T, I: From<Id>>(
        &self,
        prefix: u8,
        before: Option<Vec<u8>>,
        limit: usize,
        read: impl Fn(&Entry) -> Result<T, Error>,
        admit: impl Fn(&T) -> bool,
    ) -> Result<Page<T, I>, Error> {
        let (from, mut to) = keys::all(prefix);
        if let Some(before) = before {
            to = before;
        }
        let mut items = Vec::new();
        for budget in (0..SCAN_BUDGET).step_by(limit.clamp(1, SCAN_BUDGET)) {
            let step = limit.clamp(1, SCAN_BUDGET - budget);
            // One more than needed, to know whether there is more.
            let mut entries = self.rows.range(&(from.clone(), to.clone()), true, step + 1)?;
            let is_last = entries.len() <= step;
            entries.truncate(step);
            for entry in &entries {
                let item = read(entry)?;
                if admit(&item) {
                    items.push(item);
                    if items.len() == limit {
                        let is_end = is_last && entries.last().is_some_and(|(key, _)| *key == entry.0);
                        return Ok(Page { items, next: if is_end { None } else { id_after(&entry.0) } });
                    }
                }
            }
            match entries.pop() {
                Some((key, _)) if !is_last => to = key,
                _ => return Ok(Page { items, next: None }),
            }
        }
        Ok(Page { items, next: id_after(&to) })
    }
}

fn id_after<I: From<Id>>(key: &[u8]) -> Option<I> {
    keys::id_of(key).map(I::from)
}

/// Rebuilds the state in memory.
fn load(rows: &Rows) -> Result<State, Error> {
    let mut state = State::default();
    for (key, _) in rows.range(&keys::all(keys::ACTIVE), false, usize::MAX)? {
        let Some(id) = keys::id_of(&key) else { continue };
        // One that cannot be read must not keep the host from its work.
        match rows.execution(id.into()) {
            Ok(Some(execution)) => state.queue.store(&execution),
            Ok(None) => tracing::error!(execution.id = %id, "it is active and not there"),
            Err(error) => tracing::error!(execution.id = %id, %error, "it is active and cannot be read"),
        }
    }
    for rule in rows.all::<Rule>(keys::RULE)? {
        state.rules.insert(rule.reference, rule.id);
    }
    Ok(state)
}

/// Takes the store: what earlier processes had begun is orphaned from here on, durably.
fn next_epoch(rows: &Rows) -> Result<Fence, Error> {
    let key = keys::meta("epoch");
    let epoch = rows.noun::<u64>(&key)?.unwrap_or(0) + 1;
    let mut writes = Vec::new();
    value::put(&mut writes, &rows.blobs, key, 0, epoch.to_string().as_bytes())?;
    rows.base
        .apply(&writes)
        .and_then(|()| rows.base.sync())
        .map_err(|error| Error::Unavailable(error.to_string()))?;
    Ok(Fence { epoch })
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been answered as a failure already.
            drop(thread.join());
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let closed = || CommitError::Store(self.failure());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_closed| closed())?;
        let takes_in = commit.takes_in();
        if takes_in && self.room.load(Ordering::Relaxed) < self.reserve {
            // Before anything is written: large values go to files of their own first.
            return Err(CommitError::NoRoom(committer::no_room(&self.directory, &self.room, self.reserve)));
        }
        let writes = rows::encode(&self.rows.blobs, &commit.changes).inspect_err(|error| {
            if !takes_in {
                // What has begun cannot be brought to its end: only the next process can help.
                self.failed.send_replace(Some(error.clone()));
            }
        })?;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            fence: commit.fence,
            expect: commit.expect,
            takes_in,
            writes,
            effects: committer::effects(commit.changes),
            answer,
            _permit: permit,
        };
        let sender = self.requests.as_ref().ok_or_else(closed)?;
        sender.send(request).map_err(|_closed| closed())?;
        answered.await.map_err(|_closed| closed())?
    }

    fn fence(&self) -> Fence {
        self.fence
    }

    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error> {
        let ids = committer::lock(&self.state).queue.claim(runners, now, limit);
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            // One that cannot be read must not keep the others from being run.
            match self.rows.execution(id) {
                Ok(execution) => claimed.extend(execution.filter(|execution| execution.status.is_waiting())),
                Err(error) => tracing::error!(execution.id = %id, %error, "it waits and cannot be read"),
            }
        }
        Ok(claimed)
    }

    async fn release(&self, id: ExecutionId) -> Result<(), Error> {
        committer::lock(&self.state).queue.release(id);
        Ok(())
    }

    async fn next_due(&self, runners: &[String]) -> Result<Option<Timestamp>, Error> {
        Ok(committer::lock(&self.state).queue.next_due(runners))
    }

    fn waiting(&self) -> usize {
        committer::lock(&self.state).queue.waiting()
    }

    fn figures(&self) -> Figures {
        Figures { room_bytes: Some(self.room.load(Ordering::Relaxed)), reserve_bytes: self.reserve }
    }

    async fn orphans(&self) -> Result<Vec<Execution>, Error> {
        let ids = committer::lock(&self.state).queue.orphans(self.fence.epoch);
        ids.into_iter().filter_map(|id| self.rows.execution(id).transpose()).collect()
    }

    async fn failed(&self) -> Error {
        let mut failure = self.failure.clone();
        match failure.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or_else(|| self.failure()),
            Err(_closed) => self.failure(),
        }
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.rows.execution(id)
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        let before = before.map(keys::execution);
        let read = |entry: &Entry| self.rows.execution_of(entry);
        self.newest(keys::EXECUTION, before, limit, read, |execution| filter.admits(execution))
    }

    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error> {
        let mut lines = Output::new();
        for entry in self.rows.range(&keys::output_range(id), false, usize::MAX)? {
            lines.extend(self.rows.noun_of::<Output>(&entry)?);
        }
        Ok(lines.into_iter().skip(from as usize).collect())
    }

    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        let key = keys::trigger_instance(id);
        match value::get(self.rows.base.as_ref(), &key)? {
            Some(value) => self.rows.instance_of(&(key, value)).map(Some),
            None => Ok(None),
        }
    }

    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error> {
        let before = before.map(keys::trigger_instance);
        let read = |entry: &Entry| self.rows.instance_of(entry);
        let admit =
            |instance: &TriggerInstance| trigger_type.is_none_or(|kind| instance.trigger_type == *kind);
        self.newest(keys::TRIGGER_INSTANCE, before, limit, read, admit)
    }

    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error> {
        self.rows.noun(&keys::enforcement(id))
    }

    async fn packs(&self) -> Result<Vec<Pack>, Error> {
        self.rows.all(keys::PACK)
    }

    async fn actions(&self) -> Result<Vec<Action>, Error> {
        self.rows.all(keys::ACTION)
    }

    async fn trigger_types(&self) -> Result<Vec<TriggerType>, Error> {
        self.rows.all(keys::TRIGGER_TYPE)
    }

    async fn rules(&self) -> Result<Vec<Rule>, Error> {
        self.rows.all(keys::RULE)
    }

    async fn users(&self) -> Result<Vec<User>, Error> {
        self.rows.all(keys::USER)
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, Error> {
        self.rows.all(keys::API_KEY)
    }

    async fn tokens(&self) -> Result<Vec<Token>, Error> {
        self.rows.all(keys::TOKEN)
    }

    async fn pack_configs(&self) -> Result<Vec<PackConfig>, Error> {
        self.rows.all(keys::PACK_CONFIG)
    }
}
