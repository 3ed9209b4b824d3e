//! The interface that every backend implements.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use petrel_model::execution::Account;
use petrel_model::output::OutputLine;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Timestamp, TriggerInstance, TriggerInstanceId,
    WorkflowEntry,
};

pub use crate::ages::{ExecutionAge, TriggerInstanceAge};
use crate::commit::{Commit, CommitError};
use crate::documents::{Document, DocumentKey, DocumentKind, Noun};
use crate::filter::ExecutionFilter;
use crate::seal::{Looked, Sealer};
use crate::unreadable::Unreadable;

/// One life of one host process. A later process has a higher epoch, and executions that an earlier one began are
/// orphaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// Grows by one each time that a process opens the store.
    pub epoch: u64,
}

/// A failure of the store itself.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The store cannot be used, or not any more.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A row that was stored cannot be read back.
    #[error("{what} cannot be read: {reason}; {}", Unreadable::REMEDY)]
    Damaged {
        /// The row.
        what: String,
        /// The reason.
        reason: String,
    },
    /// A row is encrypted and cannot be decrypted, or has to be encrypted and cannot. It is whole, and nothing was changed.
    #[error("{what} {reason}")]
    Sealed {
        /// The row.
        what: String,
        /// The reason, with the remedy.
        reason: String,
    },
    /// A row cannot be read for the moment: the system has no file or no memory left for that, or refuses it. The row may
    /// be whole.
    #[error("{what} cannot be read for the moment: {reason}")]
    Starved {
        /// The row.
        what: String,
        /// The reason.
        reason: String,
    },
}

/// A page of a listing, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, I> {
    /// The items. There may be fewer than the limit although more follow, because a page is bounded in memory and in
    /// rows that were looked at.
    pub items: Vec<T>,
    /// Unreadable rows among the items. They do not count for the limit, and may or may not match the filter.
    pub unreadable: Vec<Unreadable>,
    /// The value of `before` for the next page, if there may be one.
    pub next: Option<I>,
}

/// The contents of an archive, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Archived {
    /// Rows of the store.
    pub rows: u64,
    /// Large values, stored as files.
    pub blobs: u64,
    /// Files beside the store.
    pub files: u64,
    /// The length of the archive, in bytes.
    pub bytes: u64,
}

/// A file outside of the store that goes into a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedFile {
    /// Its path in the data directory.
    pub path: String,
    /// Its permissions, such as `0o600`.
    pub mode: u32,
    /// Its content.
    pub content: Vec<u8>,
}

/// Figures of a store on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// The free space on its disk in bytes, as of the last check.
    pub room_bytes: Option<u64>,
    /// The free space in bytes below which new work is refused and nothing more is started.
    pub reserve_bytes: u64,
    /// The number of commits that finish something and wait until they can be written, as on a full disk.
    pub unwritten: usize,
}

impl Figures {
    /// The free space on its disk in bytes, if it is below the reserve.
    pub fn short_of_room(&self) -> Option<u64> {
        self.room_bytes.filter(|room| *room < self.reserve_bytes)
    }
}

/// The output of an execution, in order.
pub type Output = Vec<OutputLine>;

