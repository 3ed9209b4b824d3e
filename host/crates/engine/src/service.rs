//! The handle to the engine, and its life: start, run, drain.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use petrel_access::Access;
use petrel_datastore::Keys;
use petrel_engine_core::{Core, SystemClock};
use petrel_model::{ExecutionId, Timestamp};
use petrel_persistence::{Change, ExecutionFilter, Expect, Store};
use petrel_runners::{ResultRoom, Slots};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::apart::Turns;
use crate::content::{Content, Runners};
use crate::error::Error;
use crate::evaluation::Evaluations;
use crate::events::Events;
use crate::given::GivenRoom;
use crate::incoming::Reading;
use crate::intake::Intake;
use crate::options::Options;
use crate::workflows::Workflows;
use crate::{recovery, retention, scheduler};

/// The engine of one host process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    core: Core,
    pub(crate) options: Options,
    pub(crate) content: RwLock<Content>,
    /// Held over a change of content in the store and in memory, so that both see the same order.
    pub(crate) changing_content: tokio::sync::Mutex<()>,
    /// Who decides on a change of rules.
    pub(crate) rule_turns: Turns,
    access: Access,
    keys: Keys,
    pub(crate) workflows: Workflows,
    pub(crate) evaluations: Evaluations,
    pub(crate) reading: Reading,
    pub(crate) events: Events,
    /// What runs now, so that a cancel reaches it.
    pub(crate) running: Mutex<HashMap<ExecutionId, CancellationToken>>,
    pub(crate) accepting: Semaphore,
    pub(crate) intake: Intake,
    /// Where what runs has its parameters.
    pub(crate) given: GivenRoom,
    /// Where what runs puts its results until they are stored.
    pub(crate) results: Arc<ResultRoom>,
    pub(crate) work: Notify,
    /// Held while what was held since a restore is let go on. Whether that was not taken up to the end.
    pub(crate) lifting: tokio::sync::Mutex<bool>,
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
        let content = Content::load(store, runners).await?;
        let access = Access::load(core.clone(), options.access.clone()).await?;
        let keys = Keys::load(core.clone()).await?;
        let engine = Self(Arc::new(Shared {
            accepting: Semaphore::new(options.accepting_limit),
            intake: Intake::new(options.bytes_in_flight),
            given: GivenRoom::new(options.given_limit),
            results: Arc::new(ResultRoom::new(options.results_limit)),
            core,
            options,
            content: RwLock::new(content),
            changing_content: tokio::sync::Mutex::default(),
            rule_turns: Turns::default(),
            access,
            keys,
            workflows: Workflows::default(),
            evaluations: Evaluations::default(),
            reading: Reading::default(),
            events: Events::default(),
            running: Mutex::default(),
            work: Notify::new(),
            lifting: tokio::sync::Mutex::default(),
        }));
        engine.read_config_files();
        Ok(engine)
    }

    /// Takes up what an earlier process left, then starts to run what is waiting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<recovery::Report, Error> {
        let report = recovery::recover(self).await?;
        for (slots, count) in [
            (Slots::Component, self.0.options.component_slots),
            (Slots::Process, self.0.options.process_slots),
            (Slots::Workflow, self.0.options.workflow_slots),
        ] {
            self.core().spawn("scheduler", scheduler::Scheduler::new(self.clone(), slots, count).run());
        }
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
        &self.0.keys
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
