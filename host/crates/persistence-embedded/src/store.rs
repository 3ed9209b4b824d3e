//! The storage interface, on top of rows and the committer. [`listings`] has its lists, [`claims`] hands out
//! executions to run, [`encoded`] makes rows of a commit, [`sealing`] encrypts what earlier versions stored in clear,
//! `in_turn` beside this file lets one commit at a time change a document.

mod claims;
mod encoded;
mod listings;
mod sealing;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use async_trait::async_trait;
use petrel_model::execution::Account;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Timestamp, TriggerInstance, TriggerInstanceId,
    WorkflowEntry,
};
use petrel_persistence::seal::Looked;
use petrel_persistence::store::{Archived, ArchivedFile, ExecutionAge, Output, TriggerInstanceAge};
use petrel_persistence::{
    Commit, CommitError, Document, DocumentKey, DocumentKind, Error, ExecutionFilter, Fence, Figures, Page,
    Sealer, Store, Unreadable,
};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::backup;
use crate::base::{Base, Entry};
use crate::checkpoint::Progress;
use crate::committer::{self, Request, State};
use crate::directory::OpenError;
use crate::in_turn::InTurn;
use crate::journal::{Segments, media::Media};
use crate::keys;
use crate::opening::{self, Opened};
use crate::options::Options;
use crate::resting::Resting;
use crate::room::Room;
use crate::rows::Rows;
use crate::watchdog::Watchdog;

use encoded::{Encoded, is_no_room};

/// Free space, in bytes, below which a failure to write a large value is taken for a full disk.
const ROOM_FOR_LARGE: u64 = 32 << 20;