/// A store. All methods may be called from any task at any time. Readers see only durable data.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes a commit, as a whole or not at all. It is durable when this returns `Ok`.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// The fence of this process, for its commits.
    fn fence(&self) -> Fence;

    /// Claims up to `limit` waiting executions of these runners that are due at `now`: of each account in turn (see
    /// [`Execution::account`]), the earliest first within one. There may be fewer although more are due, because a
    /// claim is bounded in memory.
    ///
    /// Nobody else can claim them until they are stored as waiting again or [released](Store::release), or this
    /// process is gone.
    async fn claim(&self, runners: &[String], now: Timestamp, limit: usize) -> Result<Vec<Execution>, Error>;

    /// Gives back a claim on an execution that was not begun.
    async fn release(&self, id: ExecutionId) -> Result<(), Error>;

    /// The time at which the next unclaimed execution of these runners is due, if there is one.
    async fn next_due(&self, runners: &[String]) -> Result<Option<Timestamp>, Error>;

    /// The number of waiting executions, claimed or not.
    fn waiting(&self) -> usize;

    /// The number of waiting executions, claimed or not, with at most `share` counted of each account.
    fn waiting_within(&self, share: usize) -> usize;

    /// The number of an account's waiting executions, claimed or not.
    fn waiting_of(&self, account: Account<'_>) -> usize;

    /// Whether an execution is stored as waiting, claimed or not. This is known in memory.
    fn is_waiting(&self, id: ExecutionId) -> bool;

    /// Whether an execution is stored and not final. This is known in memory; once it says no, readers see the end.
    fn is_active(&self, id: ExecutionId) -> bool;

    /// The number of active executions inside a top workflow, at any depth.
    fn inside(&self, root: ExecutionId) -> usize;

    /// The active executions that have begun, in order, except held ones.
    fn begun(&self) -> Vec<ExecutionId>;

    /// The active executions inside workflows, by the workflow that requested them.
    fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>>;

    /// Executions that an earlier process began, except held ones.
    async fn orphans(&self) -> Result<Vec<Execution>, Error>;

    /// The number of held executions: they were in flight when the store was restored from a backup, and the original
    /// host may go on with them. Nobody can claim them until [`Change::LiftHold`](crate::Change::LiftHold).
    fn held(&self) -> usize {
        0
    }

    /// Whether the execution is held, itself or through its workflow.
    fn is_held(&self, id: ExecutionId) -> bool {
        let _ = id;
        false
    }

    /// Unreadable documents that were asked for since the store was opened.
    fn unreadable(&self) -> Vec<Unreadable> {
        Vec::new()
    }

    /// Figures of the store and its disk.
    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// Waits until the store fails for good. No commit is possible then, and the process has to end; the next one
    /// finds every acknowledged commit.
    async fn failed(&self) -> Error {
        std::future::pending().await
    }

    /// An execution.
    async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error>;

    /// As [`execution`](Self::execution); parts that are encrypted and whose key is not there are left out, and `unread`
    /// of its context says why. What is stored of it then leaves these parts as they are.
    async fn execution_in_part(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.execution(id).await
    }

    /// An execution for whoever needs neither its parameters nor its result: these may be left out, and need not be readable.
    async fn execution_head(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.execution(id).await
    }

    /// As [`execution_head`](Self::execution_head), of an event without its payload.
    async fn trigger_instance_head(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        self.trigger_instance(id).await
    }

    /// A page of executions that were created before `before`, newest first.
    async fn executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error>;

    /// As [`executions`](Self::executions), for whoever needs neither parameters nor results: these may be left out, and need not
    /// be readable.
    async fn execution_heads(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        self.executions(filter, before, limit).await
    }

    /// Up to `limit` executions that were created after `after`, oldest first, with the parts that decide on
    /// retention.
    async fn oldest_executions(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionAge>, Error>;

    /// The output of an execution, from the line with the number `from` on.
    async fn output(&self, id: ExecutionId, from: u32) -> Result<Output, Error>;

    /// Up to `limit` executions that tasks of a workflow requested, created after `after`, oldest first.
    async fn children(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Execution>, Error>;

    /// The ids of these, without reading them. One that cannot be read is among them.
    async fn children_ids(
        &self,
        workflow: ExecutionId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, Error> {
        let children = self.children(workflow, after, limit).await?;
        Ok(children.into_iter().map(|child| child.id).collect())
    }

    /// The log of a workflow, in order.
    async fn workflow_log(&self, workflow: ExecutionId) -> Result<Vec<WorkflowEntry>, Error>;

    /// All documents of a kind, in the order of their keys. Unreadable ones are left out, and [`Store::unreadable`]
    /// lists them. [`StoreExt::all`] returns the nouns themselves.
    async fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, Error>;

    /// Up to `limit` readable documents of a kind whose keys come after `after`, in the order of their keys. For kinds of
    /// which there may be too many to have all in memory.
    async fn documents_after(
        &self,
        kind: DocumentKind,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<Document>, Error> {
        let all = self.documents(kind).await?.into_iter();
        Ok(all.filter(|one| after.is_none_or(|after| one.key() > *after)).take(limit).collect())
    }

    /// A document. [`StoreExt::get`] returns the noun itself.
    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error>;

    /// An event.
    async fn trigger_instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error>;

    /// A page of events that were accepted before `before`, newest first; of one trigger type if given.
    async fn trigger_instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error>;

    /// Up to `limit` events that were accepted after `after`, oldest first, with the parts that decide on retention.
    async fn oldest_trigger_instances(
        &self,
        after: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Vec<TriggerInstanceAge>, Error>;

    /// Sets what encrypts the rows that hold secrets, unless it is set already. Without it they are stored in clear.
    fn seal_with(&self, sealer: Arc<dyn Sealer>) {
        drop(sealer);
    }

    /// Whether a row is known to be encrypted.
    fn holds_sealed(&self) -> bool {
        false
    }

    /// The ids of the keys by which rows were encrypted, as far as the store knows.
    fn sealed_by(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Why nothing that holds secrets can be stored, if that is so: the keys are gone.
    fn refuses_secrets(&self) -> Option<String> {
        None
    }

    /// Encrypts what earlier versions have stored in clear of executions that hold secrets and have not ended, before
    /// anything runs. Returns the number of executions.
    async fn seal_active(&self) -> Result<usize, Error> {
        Ok(0)
    }

    /// As [`seal_active`](Self::seal_active), for up to `limit` ended ones that were created after `after`. Returns the last
    /// one that was looked at, or `None` if none is left.
    async fn seal_ended(&self, after: Option<ExecutionId>, limit: usize) -> Result<Looked, Error> {
        let _ = (after, limit);
        Ok(None)
    }

    /// Frees space of files to which no row refers any more. Returns the number of bytes.
    async fn sweep(&self) -> Result<u64, Error> {
        Ok(0)
    }

    /// Writes an archive of `files` and of the store, as of one moment, to `to`. Others may commit meanwhile. This
    /// blocks for long: call it from a thread of its own.
    fn backup(&self, files: &[ArchivedFile], to: &mut dyn Write) -> Result<Archived, Error> {
        let _ = (files, to);
        Err(Error::Unavailable("this backend has no backups".into()))
    }

    /// An enforcement.
    async fn enforcement(&self, id: EnforcementId) -> Result<Option<Enforcement>, Error>;
}

/// Reads of documents by their types, for every store, also behind `dyn`.
pub trait StoreExt: Store {
    /// All nouns of a kind, in the order of their keys: `store.all::<Rule>()`. Unreadable ones are left out, and
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
