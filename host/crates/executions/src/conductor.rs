//! What executions need of whoever conducts workflows. An execution whose action is a workflow is handed to it, and what
//! becomes of an execution inside a workflow is told to it; it never asks back for that.

use async_trait::async_trait;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Parent};
use petrel_persistence::{Change, Expect};

use super::uncommitted::Uncommitted;

/// Where an execution that belongs to a workflow stands from now on.
#[derive(Debug, Clone)]
pub struct Report {
    /// Where it belongs.
    pub parent: Parent,
    /// It, as it is from now on.
    pub execution: Execution,
    /// What must hold for its change.
    pub expect: Vec<Expect>,
    /// Its change.
    pub changes: Vec<Change>,
}

/// Whoever conducts workflows.
#[async_trait]
pub trait Conductor: Send + Sync {
    /// Begins the workflow of `execution`, which this process has claimed. What goes wrong is stored or logged.
    async fn begin(&self, execution: Execution);

    /// Whether `execution` may not begin, or not yet, since a workflow that it is inside of is about to end, or was not
    /// taken up yet. [`may_begin`](Self::may_begin) finds that out.
    fn holds(&self, execution: &Execution) -> bool;

    /// Whether `execution` may begin, which [`holds`](Self::holds) is the quick answer to: waits until the workflows that
    /// it is inside of are taken up. If it may not, whoever ends one of these ends it too, or the host stops.
    async fn may_begin(&self, execution: &Execution) -> bool;

    /// Commits the end of an execution inside a workflow, together with what it means to that.
    ///
    /// # Errors
    /// When it was moved meanwhile, or cannot be stored. Nothing was stored then.
    async fn outcome(&self, report: Report) -> Result<(), Uncommitted>;

    /// Asks a workflow that has begun to end, on behalf of `user`, and gives it as it stands then. What is inside one that
    /// is about to end is told of that once more.
    ///
    /// # Errors
    /// When it was moved meanwhile (it has ended, most likely), or cannot be read or stored.
    async fn cancel(&self, workflow: Execution, user: &str) -> Result<Execution, Uncommitted>;

    /// Pauses a workflow: no more tasks start, what runs is let finish.
    ///
    /// # Errors
    /// When it does not exist, is no workflow, or its status does not allow it.
    async fn pause(&self, id: ExecutionId) -> Result<Execution, Error>;

    /// Lets a paused workflow go on.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    async fn resume(&self, id: ExecutionId) -> Result<Execution, Error>;

    /// Refuses to run `execution` again from these tasks on, if it has no such tasks or may not be run so.
    ///
    /// # Errors
    /// What is wrong with that.
    async fn check_rerun(&self, execution: &Execution, tasks: &[String]) -> Result<(), Error>;

    /// Keeps what is inside workflows that are held from beginning until these are taken up. To be called before they are
    /// let go on.
    fn hold_back(&self);

    /// Takes up these workflows, which an earlier process was conducting. What is to end begins nothing more once this
    /// returns; the rest goes on in the background.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn take_up(&self, workflows: Vec<Execution>) -> Result<(), Error>;
}
