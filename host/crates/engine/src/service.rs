//! The handle to the engine, and its life: start, run, drain.

use std::sync::Arc;

use petrel_access::Access;
use petrel_catalog::Catalog;
use petrel_catalog::content::{Content, Runners};
use petrel_datastore::Keys;
use petrel_engine_core::{Core, Evaluations, SystemClock};
use petrel_executions::{Executions, Queue, Recovered};
use petrel_model::Timestamp;
use petrel_persistence::{Change, ExecutionFilter, Expect, Store};
use petrel_workflow_engine::WorkflowEngine;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::incoming::Reading;
use crate::intake::Intake;
use crate::options::Options;
use crate::retention;

/// The engine of one host process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    core: Core,
    pub(crate) options: Options,
    access: Access,
    catalog: Catalog,
    executions: Executions,
    pub(crate) reading: Reading,
    pub(crate) accepting: Semaphore,
    pub(crate) intake: Intake,
}

impl Engine {
    /// An engine over `store`, with these runners. It accepts requests at once, and runs nothing until
    /// [`Engine::start`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(store: Arc<dyn Store>, runners: Runners, options: Options) -> Result<Self, Error> {
        SystemClock.go_on_from(newest(store.as_ref()).await?);
        Self::on(Core::new(store, Arc::new(SystemClock)), runners, options).await
    }

    /// As [`new`](Self::new), on existing ground: with its store, its clock and its tasks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn on(core: Core, runners: Runners, options: Options) -> Result<Self, Error> {
        let access = Access::load(core.clone(), options.access.clone()).await?;
        let keys = Keys::load(core.clone()).await?;
        let evaluations = Evaluations::new(core.clone(), options.longest_evaluation);
        let (own, known) = (options.catalog.clone(), evaluations.clone());
        let catalog = Catalog::load(core.clone(), keys.clone(), known, runners, own).await?;
        let own = options.executions.clone();
        let queue = Queue::new(core.clone(), catalog.clone(), keys, evaluations, own);
        let workflows = WorkflowEngine::new(queue.clone(), options.workflows.clone());
        let executions = Executions::new(queue, access.clone(), Arc::new(workflows));
        Ok(Self(Arc::new(Shared {
            accepting: Semaphore::new(options.accepting_limit),
            intake: Intake::new(options.bytes_in_flight),
            core,
            options,
            access,
            catalog,
            executions,
            reading: Reading::default(),
        })))
    }

    /// Recovers the executions of an earlier process, then starts the schedulers.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<Recovered, Error> {
        let report = self.executions().start().await?;
        self.core().spawn("retention", retention::run(self.core().clone(), self.0.options.retention));
        self.catalog().prepare(None);
        let core = self.core().clone();
        self.core().spawn("clock", async move {
            core.stop_starting().run_until_cancelled(core.watch_clock()).await.unwrap_or_default();
        });
        Ok(report)
    }

    /// Stops in order: nothing new is accepted or started, running executions may go on for a while
    /// ([`Options::drain`]), and are then ended and recorded as such.
    pub async fn stop(&self) {
        self.core().stop(self.0.options.drain).await;
    }

    /// The ground of all services.
    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    /// The service of users and credentials.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// The keys of the datastore.
    pub fn keys(&self) -> &Keys {
        self.0.executions.queue().keys()
    }

    /// The service of packs and rules.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The service of executions.
    pub fn executions(&self) -> &Executions {
        &self.0.executions
    }

    /// The time now, to the microsecond. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.core().now()
    }

    /// The store, for the services. Surfaces read through [`Engine::reads`].
    pub(crate) fn store(&self) -> &dyn Store {
        self.core().store()
    }

    /// A snapshot of the catalog.
    pub(crate) fn content(&self) -> Arc<Content> {
        self.0.catalog.content()
    }

    pub(crate) fn evaluations(&self) -> &Evaluations {
        self.0.executions.queue().evaluations()
    }

    /// Whether the host is stopping.
    pub fn is_stopping(&self) -> bool {
        self.core().is_stopping()
    }

    /// Commits on behalf of this process.
    pub(crate) async fn commit(&self, expect: Vec<Expect>, changes: Vec<Change>) -> Result<(), Error> {
        self.core().commit(expect, changes).await
    }

    pub(crate) fn mint<T: From<petrel_model::Id>>(&self, now: Timestamp) -> T {
        self.core().mint(now)
    }
}

/// The time of the newest thing stored: ids and times of later things must be greater.
async fn newest(store: &dyn Store) -> Result<Timestamp, Error> {
    let executions = store.executions(&ExecutionFilter::default(), None, 1).await?.items;
    let events = store.trigger_instances(None, None, 1).await?.items;
    let times = executions.iter().flat_map(|execution| {
        execution.log.iter().map(|entry| entry.timestamp).chain([execution.requested_at])
    });
    Ok(times.chain(events.iter().map(|event| event.occurrence_time)).max().unwrap_or_default())
}
