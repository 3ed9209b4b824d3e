//! The handle of the service with its state, and the way to the [`Conductor`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use petrel_access::Access;
use petrel_engine_core::Core;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status};
use petrel_persistence::{Change, Expect, Store};
use petrel_runners::ResultRoom;

use super::conductor::{Conductor, Report};
use super::options::Options;
use super::queue::Queue;
use super::uncommitted::Uncommitted;

/// The service that accepts, runs and ends executions. Cheap to clone.
#[derive(Clone)]
pub struct Executions(Arc<Inner>);

struct Inner {
    queue: Queue,
    access: Access,
    conductor: Arc<dyn Conductor>,
    /// The memory of results between the end of a run and its commit.
    results: Arc<ResultRoom>,
    /// Locked while executions held since a restore are resumed. True if an earlier attempt lifted the hold
    /// and did not finish their recovery.
    lifting: tokio::sync::Mutex<bool>,
}

impl Executions {
    /// The service over `queue`, with `conductor` for executions that are workflows.
    pub fn new(queue: Queue, access: Access, conductor: Arc<dyn Conductor>) -> Self {
        let results = Arc::new(ResultRoom::new(queue.options().results_limit));
        Self(Arc::new(Inner { queue, access, conductor, results, lifting: tokio::sync::Mutex::default() }))
    }

    /// Waiting and running executions.
    pub fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// The execution as soon as it is final, without a read of the store. `None` if it is not open now, does not exist, or is
    /// still open after `patience`.
    pub async fn told(&self, id: ExecutionId, patience: Duration) -> Option<Arc<Execution>> {
        self.0.queue.told(id, patience).await
    }

    /// The execution once it is final, or in its state after `patience`. `None` if it does not exist.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait(&self, id: ExecutionId, patience: Duration) -> Result<Option<Arc<Execution>>, Error> {
        self.0.queue.wait(id, patience).await
    }

    /// The number of executions that run in this process.
    pub fn running(&self) -> usize {
        self.0.queue.running()
    }

    /// Pauses a workflow: no more tasks start, and running ones may finish. The request is completed even if
    /// the caller stops waiting.
    ///
    /// # Errors
    /// When the execution is not a workflow, or its status does not allow it.
    pub async fn pause(&self, id: ExecutionId) -> Result<Execution, Error> {
        let conductor = Arc::clone(&self.0.conductor);
        self.core().run_detached(async move { conductor.pause(id).await }).await
    }

    /// Resumes a paused workflow. The request is completed even if the caller stops waiting.
    ///
    /// # Errors
    /// When the execution is not a workflow, or its status does not allow it.
    pub async fn resume(&self, id: ExecutionId) -> Result<Execution, Error> {
        let conductor = Arc::clone(&self.0.conductor);
        self.core().run_detached(async move { conductor.resume(id).await }).await
    }

    /// Commits a change of `execution`. The conductor commits outcomes and questions inside workflows, together with
    /// their consequences.
    pub(super) async fn commit_outcome(
        &self,
        execution: &Execution,
        expect: Vec<Expect>,
        changes: Vec<Change>,
    ) -> Result<(), Uncommitted> {
        // A question keeps its workflow waiting, so that hears of it too.
        let is_told = execution.status.is_final() || execution.status == Status::Pending;
        let Some(parent) = execution.task().cloned().filter(|_| is_told) else {
            return self.0.queue.commit_end(execution, expect, changes).await;
        };
        self.0.conductor.outcome(Report { parent, execution: execution.clone(), expect, changes }).await
    }

    pub(super) fn core(&self) -> &Core {
        self.0.queue.core()
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.0.queue.store()
    }

    pub(super) fn options(&self) -> &Options {
        self.0.queue.options()
    }

    pub(super) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(super) fn conductor(&self) -> &dyn Conductor {
        self.0.conductor.as_ref()
    }

    pub(super) fn results(&self) -> &Arc<ResultRoom> {
        &self.0.results
    }

    pub(super) fn lifting(&self) -> &tokio::sync::Mutex<bool> {
        &self.0.lifting
    }
}

impl fmt::Debug for Executions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executions").field("queue", &self.0.queue).finish_non_exhaustive()
    }
}
