//! The catalog with the services that it stands on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use petrel_catalog::content::{Content, Runners};
use petrel_catalog::registration::Report;
use petrel_catalog::{Catalog, Options};
use petrel_datastore::Keys;
use petrel_engine_core::{Core, Error, Evaluations, SetClock};
use petrel_model::capabilities::{Given, Granted, RightsTable};
use petrel_model::{Action, Object, Pack, PackConfig, Rule, TriggerType};
use petrel_persistence::{MemoryStore, StoreExt as _};
use petrel_runners::host_keys::HostKeys;
use petrel_runners::{Call, NotPrepared, Outcome, OutputSink, Runner, RunnerType, Runs, Slots};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A runner that runs nothing, and notes all other calls.
pub(crate) struct Noting {
    runner_type: RunnerType,
    noted: Mutex<Vec<String>>,
    rights: Mutex<Arc<RightsTable>>,
    host_keys: Mutex<Option<Arc<dyn HostKeys>>>,
}

impl Noting {
    fn new(name: &'static str) -> Self {
        Self {
            runner_type: described(name),
            noted: Mutex::default(),
            rights: Mutex::default(),
            host_keys: Mutex::default(),
        }
    }

    /// The rights of all packs, as it was told last.
    pub(crate) fn rights(&self) -> Arc<RightsTable> {
        self.rights.lock().unwrap().clone()
    }

    /// What has the keys of other hosts.
    pub(crate) fn host_keys(&self) -> Arc<dyn HostKeys> {
        self.host_keys.lock().unwrap().clone().unwrap()
    }

    fn note(&self, what: &str, path: &Path) {
        let directory = path.file_name().unwrap().to_string_lossy();
        self.noted.lock().unwrap().push(format!("{what} {directory}"));
    }

    /// The calls since the last question, sorted.
    pub(crate) fn noted(&self) -> Vec<String> {
        let mut noted = std::mem::take(&mut *self.noted.lock().unwrap());
        noted.sort();
        noted
    }
}

fn described(name: &'static str) -> RunnerType {
    RunnerType { name, description: "", parameters: Object::new() }
}

#[async_trait]
impl Runner for Noting {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        panic!("nothing is run here")
    }

    async fn prepare(&self, pack_path: &Path, entry_point: &str) -> Result<(), NotPrepared> {
        self.note(&format!("prepare {entry_point}"), pack_path);
        Ok(())
    }

    fn take_rights(&self, rights: &Arc<RightsTable>) {
        *self.rights.lock().unwrap() = Arc::clone(rights);
    }

    fn take_host_keys(&self, keys: &Arc<dyn HostKeys>) {
        *self.host_keys.lock().unwrap() = Some(Arc::clone(keys));
    }

    fn refresh(&self, pack_path: &Path) {
        self.note("refresh", pack_path);
    }

    fn forget(&self, pack_path: &Path) {
        self.note("forget", pack_path);
    }
}

/// The catalog, its store, and directories for packs and configurations.
pub(crate) struct House {
    pub(crate) catalog: Catalog,
    pub(crate) core: Core,
    pub(crate) keys: Keys,
    pub(crate) store: MemoryStore,
    pub(crate) runner: Arc<Noting>,
    place: Arc<TempDir>,
}

impl House {
    /// A house with the pack `core`: a webhook, timers, and an action that does nothing.
    pub(crate) async fn new() -> Self {
        let house = Self::over(MemoryStore::default(), Arc::new(TempDir::new().unwrap())).await;
        let core = house.pack(
            "core",
            &[
                ("actions/noop.yaml", "runner_type: noting\nentry_point: noop\n"),
                ("triggers/webhook.yaml", include_str!("../../../../../packs/core/triggers/webhook.yaml")),
                (
                    "triggers/interval.yaml",
                    include_str!("../../../../../packs/core/triggers/interval_timer.yaml"),
                ),
                ("triggers/date.yaml", include_str!("../../../../../packs/core/triggers/date_timer.yaml")),
                ("triggers/cron.yaml", include_str!("../../../../../packs/core/triggers/cron_timer.yaml")),
            ],
        );
        house.catalog.register_pack(&core, true).await.unwrap();
        house.settled().await;
        house.runner.noted();
        house
    }

