//! The handle of the service, and its state. Each of the other files adds the methods for one concern.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use petrel_datastore::Keys;
use petrel_engine_core::{Changing, Core, Decided, Error, Evaluations, Mirror};
use petrel_model::capabilities::Given;
use petrel_model::secrets::has_secret;
use petrel_runners::Runs;
use petrel_runners::asked::KeyValues;
use petrel_runners::host_keys::HostKeys;
use petrel_workflows::conductor::Secrets;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config_files;
use crate::content::{Content, Runners};
use crate::host_keys::Pins;
use crate::pack_files::Looks;

/// Settings of the catalog.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory with configurations of packs, as `packs/NAME.yaml`. Default: none.
    pub config_directory: Option<PathBuf>,
    /// What the settings grant to packs, and the ceiling of all grants. Default: nothing, without a ceiling.
    pub given: Given,
}

/// The service that has the catalog. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog(Arc<Inner>);

/// A catalog that this does not keep.
pub(crate) struct WeakCatalog(Weak<Inner>);

impl WeakCatalog {
    /// The catalog, as long as somebody has it.
    pub(crate) fn get(&self) -> Option<Catalog> {
        self.0.upgrade().map(Catalog)
    }
}

/// The number of changes of rules that are decided on at once: each takes a processor.
const DECISIONS: usize = 2;

struct Inner {
    core: Core,
    keys: Keys,
    evaluations: Evaluations,
    options: Options,
    content: Mirror<Content>,
    /// The turns of decisions on rules. They are of one host: several may be in a process, as in the simulation.
    rule_turns: Semaphore,
    looks: Looks,
}

impl Catalog {
    pub(crate) fn looks(&self) -> &Looks {
        &self.0.looks
    }

    /// Loads the catalog from the store of `core` and the files of the operator, for a host with these runners.
    /// Configurations read the datastore through `keys`; long evaluations go to `evaluations`.
    ///
    /// # Errors
    /// When the store cannot be read. An invalid file is reported in the log.
    pub async fn load(
        core: Core,
        keys: Keys,
        evaluations: Evaluations,
        runners: Runners,
        options: Options,
    ) -> Result<Self, Error> {
        let mut content = Content::load(core.store(), runners, options.given.clone()).await?;
        // After the store, because a file wins over a configuration of the API.
        if let Some(directory) = &options.config_directory {
            config_files::read_all(directory, &mut content);
        }
        let asked: Arc<dyn KeyValues> = Arc::new(keys.clone());
        content.runners().values().filter_map(Runs::runner).for_each(|runner| runner.take_keys(&asked));
        let outbox = core.clone();
        // Before the content is shown: who has seen a rule listen will not miss its events.
        let listen = move |content: &Content| {
            outbox.listen_to(content.internal_events());
            // Nobody sees a grant before it counts, and nothing is done any more with one that is gone.
            let runners = content.runners().values().filter_map(Runs::runner);
            runners.for_each(|runner| runner.take_rights(content.all_rights()));
        };
        let (content, rule_turns) = (Mirror::watched(content, listen), Semaphore::new(DECISIONS));
        let looks = Looks::default();
        let inner = Arc::new(Inner { core, keys, evaluations, options, content, rule_turns, looks });
        let pins: Arc<dyn HostKeys> = Arc::new(Pins(WeakCatalog(Arc::downgrade(&inner))));
        let runners = inner.content.get();
        runners.runners().values().filter_map(Runs::runner).for_each(|runner| runner.take_host_keys(&pins));
        Ok(Self(inner))
    }

    /// Waits for a turn to decide on a change of rules. It lasts until it is dropped.
    pub(crate) async fn rule_turn(&self) -> Option<SemaphorePermit<'_>> {
        // It fails only when the semaphore is closed, and nobody closes it.
        self.0.rule_turns.acquire().await.ok()
    }

    /// A snapshot of the catalog. It never changes; do not keep it for long.
    pub fn content(&self) -> Arc<Content> {
        self.0.content.get()
    }

    /// A number that grows with each change. To know the state that something holds for, get this before
    /// [`content`](Self::content).
    pub fn version(&self) -> u64 {
        self.0.content.version()
    }

    /// Waits until [`version`](Self::version) is another one than `version`.
    pub async fn changed_since(&self, version: u64) {
        self.0.content.changed_since(version).await;
    }

    /// The secret parameters of actions, as they are registered at the time of each call.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::<Inner>::clone(&self.0)
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn evaluations(&self) -> &Evaluations {
        &self.0.evaluations
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    /// Keeps others from changing the catalog until the change is made or dropped.
    pub(crate) async fn begin_change(&self) -> Changing<'_, Content> {
        self.0.content.begin().await
    }

    /// Decides on the present catalog, commits, and then shows the change.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&Content) -> Result<Decided<Content, R>, Error> + Send + 'static,
    ) -> Result<R, Error> {
        self.0.content.change(&self.0.core, decide).await
    }
}

impl Secrets for Inner {
    fn is_secret(&self, action: &str, parameter: Option<&str>) -> bool {
        let content = self.content.get();
        let known = action.parse().ok().and_then(|reference| content.registered(&reference));
        // Nothing is known of an action that is not registered, so everything may be secret.
        known.is_none_or(|action| match parameter {
            Some(name) => action.signature.is_secret(name),
            None => action.parameters.values().any(has_secret),
        })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("options", &self.options).finish_non_exhaustive()
    }
}
