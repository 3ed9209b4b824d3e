//! The interface that every backend implements.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use async_trait::async_trait;
use petrel_model::execution::Account;
use petrel_model::output::OutputLine;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Status, Timestamp, TriggerInstance,
    TriggerInstanceId, WorkflowEntry,
};

use crate::commit::{Commit, CommitError};
use crate::documents::{Document, DocumentKey, DocumentKind, Noun};

/// One life of one host process. A later one has a higher epoch; what an earlier one had begun is
/// orphaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// Grows by one each time that a process takes the store.
    pub epoch: u64,
}

/// A failure of the store itself.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The store cannot be used (any more).
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Something that was stored cannot be read back.
    #[error("{what} cannot be read: {reason}; {}", Unreadable::REMEDY)]
    Damaged {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Something that is stored and cannot be read back: it is shown as that, and keeps nothing else from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What it is: `execution`, `rule`, `user` and so on.
    pub kind: &'static str,
    /// Its id or its name.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Unreadable {
    /// What to do about it.
    pub const REMEDY: &'static str =
        "`petrel store check --repair` sets it aside, and a backup may still have it whole";
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} cannot be read: {}", self.kind, self.id, self.reason)
    }
}

/// A part of a listing, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, I> {
    /// The items; possibly fewer than asked for even when there are more, so that nobody has to hold or to look
    /// through too much at once.
    pub items: Vec<T>,
    /// What lies among them and cannot be read. It does not count for how many were asked for, and whether it
    /// is what was asked for cannot be told.
    pub unreadable: Vec<Unreadable>,
    /// Where to go on, if there may be more: give it as `before`.
    pub next: Option<I>,
}

/// Which executions to list. Everything given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// With this status.
    pub status: Option<Status>,
    /// Of this action.
    pub action: Option<Ref>,
    /// Asked for by the rule of this reference.
    pub rule: Option<Ref>,
    /// That came of this event.
    pub trigger_instance: Option<TriggerInstanceId>,
    /// On behalf of this user.
    pub user: Option<String>,
    /// Run by this runner.
    pub runner: Option<String>,
    /// Asked for after this time.
    pub after: Option<Timestamp>,
    /// Asked for before this time.
    pub before: Option<Timestamp>,
    /// Asked for by a task of this workflow; `Some(None)` for those that no workflow has asked for.
    pub parent: Option<Option<ExecutionId>>,
}

impl ExecutionFilter {
    /// Whether `execution` is one of those.
    pub fn admits(&self, execution: &Execution) -> bool {
        let context = &execution.context;
        self.status.is_none_or(|status| execution.status == status)
            && self.user.as_ref().is_none_or(|user| context.user == *user)
            && self.runner.as_ref().is_none_or(|runner| execution.runner == *runner)
            && self.after.is_none_or(|after| execution.requested_at > after)
            && self.before.is_none_or(|before| execution.requested_at < before)
            && self
                .parent
                .is_none_or(|parent| execution.parent.as_ref().map(|parent| parent.execution) == parent)
            && self.action.as_ref().is_none_or(|action| execution.action == *action)
            && self
                .rule
                .as_ref()
                .is_none_or(|rule| context.rule.as_ref().is_some_and(|origin| origin.name == rule.as_str()))
            && self
                .trigger_instance
                .is_none_or(|id| context.trigger_instance.as_ref().is_some_and(|origin| origin.id == id))
    }
}

/// An execution, as far as it matters for how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionAge {
    /// Which.
    pub id: ExecutionId,
    /// When it ended; `None` while it has not.
    pub ended_at: Option<Timestamp>,
    /// The workflow that has asked for it.
    pub parent: Option<ExecutionId>,
}

/// An event, as far as it matters for how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerInstanceAge {
    /// Which.
    pub id: TriggerInstanceId,
    /// When it was.
    pub occurred_at: Timestamp,
    /// What goes with it.
    pub enforcements: Vec<EnforcementId>,
}

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Archived {
    /// Rows of the store.
    pub rows: u64,
    /// Large values.
    pub blobs: u64,
    /// Files beside the store.
    pub files: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// A file beside the store that goes with a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedFile {
    /// Its path in the data directory.
    pub path: String,
    /// Its permissions, as in `0o600`.
    pub mode: u32,
    /// What is in it.
    pub content: Vec<u8>,
}

/// What is worth a look, of a store on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Bytes left on its disk, as of the last look.
    pub room_bytes: Option<u64>,
    /// Below so many bytes nothing new is taken in, and nothing more is started.
    pub reserve_bytes: u64,
}

impl Figures {
    /// Bytes left on its disk, if these are fewer than the reserve.
    pub fn short_of_room(&self) -> Option<u64> {
        self.room_bytes.filter(|room| *room < self.reserve_bytes)
    }
}

/// Output of an execution, in order.
pub type Output = Vec<OutputLine>;

