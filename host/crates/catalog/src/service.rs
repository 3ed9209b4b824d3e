//! The handle of the service, and its state. What can be done with it stands beside what it is done to: each file adds one
//! concern.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_datastore::Keys;
use petrel_engine_core::{Changing, Core, Decided, Error, Evaluations, Mirror};
use petrel_model::secrets::has_secret;
use petrel_workflows::conductor::Secrets;

use crate::config_files;
use crate::content::{Content, Runners};

/// Settings of the catalog.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where configurations of packs are, as `packs/NAME.yaml`. Default: nowhere.
    pub config_directory: Option<PathBuf>,
}

/// The service that knows what is registered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog(Arc<Inner>);

struct Inner {
    core: Core,
    keys: Keys,
    evaluations: Evaluations,
    options: Options,
    content: Mirror<Content>,
}

impl Catalog {
    /// The service over what the store of `core` holds and the files of the operator say, for a host with these runners.
    /// Configurations read the datastore by `keys`; what takes long to evaluate goes to `evaluations`.
    ///
    /// # Errors
    /// When the store cannot be read. A file that will not do is told in the log.
    pub async fn load(
        core: Core,
        keys: Keys,
        evaluations: Evaluations,
        runners: Runners,
        options: Options,
    ) -> Result<Self, Error> {
        let mut content = Content::load(core.store(), runners).await?;
        if let Some(directory) = &options.config_directory {
            config_files::read_all(directory, &mut content);
        }
        let content = Mirror::new(content);
        Ok(Self(Arc::new(Inner { core, keys, evaluations, options, content })))
    }

    /// What is registered now. It stays as it is, whatever changes; do not keep it for long.
    pub fn content(&self) -> Arc<Content> {
        self.0.content.get()
    }

    /// What tells what is registered now from what it is after a change. To know of which state something holds, ask for this
    /// before [`content`](Self::content).
    pub fn version(&self) -> u64 {
        self.0.content.version()
    }

    /// What is secret among the parameters of actions, as they are registered when it is asked.
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

    /// Keeps others from changing anything, until the change is made or dropped.
    pub(crate) async fn begin_change(&self) -> Changing<'_, Content> {
        self.0.content.begin().await
    }

    /// Decides on what is registered now, commits, and then shows it.
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
        // Of what is not there nothing is known.
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
