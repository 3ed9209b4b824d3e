//! The service with the services that it stands on, and a pack whose actions never run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use petrel_catalog::Catalog;
use petrel_catalog::content::Runners;
use petrel_datastore::Keys;
use petrel_engine_core::{Core, Error, Evaluations, SetClock};
use petrel_executions::Queue;
use petrel_model::{Enforcement, Execution, Object, Status, StatusEvent, TriggerInstance};
use petrel_persistence::{Change, Commit, CommitError, ExecutionFilter, MemoryStore, Store as _};
use petrel_runners::{Call, Outcome, OutputSink, Runner, RunnerType, Runs, Slots};
use petrel_store_suite::{Altered, Difference};
use petrel_triggers::{Accepted, Explanation, Options, SensorRunners, Triggers};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The actions of the pack: name, runner, further lines of its metadata.
const ACTIONS: [(&str, &str, &str); 3] =
    [("act", "idle", ""), ("switched_off", "idle", "enabled: false\n"), ("elsewhere", "no-such-runner", "")];
/// The parameters of each of them.
const PARAMETERS: &str =
    "parameters: {value: {type: string}, number: {type: integer}, password: {type: string, secret: true}}\n";
/// The output of each of them.
const OUTPUT: &str = "output_schema: {type: object, properties: {error: {type: string}}}\n";

/// The files of triggers of the pack `core`.
const TRIGGERS: [(&str, &str); 7] = [
    ("action", include_str!("../../../../../packs/core/triggers/action_trigger.yaml")),
    ("notify", include_str!("../../../../../packs/core/triggers/notify_trigger.yaml")),
    ("written", include_str!("../../../../../packs/core/triggers/file_written.yaml")),
    ("correlation", include_str!("../../../../../packs/core/triggers/correlation.yaml")),
    ("interval", include_str!("../../../../../packs/core/triggers/interval_timer.yaml")),
    ("date", include_str!("../../../../../packs/core/triggers/date_timer.yaml")),
    ("cron", include_str!("../../../../../packs/core/triggers/cron_timer.yaml")),
];

/// A runner that is never asked.
struct Idle(RunnerType);

#[async_trait]
impl Runner for Idle {
    fn runner_type(&self) -> &RunnerType {
        &self.0
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        panic!("nothing is run here")
    }
}

/// A disk that has no room for so many of the next commits, and may be slow, with a store that was perhaps restored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Full {
    refused: Arc<AtomicUsize>,
    is_slow: Arc<AtomicBool>,
    hesitates: Arc<AtomicBool>,
    held: Arc<AtomicUsize>,
}

impl Full {
    /// Refuses the next commits.
    pub(crate) fn refuse(&self, count: usize) {
        self.refused.store(count, Ordering::SeqCst);
    }

    /// Tells of a commit only some time after it was made.
    pub(crate) fn linger(&self) {
        self.is_slow.store(true, Ordering::SeqCst);
    }

    /// Makes a commit only some time after it was asked for.
    pub(crate) fn hesitate(&self) {
        self.hesitates.store(true, Ordering::SeqCst);
    }

    /// So many executions are held since a restore.
    pub(crate) fn hold(&self, count: usize) {
        self.held.store(count, Ordering::SeqCst);
    }