    async fn over(store: MemoryStore, place: Arc<TempDir>) -> Self {
        let core = Core::new(Arc::new(store.clone()), Arc::new(SetClock::default()));
        let runner = Arc::new(Noting::new("noting"));
        let orquesta = Runs::Conducted(Arc::new(described("orquesta")));
        let runners: Runners = [Runs::By(runner.clone()), orquesta].map(Runs::named).into();
        let keys = Keys::load(core.clone()).await.unwrap();
        let evaluations = Evaluations::new(core.clone(), std::time::Duration::from_secs(5));
        let config_directory = Some(place.path().join("configs"));
        // As the operator says it with `runners.grant_urls`.
        let by_settings = Granted { http: vec!["https://a.example".parse().unwrap()], ..Granted::default() };
        let given = Given { grants: [("given".to_owned(), by_settings)].into(), ..Given::default() };
        let options = Options { config_directory, given };
        let catalog = Catalog::load(core.clone(), keys.clone(), evaluations, runners, options).await.unwrap();
        Self { catalog, core, keys, store, runner, place }
    }

    /// What the next process finds; this one is fenced off.
    pub(crate) async fn next_process(&self) -> Self {
        Self::over(self.store.reopen(), Arc::clone(&self.place)).await
    }

    /// The path of a file, which need not exist yet.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Lays out a pack of this name with exactly these files, and returns its directory.
    pub(crate) fn pack(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = self.path(name);
        // The directory may not exist yet.
        let _gone = std::fs::remove_dir_all(&directory);
        self.write(
            &format!("{name}/pack.yaml"),
            &format!(
                "ref: {name}\nname: {name}\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n"
            ),
        );
        for (file, text) in files {
            let stem = Path::new(file).file_stem().unwrap().to_string_lossy();
            let is_named = file.contains('/') && !text.lines().any(|line| line.starts_with("name:"));
            let head = if is_named { format!("name: {stem}\n") } else { String::new() };
            self.write(&format!("{name}/{file}"), &format!("{head}{text}"));
        }
        directory
    }

    /// Lays out a pack and registers it.
    pub(crate) async fn register(&self, name: &str, files: &[(&str, &str)]) -> Result<Report, Error> {
        let directory = self.pack(name, files);
        self.catalog.register_pack(&directory, false).await
    }

    /// Waits until all background work has ended.
    pub(crate) async fn settled(&self) {
        while !self.core.running().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// The whole catalog, which must agree with the store: a line for each object, by kind.
    pub(crate) async fn shown(&self) -> Vec<String> {
        let shown = lines(&self.catalog.content());
        let mut stored = Vec::new();
        stored.extend(self.store.all::<Pack>().await.unwrap().iter().map(pack));
        stored.extend(self.store.all::<Action>().await.unwrap().iter().map(action));
        stored.extend(self.store.all::<TriggerType>().await.unwrap().iter().map(trigger_type));
        stored.extend(self.store.all::<Rule>().await.unwrap().iter().map(rule));
        assert_eq!(shown, stored);
        shown
    }

    /// The number of stored configurations.
    pub(crate) async fn stored_configs(&self) -> usize {
        self.store.all::<PackConfig>().await.unwrap().len()
    }

    /// The references of the enabled rules of `pack`.
    pub(crate) fn rules_on(&self, pack: &str) -> Vec<String> {
        let content = self.catalog.content();
        let on = content.rules().filter(|rule| rule.reference.pack() == pack && rule.enabled);
        on.map(|rule| rule.reference.to_string()).collect()
    }
}

fn lines(content: &Content) -> Vec<String> {
    let mut lines: Vec<_> = content.packs().map(|one| pack(one)).collect();
    lines.extend(content.actions().map(|one| action(&one.action)));
    lines.extend(content.trigger_types().map(|one| trigger_type(&one.kind)));
    lines.extend(content.rules().map(|one| rule(one)));
    lines
}

fn pack(pack: &Pack) -> String {
    format!("pack {} {}", pack.reference, pack.version)
}

fn action(action: &Action) -> String {
    format!("action {}", action.reference)
}

fn trigger_type(kind: &TriggerType) -> String {
    format!("trigger {}", kind.reference)
}

fn rule(rule: &Rule) -> String {
    let (on, url) = (if rule.enabled { "on" } else { "off" }, rule.trigger.parameters.get("url"));
    format!("rule {} {on} {}", rule.reference, url.and_then(Value::as_str).unwrap_or_default())
}

/// The code and the message of a refusal, with its remedy.
pub(crate) fn refused<T>(result: Result<T, Error>) -> (&'static str, String) {
    let Err(error) = result else { panic!("it is not refused") };
    assert!(!error.hint().is_empty(), "{error}");
    (error.code(), format!("{error}; {}", error.hint()))
}
