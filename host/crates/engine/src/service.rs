//! The handle to the engine, and its life: start, run, drain.

use std::sync::Arc;
use std::time::Duration;

use petrel_access::Access;
use petrel_catalog::Catalog;
use petrel_catalog::content::Runners;
use petrel_datastore::Keys;
use petrel_engine_core::{Core, Error, Evaluations, SystemClock};
use petrel_executions::{Executions, Queue, Recovered};
use petrel_model::Timestamp;
use petrel_persistence::{ExecutionFilter, Store};
use petrel_triggers::{Injection, SensorRunners, Triggers};
use petrel_workflow_engine::WorkflowEngine;

use crate::options::Options;
use crate::retention::{self, Retention};

/// The engine of one host process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    core: Core,
    drain: Duration,
    retention: Retention,
    access: Access,
    catalog: Catalog,
    executions: Executions,
    triggers: Triggers,
}

impl Engine {
    /// An engine over `store`, with these runners of actions and of sensors. It accepts requests at once, and runs nothing until
    /// [`Engine::start`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn new(
        store: Arc<dyn Store>,
        runners: Runners,
        sensors: SensorRunners,
        options: Options,
    ) -> Result<Self, Error> {
        // The system's clock may have been set back since the last process wrote.
        SystemClock.go_on_from(newest(store.as_ref()).await?);
        let core = Core::with_vault(store, Arc::new(SystemClock), options.vault.clone());
        Self::on(core, runners, sensors, options).await
    }

    /// As [`new`](Self::new), on existing ground: with its store, its clock and its tasks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn on(
        core: Core,
        runners: Runners,
        sensors: SensorRunners,
        options: Options,
    ) -> Result<Self, Error> {
        // Each service is given those that it stands on, and none knows a later one.
        let access = Access::load(core.clone(), options.access).await?;
        let keys = Keys::load_with(core.clone(), options.datastore).await?;
        let evaluations = Evaluations::new(core.clone(), options.longest_evaluation);
        let known = evaluations.clone();
        let (mut runners, injection) = (runners, Injection::default());
        runners.extend([injection.runs().named()]);
        let catalog = Catalog::load(core.clone(), keys.clone(), known, runners, options.catalog).await?;
        // Actions that call others are bounded as workflows are.
        let of_executions =
            petrel_executions::Options { max_depth: options.workflows.max_depth, ..options.executions };
        let queue = Queue::new(core.clone(), catalog.clone(), keys, evaluations, of_executions);
        let workflows = WorkflowEngine::new(queue.clone(), options.workflows);
        let triggers = Triggers::new(queue.clone(), options.triggers, sensors);
        injection.begin(&triggers);
        let executions = Executions::new(queue, access.clone(), Arc::new(workflows));
        let (drain, retention) = (options.drain, options.retention);
        Ok(Self(Arc::new(Shared { core, drain, retention, access, catalog, executions, triggers })))
    }

    /// Recovers the executions of an earlier process, then starts the schedulers.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<Recovered, Error> {
        let report = self.executions().start().await?;
        let (executions, triggers) = (self.executions().clone(), self.triggers().clone());
        let retention = retention::run(executions, triggers, self.core().clone(), self.0.retention);
        self.core().spawn("retention", retention);
        self.core().spawn("timers", self.triggers().clone().run_timers());
        self.core().spawn("correlations", self.triggers().clone().run_correlations());
        self.core().spawn("outbox", self.triggers().clone().run_outbox());
        if self.keys().has_older_seals() {
            self.core().spawn("reseal", self.keys().clone().reseal());
        }
        let catalog = self.catalog().clone();
        self.core().spawn("seal configurations", async move {
            if let Err(error) = catalog.seal_configs().await {
                tracing::warn!(%error, hint = error.hint(), "failed to encrypt a configuration that is stored in clear");
            }
        });
        self.core().spawn("expiry", self.keys().clone().run_expiry());
        self.core().spawn("sensors", self.triggers().clone().run_sensors());
        // Components are compiled now, so that the first event of each need not wait for that.
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
        self.core().stop(self.0.drain).await;
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

    /// The events: taking them in, and saying what came of them.
    pub fn triggers(&self) -> &Triggers {
        &self.0.triggers
    }

    /// Whether a log line about `subject` may be written now, see [`Core::may_log`].
    pub fn may_log(&self, subject: &str) -> Option<u64> {
        self.core().may_log(subject)
    }

    /// The time now, to the microsecond. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.core().now()
    }

    /// The store, for the services. Surfaces read through [`Engine::reads`].
    pub(crate) fn store(&self) -> &dyn Store {
        self.core().store()
    }

    /// Whether the host is stopping.
    pub fn is_stopping(&self) -> bool {
        self.core().is_stopping()
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
