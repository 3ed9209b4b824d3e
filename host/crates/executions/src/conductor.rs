//! The interface between executions and the service that conducts workflows. An execution whose action is a
//! workflow is handed to the conductor, and so is each outcome of an execution inside a workflow. The
//! conductor commits, and never calls back; before something begins inside a workflow it may be waited for.
//!
//! Executions define the trait and the workflow engine implements it, so that the dependency leads one way.

use async_trait::async_trait;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Parent};
use petrel_persistence::{Change, Expect};

use super::uncommitted::Uncommitted;

/// The new status of an execution inside a workflow, with the commit that makes it so.
#[derive(Debug, Clone)]
pub struct Report {
    /// The place of the execution in its workflow.
    pub parent: Parent,
    /// The execution in its new state.
    pub execution: Execution,
    /// The expectations of the commit.
    pub expect: Vec<Expect>,
    /// The changes of the commit.
    pub changes: Vec<Change>,
}

/// The service that conducts workflows.
#[async_trait]
pub trait Conductor: Send + Sync {
    /// Begins the workflow of `execution`, which this process has claimed. A failure becomes the outcome of
    /// the execution, or is logged.
    async fn begin(&self, execution: Execution);

    /// Whether `execution` may not begin, or not yet, since a workflow that it is inside of is about to end, or was not
    /// taken up yet. [`may_begin`](Self::may_begin) finds that out.
    fn holds(&self, execution: &Execution) -> bool;

    /// Whether `execution` may begin, which [`holds`](Self::holds) is the quick answer to: waits until the workflows that
    /// it is inside of are taken up, or `execution` has ended itself; the caller holds a slot meanwhile. If it may not,
    /// whoever ends one of these ends it too, or the host stops.
    async fn may_begin(&self, execution: &Execution) -> bool;

    /// Commits the outcome of an execution inside a workflow, together with its consequences for the
    /// workflow.
    ///
    /// # Errors
    /// When the execution has changed meanwhile, or the store fails. Nothing is stored then.
    async fn outcome(&self, report: Report) -> Result<(), Uncommitted>;

    /// Asks a workflow that has begun to end, on behalf of `user`, and gives it as it stands then. What is inside one that
    /// is about to end is told of that once more. One that cannot be read ends without its log, after all that is inside
    /// it.
    ///
    /// # Errors
    /// When it was moved meanwhile (it has ended, most likely), or cannot be stored.
    async fn cancel(&self, workflow: Execution, user: &str) -> Result<Execution, Uncommitted>;

    /// Pauses a workflow: no more tasks start, and running ones may finish.
    ///
    /// # Errors
    /// When it does not exist, is no workflow, or its status does not allow it.
    async fn pause(&self, id: ExecutionId) -> Result<Execution, Error>;

    /// Resumes a paused workflow.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    async fn resume(&self, id: ExecutionId) -> Result<Execution, Error>;

    /// Refuses a rerun of `execution` from these tasks, unless it is an ended workflow that has all of them.
    ///
    /// # Errors
    /// The obstacle, with its remedy.
    async fn check_rerun(&self, execution: &Execution, tasks: &[String]) -> Result<(), Error>;

    /// Keeps what is inside workflows that are held from beginning until these are taken up. To be called before they are
    /// let go on.
    fn hold_back(&self);

    /// Recovers these workflows, which an earlier process was conducting. Once this returns, nothing begins
    /// inside those that are to end; the others go on in the background.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn take_up(&self, workflows: Vec<Execution>) -> Result<(), Error>;
}
