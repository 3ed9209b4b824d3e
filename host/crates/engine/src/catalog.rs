//! What services ask of what is registered: one narrow handle, which is cheap to clone. What is behind it is in
//! [`content`](crate::content), [`configuration`](crate::configuration) and [`evaluation`](crate::evaluation).

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use petrel_datastore::Keys;
use petrel_engine_core::Core;

use crate::content::Content;
use crate::error::Error;
use crate::evaluation::Evaluations;

/// What is registered, for services that read it.
#[derive(Clone)]
pub struct Catalog {
    core: Core,
    content: Arc<RwLock<Content>>,
    keys: Keys,
    evaluations: Arc<Evaluations>,
    /// How long the expressions of one event, request or execution may take together.
    longest_evaluation: Duration,
}

impl Catalog {
    pub(crate) fn new(
        core: Core,
        content: Arc<RwLock<Content>>,
        keys: Keys,
        evaluations: Arc<Evaluations>,
        longest_evaluation: Duration,
    ) -> Self {
        Self { core, content, keys, evaluations, longest_evaluation }
    }

    /// What is registered now.
    pub(crate) fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of the datastore.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Does `work` on a thread of its own. Evaluations in it fail when they take longer than the operator allows.
    ///
    /// # Errors
    /// When the host stops meanwhile. Nothing came of it then.
    pub(crate) async fn heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.evaluations.run(&self.core, Some(self.longest_evaluation), work).await
    }

    /// As [`heavy`](Self::heavy) for what must come out the same when it is done again later: only the host's stop ends
    /// it from outside. What it takes is bounded by what is done in it.
    pub(crate) async fn heavy_and_exact<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.evaluations.run(&self.core, None, work).await
    }

    /// Refuses what may be refused when much waits to be evaluated already.
    pub(crate) fn check_evaluations(&self) -> Result<(), Error> {
        self.evaluations.check()
    }
}