/// A store. All methods may be called from any task at any time. What a reader sees is durable.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes a commit: all of it or nothing. It is durable when this returns `Ok`.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// The right of this process to go on with what it has begun.
    fn fence(&self) -> Fence;

    /// Takes up to `limit` waiting executions of the given runners that are due at `now`: of each account in
    /// turn (see [`Execution::account`]), and the earliest first within one. There may be fewer although more are
    /// due, so that nobody has to hold too much at once.
    /// Nobody else gets them until they are stored as waiting again or [released](Store::release), or
    /// this process is gone.
    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error>;

    /// Gives back a claim without having begun.
    async fn release(&self, id: ExecutionId) -> Result<(), Error>;

    /// When the next waiting execution of these runners that nobody has claimed is due, if there is one.
    async fn next_due(&self, runners: &[String]) -> Result<Option<Timestamp>, Error>;

    /// How many executions wait, claimed or not.
    fn waiting(&self) -> usize;

    /// How many executions wait, claimed or not, when at most `share` of each account are counted.
    fn waiting_within(&self, share: usize) -> usize;

    /// How many executions wait on this account, claimed or not.
    fn waiting_of(&self, account: Account<'_>) -> usize;

    /// How many executions that are not final are inside a workflow that is inside no other, at any depth.
    fn inside(&self, root: ExecutionId) -> usize;

    /// The executions that are not final and inside workflows, by the workflow that has asked for them.
    fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>>;

    /// Executions that a process which is gone had begun, but those that are held.
    async fn orphans(&self) -> Result<Vec<Execution>, Error>;

    /// How many executions are held: they were in flight when the store was restored from a backup, where the
    /// original may go on with them. Nobody can claim them until [`Change::LiftHold`](crate::Change::LiftHold).
    fn held(&self) -> usize {
        0
    }

    /// Whether this execution is held, or what has asked for it.
    fn is_held(&self, id: ExecutionId) -> bool {
        let _ = id;
        false
    }

    /// Documents that were asked for since the store was opened and cannot be read.
    fn unreadable(&self) -> Vec<Unreadable> {
        Vec::new()
    }

    /// What is worth a look.
    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// Waits until the store fails for good. Then nothing more can be committed and the process is to end;
    /// the next one finds all that was acknowledged.
    async fn failed(&self) -> Error {
        std::future::pending().await
    }

    /// An execution.
    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error>;

    /// Executions, newest first, that were created before `before`.
    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error>;

    /// Up to `limit` executions, oldest first, that were created after `after`: as much of them as decides how
    /// long they are kept.
    async fn oldest_executions(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, Error>;

    /// The output of an execution from line number `from` on.
    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error>;

    /// Up to `limit` executions that tasks of a workflow have asked for, oldest first, created after `after`.
    async fn children(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, Error>;

    /// What has happened to a workflow, in order.
    async fn workflow_log(&self, workflow: ExecutionId) -> Result<Vec<WorkflowEntry>, Error>;

    /// All documents of a kind, in the order of their keys. Documents that cannot be read are left out;
    /// [`Store::unreadable`] lists them. [`StoreExt::all`] gives the nouns themselves.
    async fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, Error>;

    /// A document. [`StoreExt::get`] gives the noun itself.
    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error>;

    /// An event.
    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error>;

    /// Events, newest first, that were accepted before `before`; of one trigger type if given.
    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error>;

    /// Up to `limit` events, oldest first, that were accepted after `after`: as much of them as decides how
    /// long they are kept.
    async fn oldest_trigger_instances(
        &self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, Error>;

    /// Frees room that is held by what nothing refers to any more. Returns how many bytes.
    async fn sweep(&self) -> Result<u64, Error> {
        Ok(0)
    }

    /// Writes `files` and all that is stored, as of one moment, to `to`, so that it can be restored. Others go on
    /// meanwhile. It takes a while and blocks: call it from a thread of its own.
    fn backup(&self, files: &[ArchivedFile], to: &mut dyn Write) -> Result<Archived, Error> {
        let _ = (files, to);
        Err(Error::Unavailable("this store cannot be backed up from here".into()))
    }

    /// An enforcement.
    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error>;
}

/// Reads of documents by their types, for every store, also behind `dyn`.
pub trait StoreExt: Store {
    /// All nouns of a kind, in the order of their keys: `store.all::<Rule>()`. Nouns that cannot be read are left out;
    /// [`Store::unreadable`] lists them.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn all<N: Noun>(&self) -> impl Future<Output = Result<Vec<N>, Error>> + Send {
        let documents = self.documents(N::KIND);
        async move { documents.await.map(|found| found.into_iter().filter_map(N::from_document).collect()) }
    }

    /// The noun stored under `key`, if there is one: `store.get::<Rule>(&reference)`.
    ///
    /// # Errors
    /// When the store cannot be used, or the noun cannot be read.
    fn get<N: Noun>(&self, key: &N::Key) -> impl Future<Output = Result<Option<N>, Error>> + Send {
        let key = N::document_key(key.clone());
        async move { self.document(&key).await.map(|found| found.and_then(N::from_document)) }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
