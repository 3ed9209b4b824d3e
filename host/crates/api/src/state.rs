//! What handlers need: the engine, and what the binary hands in beside it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine::Engine;
use petrel_engine::reads::Archived;
use tokio::sync::Semaphore;

use crate::auth::AdminToken;
use crate::{ApiError, Trail, Turns};

/// What handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub engine: Engine,
    /// Who may come in.
    pub access: Arc<Access>,
    /// What is measured, as Prometheus reads it.
    pub figures: Arc<dyn Fn() -> String + Send + Sync>,
    /// Writes backups.
    pub backups: Arc<Backups>,
    /// The packs that came with the host.
    pub shipped: Arc<Shipped>,
    /// What is logged.
    pub log: Arc<dyn LogControl>,
    /// What was refused of late.
    pub trail: Arc<Trail>,
    /// Turns at reading large lists.
    pub turns: Arc<Turns>,
}

/// Who may come in beside those who have an account.
pub struct Access {
    /// The admin's token.
    pub admin_token: AdminToken,
    /// Whether figures are shown to everybody.
    pub open_metrics: bool,
    /// Where the API is, for who has signed in.
    pub api_url: String,
}

/// Writes an archive; what goes wrong in words.
pub(crate) type WriteArchive = dyn Fn(&mut dyn Write) -> Result<Archived, String> + Send + Sync;

/// Makes backups, one at a time.
pub struct Backups {
    pub(crate) write: Arc<WriteArchive>,
    /// Taken by who makes one.
    pub(crate) turn: Arc<Semaphore>,
}

impl Backups {
    /// Backups that `write` writes. It is called on a thread that may block.
    pub fn new(write: impl Fn(&mut dyn Write) -> Result<Archived, String> + Send + Sync + 'static) -> Self {
        Self { write: Arc::new(write), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// Where the name of a pack that came with the host says so.
const BUILTIN: &str = "builtin:";

/// Lays a pack out on the disk, and says where; what goes wrong in words.
pub(crate) type LayOut = dyn Fn(&str) -> Result<PathBuf, String> + Send + Sync;

/// The packs that came with the host.
pub struct Shipped {
    names: Vec<&'static str>,
    pub(crate) lay_out: Arc<LayOut>,
}

impl Shipped {
    /// Packs of these names, which `lay_out` lays out. It is called on a thread that may block.
    pub fn new(
        names: Vec<&'static str>,
        lay_out: impl Fn(&str) -> Result<PathBuf, String> + Send + Sync + 'static,
    ) -> Self {
        Self { names, lay_out: Arc::new(lay_out) }
    }

    /// The known name among them that `text` says with its prefix.
    pub(crate) fn named(&self, text: &str) -> Result<&'static str, ApiError> {
        let name = text.strip_prefix(BUILTIN);
        let known = self.names.iter().copied().find(|known| Some(*known) == name);
        known.ok_or_else(|| {
            let all: Vec<_> = self.names.iter().map(|name| format!("{BUILTIN}{name}")).collect();
            ApiError::invalid(
                format!(
                    "`{}` cannot be installed: only what came with petrel can",
                    petrel_model::quoted::quoted(text)
                ),
                format!(
                    "{}; register what lies in a directory: petrel pack register DIRECTORY",
                    all.join(" or ")
                ),
            )
        })
    }
}

/// What is logged while the host runs.
pub trait LogControl: Send + Sync {
    /// The level, or levels by part.
    fn level(&self) -> String;

    /// Changes it.
    ///
    /// # Errors
    /// What is wrong with it, when it is no level.
    fn set_level(&self, level: &str) -> Result<(), String>;
}
