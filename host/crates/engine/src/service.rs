//! The handle to the engine, and its life: start, run, drain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use petrel_expressions::Datastore;
use petrel_model::{ExecutionId, Timestamp};
use petrel_persistence::{Change, Commit, ExecutionFilter, Expect, Store};
use petrel_runners::{ResultRoom, Slots};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{Accounts, SignIns};
use crate::content::{Content, Runners};
use crate::error::Error;
use crate::evaluation::Evaluations;
use crate::events::Events;
use crate::given::GivenRoom;
use crate::ids::Ids;
use crate::incoming::Reading;
use crate::intake::Intake;
use crate::options::Options;
use crate::workflows::Workflows;
use crate::{clock, datastore, recovery, retention, scheduler};

/// How long to wait for the end of what was ended, when the host stops.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// The engine of one host process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: Options,
    pub(crate) content: RwLock<Content>,
    /// Held over a change of content in the store and in memory, so that both see the same order.
    pub(crate) changing_content: tokio::sync::Mutex<()>,
    pub(crate) accounts: RwLock<Accounts>,
    /// As the lock of content, for who may use the host.
    pub(crate) changing_accounts: tokio::sync::Mutex<()>,
    pub(crate) sign_ins: SignIns,
    pub(crate) datastore: RwLock<Arc<Datastore>>,
    pub(crate) workflows: Workflows,
    pub(crate) evaluations: Evaluations,
    pub(crate) reading: Reading,
    pub(crate) ids: Ids,
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
    pub(crate) is_stopping: AtomicBool,
    /// No new starts.
    pub(crate) stop_starting: CancellationToken,
    /// What runs is ended.
    pub(crate) end_running: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Engine {
    /// An engine over `store`, with these runners. It takes in requests from now on and runs nothing
    /// until [`Engine::start`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(store: Arc<dyn Store>, runners: Runners, options: Options) -> Result<Self, Error> {
        clock::go_on_from(newest(store.as_ref()).await?);
        let content = Content::load(store.as_ref(), runners).await?;
        let accounts = Accounts::load(store.as_ref()).await?;
        let datastore = datastore::load(store.as_ref()).await?;
        let engine = Self(Arc::new(Shared {
            accepting: Semaphore::new(options.accepting_limit),
            intake: Intake::new(options.bytes_in_flight),
            given: GivenRoom::new(options.given_limit),
            results: Arc::new(ResultRoom::new(options.results_limit)),
            store,
            options,
            content: RwLock::new(content),
            changing_content: tokio::sync::Mutex::default(),
            accounts: RwLock::new(accounts),
            changing_accounts: tokio::sync::Mutex::default(),
            datastore: RwLock::new(datastore),
            workflows: Workflows::default(),
            evaluations: Evaluations::default(),
            reading: Reading::default(),
            sign_ins: SignIns::default(),
            ids: Ids::random(),
            events: Events::default(),
            running: Mutex::default(),
            work: Notify::new(),
            lifting: tokio::sync::Mutex::default(),
            is_stopping: AtomicBool::new(false),
            stop_starting: CancellationToken::new(),
            end_running: CancellationToken::new(),
            tasks: TaskTracker::new(),
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
            self.0.tasks.spawn(scheduler::Scheduler::new(self.clone(), slots, count).run());
        }
        self.0.tasks.spawn(retention::run(self.clone()));
        self.prepare(None);
        let stop = self.0.stop_starting.clone();
        self.0.tasks.spawn(async move { stop.run_until_cancelled(clock::watch()).await.unwrap_or_default() });
        Ok(report)
    }

    /// Stops in order: nothing new is taken in or started; what runs may go on for a while
    /// ([`Options::drain`]) and is then ended, and recorded as such.
    pub async fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::SeqCst);
        self.0.stop_starting.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(self.0.options.drain, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(seconds = self.0.options.drain.as_secs(), "ending what still runs");
            self.0.end_running.cancel();
            // What cannot be ended is not waited for; the next process finds it.
            drop(tokio::time::timeout(LAST_WAIT, self.0.tasks.wait()).await);
        }
    }

    /// The store, for the services. Who is outside reads through [`Engine::reads`].
    pub(crate) fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// What is registered.
    pub fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.0.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the host is stopping.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::SeqCst)
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
        tokio::spawn(work).await.unwrap_or_else(|gone| Err(gone.into()))
    }

    /// Commits on behalf of this process.
    pub(crate) async fn commit(&self, expect: Vec<Expect>, changes: Vec<Change>) -> Result<(), Error> {
        let commit = Commit { fence: Some(self.0.store.fence()), expect, changes };
        Ok(self.0.store.commit(commit).await?)
    }

    pub(crate) fn mint<T: From<petrel_model::Id>>(&self, now: Timestamp) -> T {
        self.0.ids.mint(now)
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
