//! The handle to the engine, and its life: start, run, drain.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use petrel_access::Access;
use petrel_datastore::Keys;
use petrel_engine_core::{Core, SystemClock};
use petrel_model::Timestamp;
use petrel_persistence::{Change, ExecutionFilter, Expect, Store};
use tokio::sync::Semaphore;

use crate::catalog::Catalog;
use crate::content::{Content, Runners};
use crate::error::Error;
use crate::evaluation::Evaluations;
use crate::executions::{Executions, Queue, Recovered};
use crate::incoming::Reading;
use crate::intake::Intake;
use crate::options::Options;
use crate::retention;
use crate::workflows::WorkflowEngine;

/// The engine of one host process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    core: Core,
    pub(crate) options: Options,
    content: Arc<RwLock<Content>>,
    /// Held over a change of content in the store and in memory, so that both see the same order.
    pub(crate) changing_content: tokio::sync::Mutex<()>,
    access: Access,
    catalog: Catalog,
    executions: Executions,
    pub(crate) reading: Reading,
    pub(crate) accepting: Semaphore,
    pub(crate) intake: Intake,
}

impl Engine {
    /// An engine over `store`, with these runners. It takes in requests from now on and runs nothing
    /// until [`Engine::start`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(store: Arc<dyn Store>, runners: Runners, options: Options) -> Result<Self, Error> {
        SystemClock.go_on_from(newest(store.as_ref()).await?);
        Self::on(Core::new(store, Arc::new(SystemClock)), runners, options).await
    }

    /// An engine as [`new`](Self::new) makes it, on ground that is there already: in the time of its clock.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn on(core: Core, runners: Runners, options: Options) -> Result<Self, Error> {
        let store = core.store();
        let content = Arc::new(RwLock::new(Content::load(store, runners).await?));
        let access = Access::load(core.clone(), options.access.clone()).await?;
        let keys = Keys::load(core.clone()).await?;
        let evaluations = Arc::new(Evaluations::default());
        let longest = options.longest_evaluation;
        let catalog = Catalog::new(core.clone(), Arc::clone(&content), keys, evaluations, longest);
        let queue = Queue::new(core.clone(), catalog.clone(), options.executions.clone());
        let workflows = WorkflowEngine::new(queue.clone(), options.workflows.clone());
        let executions = Executions::new(queue, access.clone(), Arc::new(workflows));
        let engine = Self(Arc::new(Shared {
            accepting: Semaphore::new(options.accepting_limit),
            intake: Intake::new(options.bytes_in_flight),
            core,
            options,
            content,
            changing_content: tokio::sync::Mutex::default(),
            access,
            catalog,
            executions,
            reading: Reading::default(),
        }));
        engine.read_config_files();
        Ok(engine)
    }

    /// Takes up what an earlier process left, then starts to run what is waiting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<Recovered, Error> {
        let report = self.executions().start().await?;
        self.core().spawn("retention", retention::run(self.clone()));
        self.prepare(None);
        let core = self.core().clone();
        self.core().spawn("clock", async move {
            core.stop_starting().run_until_cancelled(core.watch_clock()).await.unwrap_or_default();
        });
        Ok(report)
    }

    /// Stops in order: nothing new is taken in or started; what runs may go on for a while
    /// ([`Options::drain`]) and is then ended, and recorded as such.
    pub async fn stop(&self) {
        self.core().stop(self.0.options.drain).await;
    }

    /// What this engine stands on.
    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    /// Who may use the host, and as whom.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// The keys of the datastore.
    pub fn keys(&self) -> &Keys {
        self.0.catalog.keys()
    }

    /// What services ask of what is registered.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The executions.
    pub fn executions(&self) -> &Executions {
        &self.0.executions
    }

    /// The time now, to the microsecond. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.core().now()
    }

    /// The store, for the services. Who is outside reads through [`Engine::reads`].
    pub(crate) fn store(&self) -> &dyn Store {
        self.core().store()
    }

    /// What is registered.
    pub fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.0.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the host is stopping.
    pub fn is_stopping(&self) -> bool {
        self.core().is_stopping()
    }

    pub(crate) fn content_mut(&self) -> RwLockWriteGuard<'_, Content> {
        let mut content = self.0.content.write().unwrap_or_else(PoisonError::into_inner);
        content.revise();
        content
    }

    /// Does `work` to its end, also when whoever asked for it goes away meanwhile: what was committed must
    /// show in memory as well.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.core().spawn("change", work).await.unwrap_or_else(|gone| Err(gone.into()))
    }

    /// Commits on behalf of this process.
    pub(crate) async fn commit(&self, expect: Vec<Expect>, changes: Vec<Change>) -> Result<(), Error> {
        self.core().commit(expect, changes).await
    }

    pub(crate) fn mint<T: From<petrel_model::Id>>(&self, now: Timestamp) -> T {
        self.core().mint(now)
    }
}

/// When the newest thing was stored: ids and stamps grow with the time.
async fn newest(store: &dyn Store) -> Result<Timestamp, Error> {
    let executions = store.executions(&ExecutionFilter::default(), None, 1).await?.items;
    let events = store.trigger_instances(None, None, 1).await?.items;
    let times = executions.iter().flat_map(|execution| {
        execution.log.iter().map(|entry| entry.timestamp).chain([execution.requested_at])
    });
    Ok(times.chain(events.iter().map(|event| event.occurrence_time)).max().unwrap_or_default())
}