    /// How many commits are still to be refused.
    pub(crate) fn left(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Difference for Full {
    async fn commit(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError> {
        let refused =
            self.refused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if refused.is_ok() {
            return Err(CommitError::NoRoom("the disk is full, on purpose".into()));
        }
        if self.hesitates.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let made = below.commit(commit).await;
        if self.is_slow.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        made
    }

    fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

/// The service, and those that it stands on.
pub(crate) struct House {
    pub(crate) triggers: Triggers,
    pub(crate) catalog: Catalog,
    pub(crate) core: Core,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) store: Altered<Full>,
    pub(crate) queue: Queue,
    keys: Keys,
    options: (Options, petrel_executions::Options, SensorRunners),
    place: Arc<TempDir>,
}

impl House {
    /// A house with the packs `core`, which has webhooks and timers, and `house`, which has actions.
    pub(crate) async fn new() -> Self {
        Self::with(Options::default(), petrel_executions::Options::default()).await
    }

    /// The same with these settings.
    pub(crate) async fn with(options: Options, executions: petrel_executions::Options) -> Self {
        Self::watching(options, executions, SensorRunners::default()).await
    }

    /// The same with what runs sensors.
    pub(crate) async fn watching(
        options: Options,
        executions: petrel_executions::Options,
        runners: SensorRunners,
    ) -> Self {
        let (store, clock) = (Altered::default(), Arc::new(SetClock::default()));
        let place = Arc::new(TempDir::new().unwrap());
        let house = Self::over(store, clock, (options, executions, runners), place).await;
        house.webhook(&json!({})).await;
        house.write_pack(
            "house",
            &ACTIONS.map(|(name, runner, lines)| {
                (
                    format!("actions/{name}.yaml"),
                    format!("name: {name}\nrunner_type: {runner}\n{lines}{PARAMETERS}{OUTPUT}"),
                )
            }),
        );
        house.register("house").await;
        house
    }

    /// The next process, once this one has stopped. The clock goes on.
    pub(crate) async fn next_process(&self) -> Self {
        self.next_process_with(self.options.0.clone()).await
    }

    /// As [`next_process`](Self::next_process), with other options.
    pub(crate) async fn next_process_with(&self, options: Options) -> Self {
        self.core.stop(Duration::ZERO).await;
        let (clock, place) = (Arc::clone(&self.clock), Arc::clone(&self.place));
        let options = (options, self.options.1.clone(), Arc::clone(&self.options.2));
        Self::over(self.store.reopen(), clock, options, place).await
    }

    async fn over(
        store: Altered<Full>,
        clock: Arc<SetClock>,
        options: (Options, petrel_executions::Options, SensorRunners),
        place: Arc<TempDir>,
    ) -> Self {
        let core = Core::new(Arc::new(store.clone()), Arc::<SetClock>::clone(&clock));
        let idle = RunnerType { name: "idle", description: "", parameters: Object::new() };
        let runners: Runners = [Runs::by(Idle(idle))].map(Runs::named).into();
        let keys = Keys::load(core.clone()).await.unwrap();
        let evaluations = Evaluations::new(core.clone(), Duration::from_secs(5));
        let (known, own) = (evaluations.clone(), petrel_catalog::Options::default());
        let catalog = Catalog::load(core.clone(), keys.clone(), known, runners, own).await.unwrap();
        let queue = Queue::new(core.clone(), catalog.clone(), keys.clone(), evaluations, options.1.clone());
        let triggers = Triggers::new(queue.clone(), options.0.clone(), Arc::clone(&options.2));
        Self { triggers, catalog, core, clock, store, queue, keys, options, place }
    }

    /// Registers the pack `core` with timers and the events of actions, and with a webhook whose payload has this schema.
    pub(crate) async fn webhook(&self, payload_schema: &Value) {
        let parameters =
            json!({"type": "object", "properties": {"url": {"type": "string", "required": true}}});
        let text = json!({
            "name": "st2.webhook",
            "parameters_schema": parameters,
            "payload_schema": payload_schema,
        });
        let others =
            TRIGGERS.iter().map(|(name, text)| (format!("triggers/{name}.yaml"), (*text).to_owned()));
        let webhook = ("triggers/webhook.yaml".to_owned(), text.to_string());
        self.write_pack("core", &others.chain([webhook]).collect::<Vec<_>>());
        self.register("core").await;
    }

    /// Writes the files of a pack, with a `pack.yaml` if that is not among them.
    pub(crate) fn write_pack(&self, name: &str, files: &[(String, String)]) {
        let metadata =
            format!("ref: {name}\nname: {name}\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
        for (file, text) in [&("pack.yaml".to_owned(), metadata)].into_iter().chain(files) {
            let path = self.place.path().join(name).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    pub(crate) async fn register(&self, name: &str) {
        self.catalog.register_pack(&self.place.path().join(name), true).await.unwrap();
    }

    /// Makes a rule.
    pub(crate) async fn rule(&self, text: &str) {
        self.catalog.create_rule(text, "ada").await.unwrap();
    }

    /// Sets a key of the datastore.
    pub(crate) async fn set_key(&self, name: &str, value: &str) {
        self.keys.set(name, value).await.unwrap();
    }

    /// Sends an event to a webhook.
    pub(crate) async fn post(&self, url: &str, body: Value) -> Result<Accepted, Error> {
        self.triggers.accept_webhook(url, json!({"body": body})).await
    }

    /// All events, newest first.
    pub(crate) async fn events(&self) -> Vec<TriggerInstance> {
        self.triggers.reads().trigger_instances(None, None, 10_000).await.unwrap().items
    }

    /// An event as it is stored.
    pub(crate) async fn event(&self, accepted: &Accepted) -> TriggerInstance {
        self.triggers.reads().trigger_instance(accepted.id).await.unwrap().unwrap()
    }

    /// The enforcements of an event.
    pub(crate) async fn enforcements(&self, accepted: &Accepted) -> Vec<Enforcement> {
        let mut found = Vec::new();
        for id in self.event(accepted).await.enforcements {
            found.extend(self.triggers.reads().enforcement(id).await.unwrap());
        }
        found
    }

    /// All executions, oldest first.
    pub(crate) async fn executions(&self) -> Vec<Execution> {
        let all = self.core.store().executions(&ExecutionFilter::default(), None, 10_000).await;
        let mut all = all.unwrap().items;
        all.reverse();
        all
    }

    /// The first execution that an event led to, as it is stored.
    pub(crate) async fn execution(&self, accepted: &Accepted) -> Execution {
        self.core.store().execution(*accepted.executions.first().unwrap()).await.unwrap().unwrap()
    }

    /// Stores the failure of the first execution that an event led to, as an executor does.
    pub(crate) async fn fail(&self, accepted: &Accepted, result: Value) {
        self.end(self.execution(accepted).await, result).await;
    }

    /// The same of the oldest execution.
    pub(crate) async fn fail_first(&self) {
        self.end(self.executions().await.remove(0), json!({})).await;
    }

    async fn end(&self, mut execution: Execution, result: Value) {
        for event in [StatusEvent::Scheduled, StatusEvent::Started, StatusEvent::Failed] {
            execution.apply(event, self.core.now()).unwrap();
        }
        assert_eq!(execution.status, Status::Failed);
        execution.result = Some(Arc::new(result));
        self.core.commit(Vec::new(), vec![Change::UpdateExecution(execution)]).await.unwrap();
    }

    /// The explanation of each rule's verdict on an event, in the order of their names.
    pub(crate) async fn explain(&self, accepted: &Accepted) -> Vec<Explanation> {
        self.triggers.explain(&self.event(accepted).await, true).await.unwrap()
    }
}

/// The text of a rule of the pack for the events of a webhook; `lines` go before the action.
pub(crate) fn rule(name: &str, url: &str, action: &str, lines: &str) -> String {
    format!(
        "name: {name}\npack: house\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {url}}}}}\n{lines}\
         action: {{ref: house.{action}}}\n"
    )
}

/// The same with the template of a value for the action.
pub(crate) fn with_value(name: &str, value: &str) -> String {
    let plain = rule(name, "sample", "act", "");
    let (before, _) = plain.split_once("action:").unwrap();
    format!("{before}action: {{ref: house.act, parameters: {{value: \"{value}\"}}}}\n")
}

/// A criterion on the field `color` of the body.
pub(crate) fn criterion(operator: &str, pattern: &str) -> String {
    format!("criteria: {{trigger.body.color: {{type: {operator}, pattern: \"{pattern}\"}}}}\n")
}

/// The code of a refusal, which names a remedy, and its message.
pub(crate) fn refused<T>(result: Result<T, Error>) -> (&'static str, String) {
    let Err(error) = result else { panic!("it is not refused") };
    assert!(!error.hint().is_empty(), "{error}");
    (error.code(), error.to_string())
}
