//! What executions need of whoever conducts workflows. An execution whose action is a workflow is handed to
//! it, and what becomes of an execution inside a workflow is told to it; it never asks back for that.

use async_trait::async_trait;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Parent};
use petrel_persistence::{Change, Expect};

use super::uncommitted::Uncommitted;

/// Where an execution that belongs to a workflow stands from now on.
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

/// Whoever conducts workflows.
#[async_trait]
pub trait Conductor: Send + Sync {
    /// Begins the workflow of `execution`, which this process has claimed. What goes wrong is stored or
    /// logged.
    async fn begin(&self, execution: Execution);

    /// Whether `execution` may not begin, since a workflow that it is inside of is about to end. Whoever ends
    /// that ends it too.
    fn holds(&self, execution: &Execution) -> bool;

    /// Commits the end of an execution inside a workflow, together with what it means to that.
    ///
    /// # Errors
    /// When it was moved meanwhile, or cannot be stored. Nothing was stored then.
    async fn outcome(&self, report: Report) -> Result<(), Uncommitted>;

    /// Asks a workflow that has begun to end, and gives it as it stands then.
    ///
    /// # Errors
    /// When it was moved meanwhile (it has ended, most likely), or cannot be stored.
    async fn cancel(&self, workflow: Execution) -> Result<Execution, Uncommitted>;

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

    /// Refuses to run `execution` again from these tasks on, if it has no such tasks or may not be run so.
    ///
    /// # Errors
    /// What is wrong with that.
    async fn check_rerun(&self, execution: &Execution, tasks: &[String]) -> Result<(), Error>;

    /// Takes up these workflows, which an earlier process was conducting. What is to end begins nothing more
    /// once this returns; the rest goes on in the background.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn take_up(&self, workflows: Vec<Execution>) -> Result<(), Error>;
}