/// The embedded store. Dropping it ends its threads and unlocks its directory.
pub struct EmbeddedStore {
    pub(crate) rows: Arc<Rows>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) fence: Fence,
    pub(crate) requests: Option<mpsc::Sender<Request>>,
    /// Limits the number of commits in progress; further ones wait.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) failure: Arc<watch::Sender<Option<Error>>>,
    pub(crate) room: Arc<Room>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) opened: Opened,
    /// Documents that could not be read, by kind.
    pub(crate) unreadable: Mutex<BTreeMap<DocumentKind, Vec<Unreadable>>>,
    /// Turns at changing documents.
    pub(crate) documents: InTurn,
    /// Claimed executions that could not be read for the moment.
    pub(crate) resting: Mutex<Resting>,
    /// The committer and the checkpoint, in the order in which they must end.
    pub(crate) threads: Vec<JoinHandle<()>>,
    /// Watches the threads until they have ended.
    pub(crate) _watchdog: Watchdog,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, or creates an empty one.
    ///
    /// # Errors
    /// If another process uses it, a newer version or another engine wrote it, acknowledged commits are missing, or it
    /// cannot be read. Nothing was changed then.
    pub fn open(directory: &Path, options: &Options) -> Result<Self, OpenError> {
        opening::open(directory, options)
    }

    /// Opens a store on the given base and journal medium, with `directory` for everything else.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_on(
        base: Box<dyn Base>,
        media: Arc<dyn Media>,
        directory: &Path,
        options: &Options,
    ) -> Result<Self, OpenError> {
        opening::open_on(base, media, directory, options)
    }

    /// The report of how it was opened.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    fn failure(&self) -> Error {
        self.failure.borrow().clone().unwrap_or_else(|| Error::Unavailable("it is being closed".into()))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.requests = None;
        // Ends the wait for free space: the journal has everything.
        self.progress.is_closing.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic of the thread has already been reported as a failure of the store.
            drop(thread.join());
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let closed = || CommitError::Store(self.failure());
        let takes_in = commit.takes_in();
        // Before the permit, of which those that wait for one document would else take all.
        let turns = self.documents.for_commit(&commit, takes_in, &self.room).await?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_closed| closed())?;
        if takes_in && self.room.is_short() {
            // Checked before anything is written, since large values go to files of their own first.
            return Err(CommitError::NoRoom(self.room.refusal()));
        }
        let (changes, Encoded { writes, pins, released }) = match self.encode(commit.changes, takes_in).await
        {
            Ok(encoded) => encoded,
            // There was room for small values, but not for the file of a large one.
            Err(error) if takes_in && (self.room.look() < ROOM_FOR_LARGE || is_no_room(&error)) => {
                tracing::warn!(%error, "refusing a commit: no room for a large value");
                return Err(CommitError::NoRoom(self.room.refusal_after(&error)));
            }
            Err(error) => {
                // Damage is excluded: it would remain in the next process, too.
                if !takes_in && matches!(error, Error::Unavailable(_)) {
                    // Something that has begun cannot be completed, so only the next process can help.
                    self.failure.send_replace(Some(error.clone()));
                }
                return Err(error.into());
            }
        };
        if !pins.is_empty() {
            // Files of large values fill a disk fast.
            self.room.look();
        }
        let (answer, answered) = oneshot::channel();
        let request = Request {
            fence: commit.fence,
            expect: commit.expect,
            takes_in,
            writes,
            effects: committer::effects(changes),
            answer,
            _permit: permit,
            _pins: pins,
            _turns: turns,
        };
        let sender = self.requests.as_ref().ok_or_else(closed)?;
        sender.send(request).map_err(|_closed| closed())?;
        answered.await.map_err(|_closed| closed())??;
        if !released.is_empty() {
            self.remove_blobs(released.into_iter().collect()).await;
        }
        Ok(())
    }

    fn fence(&self) -> Fence {
        self.fence
    }

    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error> {
        self.offer_again(now);
        let ids = committer::lock(&self.state).queue.claim(runners, now, limit);
        Ok(self.handed_out(ids, now))
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

    fn waiting_within(&self, share: usize) -> usize {
        committer::lock(&self.state).queue.waiting_within(share)
    }

    fn waiting_of(&self, account: Account<'_>) -> usize {
        committer::lock(&self.state).queue.waiting_of(account)
    }

    fn is_waiting(&self, id: ExecutionId) -> bool {
        committer::lock(&self.state).queue.is_waiting(id)
    }

    fn is_active(&self, id: ExecutionId) -> bool {
        committer::lock(&self.state).queue.is_active(id)
    }

    fn inside(&self, root: ExecutionId) -> usize {
        committer::lock(&self.state).queue.inside(root)
    }

    fn begun(&self) -> Vec<ExecutionId> {
        committer::lock(&self.state).queue.begun()
    }

    fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>> {
        committer::lock(&self.state).queue.by_workflow()
    }

    fn figures(&self) -> Figures {
        let (room_bytes, reserve_bytes) = (Some(self.room.left()), self.room.reserve());
        Figures { room_bytes, reserve_bytes, unwritten: self.room.waiting() }
    }

    async fn orphans(&self) -> Result<Vec<Execution>, Error> {
        let ids = committer::lock(&self.state).queue.orphans(self.fence.epoch);
        self.readable(ids)
    }

    fn held(&self) -> usize {
        committer::lock(&self.state).queue.held()
    }

    fn is_held(&self, id: ExecutionId) -> bool {
        committer::lock(&self.state).queue.is_held(id)
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        unreadable.values().flatten().cloned().collect()
    }

    async fn failed(&self) -> Error {
        let mut failure = self.failure.subscribe();
        match failure.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or_else(|| self.failure()),
            Err(_closed) => self.failure(),
        }
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.rows.execution(id)
    }

    async fn execution_head(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.rows.noun(&keys::execution(id))
    }

    async fn trigger_instance_head(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        self.rows.noun(&keys::trigger_instance(id))
    }

    async fn execution_in_part(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.rows.execution_in_part(id)
    }

    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        let before = before.map(keys::execution);
        let read = |entry: &Entry| self.rows.execution_for(entry, filter);
        self.newest(keys::EXECUTION, before, limit, read, |execution| filter.admits(execution))
    }

    async fn execution_heads(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        self.heads(filter, before, limit)
    }

    async fn oldest_executions(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, Error> {
        // Without parameters and results, which may be large and are not needed for retention.
        let read = |entry: &Entry| self.rows.noun_of::<Execution>(entry).map(ExecutionAge::from);
        self.oldest(keys::EXECUTION, after.map(keys::execution), limit, read)
    }

    async fn oldest_trigger_instances(
        &self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, Error> {
        let read = |entry: &Entry| self.rows.noun_of::<TriggerInstance>(entry).map(TriggerInstanceAge::from);
        self.oldest(keys::TRIGGER_INSTANCE, after.map(keys::trigger_instance), limit, read)
    }

    fn seal_with(&self, sealer: Arc<dyn Sealer>) {
        self.rows.sealing.set(sealer);
    }

    fn holds_sealed(&self) -> bool {
        self.rows.sealing.holds_sealed(&self.rows.image).unwrap_or(true)
    }

    fn sealed_by(&self) -> Result<Vec<String>, Error> {
        Ok(self.rows.sealing.sealed_by(&self.rows.image)?.into_iter().collect())
    }

    fn refuses_secrets(&self) -> Option<String> {
        self.rows.sealing.refuses()
    }

    async fn seal_active(&self) -> Result<usize, Error> {
        self.seal_all_active().await
    }

    async fn seal_ended(&self, after: Option<ExecutionId>, limit: usize) -> Result<Looked, Error> {
        self.seal_some_ended(after, limit).await
    }

    async fn sweep(&self) -> Result<u64, Error> {
        self.in_background(Rows::sweep).await
    }

    fn backup(&self, files: &[ArchivedFile], to: &mut dyn Write) -> Result<Archived, Error> {
        backup::write(&self.rows, Some(&self.segments), files, to)
    }

    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error> {
        Ok(self.output_of(id)?.into_iter().skip(from as usize).collect())
    }

    async fn children(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, Error> {
        let entries = self.rows.range(&keys::children(workflow, after), false, limit)?;
        self.readable(entries.iter().filter_map(|(key, _)| keys::child_of(key)))
    }

    async fn children_ids(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, Error> {
        let entries = self.rows.range(&keys::children(workflow, after), false, limit)?;
        Ok(entries.iter().filter_map(|(key, _)| keys::child_of(key)).collect())
    }

    async fn workflow_log(&self, workflow: ExecutionId) -> Result<Vec<WorkflowEntry>, Error> {
        let mut log = Vec::new();
        for entry in self.rows.range(&keys::workflow_log_range(workflow), false, usize::MAX)? {
            log.extend(self.rows.noun_of::<Vec<WorkflowEntry>>(&entry)?);
        }
        Ok(log)
    }

    async fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, Error> {
        self.kept(kind)
    }

    async fn documents_after(
        &self,
        kind: DocumentKind,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<Document>, Error> {
        let read = |entry: &Entry| self.rows.document_of(kind, entry);
        self.oldest(keys::document_prefix(kind), after.map(keys::document), limit, read)
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error> {
        self.rows.document(key)
    }

    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        self.rows.instance(id)
    }

    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error> {
        self.instances(trigger_type, before, limit)
    }

    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error> {
        self.rows.noun(&keys::enforcement(id))
    }
}

#[cfg(test)]
mod tests;
