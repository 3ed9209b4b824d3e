//! The state of handlers: the engine, and the parts that the binary passes in.

use std::io::Write;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine::Engine;
use petrel_engine::reads::Archived;
use petrel_model::nearest::nearest;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::auth::AdminToken;
use crate::guard::Guards;
use crate::{ApiError, Trail, Turns};

/// The state of all handlers. One pointer, since each request clones it several times.
#[derive(Clone)]
pub struct Api(Arc<ApiParts>);

impl Api {
    /// The state made of `parts`.
    pub fn new(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0
    }
}

/// The parts of the state of handlers.
pub struct ApiParts {
    /// The engine.
    pub engine: Engine,
    /// Admission of callers without an account.
    pub access: Arc<Access>,
    /// Renders the metrics in the text format of Prometheus.
    pub figures: Arc<dyn Fn() -> String + Send + Sync>,
    /// Writes backups.
    pub backups: Arc<Backups>,
    /// The packs that came with the host.
    pub shipped: Arc<Shipped>,
    /// Reads and changes the level of the log.
    pub log: Arc<dyn LogControl>,
    /// The latest refused webhooks.
    pub trail: Arc<Trail>,
    /// Turns at reading large lists.
    pub turns: Arc<Turns>,
    /// Turns at glances: at single objects, and at the starts of lists.
    pub glances: Arc<Turns>,
    /// Turns at inspecting workflows.
    pub inspections: Arc<Inspections>,
    /// The settings of single webhooks.
    pub guards: Arc<Guards>,
}

/// The settings of admission that belong to no account.
pub struct Access {
    /// The admin's token.
    pub admin_token: AdminToken,
    /// Whether `/metrics` answers without a credential.
    pub open_metrics: bool,
    /// The address of the API, which StackStorm's client is told after it has signed in.
    pub api_url: String,
}

/// Writes an archive, with the keys for secrets if that is asked for, or returns the reason why it cannot.
pub(crate) type WriteArchive = dyn Fn(&mut dyn Write, bool) -> Result<Archived, String> + Send + Sync;

/// Makes backups, one at a time.
pub struct Backups {
    pub(crate) write: Arc<WriteArchive>,
    /// Its only permit is held while a backup is made.
    pub(crate) turn: Arc<Semaphore>,
}

impl Backups {
    /// Backups by the function `write`, which is called on a thread that may block, with whether the keys for secrets go along.
    pub fn new(
        write: impl Fn(&mut dyn Write, bool) -> Result<Archived, String> + Send + Sync + 'static,
    ) -> Self {
        Self { write: Arc::new(write), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// Turns at inspecting workflows: one at a time, because an inspection takes memory and a thread of the small pool for
/// blocking work.
#[derive(Debug)]
pub struct Inspections(Semaphore);

impl Default for Inspections {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl Inspections {
    /// Waits for the turn, which ends when it is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.0.acquire().await.ok()
    }
}

/// The prefix that marks a pack as one of the host's own.
const BUILTIN: &str = "builtin:";

/// Lays a pack out on the disk and returns its directory, or the reason why it cannot.
pub(crate) type LayOut = dyn Fn(&str) -> Result<PathBuf, String> + Send + Sync;

/// The packs that come with the host.
pub struct Shipped {
    names: Vec<&'static str>,
    pub(crate) lay_out: Arc<LayOut>,
}

impl Shipped {
    /// Packs with these names. `lay_out` is called on a thread that may block.
    pub fn new(
        names: Vec<&'static str>,
        lay_out: impl Fn(&str) -> Result<PathBuf, String> + Send + Sync + 'static,
    ) -> Self {
        Self { names, lay_out: Arc::new(lay_out) }
    }

    /// The name of a shipped pack, given as `builtin:NAME`.
    pub(crate) fn named(&self, text: &str) -> Result<&'static str, ApiError> {
        let name = text.strip_prefix(BUILTIN);
        let known = self.names.iter().copied().find(|known| Some(*known) == name);
        known.ok_or_else(|| {
            let all: Vec<_> = self.names.iter().map(|name| format!("{BUILTIN}{name}")).collect();
            let near = nearest(name.unwrap_or(text), self.names.iter().copied());
            let near =
                near.map_or_else(String::new, |near| format!("did you mean `{BUILTIN}{near}`? There is "));
            ApiError::invalid(
                format!(
                    "no pack that comes with petrel is named `{}`",
                    petrel_model::quoted::quoted(text)
                ),
                format!(
                    "{near}{}; from a registry: petrel pack install HOST/PATH:TAG; from a directory: petrel pack register \
                     DIRECTORY",
                    all.join(" or ")
                ),
            )
        })
    }
}

/// The control of the log while the host runs.
pub trait LogControl: Send + Sync {
    /// The current level, or levels by module.
    fn level(&self) -> String;

    /// Changes the level.
    ///
    /// # Errors
    /// The reason why `level` is not a level.
    fn set_level(&self, level: &str) -> Result<(), String>;
}
