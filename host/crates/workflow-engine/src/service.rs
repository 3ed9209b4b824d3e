//! The handle of the service, and its state.

use std::fmt;
use std::sync::Arc;

use petrel_catalog::Catalog;
use petrel_engine_core::Core;
use petrel_executions::Queue;
use petrel_model::{Id, Timestamp};
use petrel_persistence::Store;
use petrel_workflows::conductor::Secrets;
use tokio::sync::Semaphore;

use super::closing::Marked;
use super::definitions::Definitions;
use super::mailbox::Workflows;
use super::options::Options;
use super::timers::Timers;

/// The number of workflows that are rebuilt at once. Each has its whole log in memory meanwhile, and a
/// thousand may be needed at the same moment, for example because they all have the same timeout.
const LOADS_AT_ONCE: usize = 4;

/// The service that conducts workflows. Cheap to clone.
#[derive(Clone)]
pub struct WorkflowEngine(Arc<Inner>);

struct Inner {
    queue: Queue,
    options: Options,
    /// The secret parameters of actions, by the present catalog.
    secrets: Arc<dyn Secrets>,
    workflows: Workflows,
    /// Workflows that have not ended, but are about to: nothing begins inside of them.
    closing: Marked,
    /// Workflows of which somebody is ending all that is inside.
    ending: Marked,
    /// Workflows that somebody is ending without their log.
    ending_unread: Marked,
    /// Workflows of an earlier process that this one has not taken up yet: nothing begins inside of them before that.
    behind: Marked,
    definitions: Definitions,
    /// The permits to rebuild a workflow. Their holder waits for nothing but the store and the evaluation of
    /// the log.
    loads: Semaphore,
    timers: Timers,
}

impl WorkflowEngine {
    /// The service, which has its executions run through `queue`.
    pub fn new(queue: Queue, options: Options) -> Self {
        let secrets = queue.catalog().secrets();
        Self(Arc::new(Inner {
            queue,
            options,
            secrets,
            workflows: Workflows::default(),
            closing: Marked::default(),
            ending: Marked::default(),
            ending_unread: Marked::default(),
            behind: Marked::default(),
            definitions: Definitions::default(),
            loads: Semaphore::new(LOADS_AT_ONCE),
            timers: Timers::default(),
        }))
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn secrets(&self) -> &Arc<dyn Secrets> {
        &self.0.secrets
    }

    pub(super) fn workflows(&self) -> &Workflows {
        &self.0.workflows
    }

    pub(super) fn closing(&self) -> &Marked {
        &self.0.closing
    }

    pub(super) fn ending(&self) -> &Marked {
        &self.0.ending
    }

    pub(super) fn ending_unread(&self) -> &Marked {
        &self.0.ending_unread
    }

    pub(super) fn behind(&self) -> &Marked {
        &self.0.behind
    }

    pub(super) fn definitions(&self) -> &Definitions {
        &self.0.definitions
    }

    pub(super) fn loads(&self) -> &Semaphore {
        &self.0.loads
    }

    pub(super) fn timers(&self) -> &Timers {
        &self.0.timers
    }

    pub(super) fn core(&self) -> &Core {
        self.0.queue.core()
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.0.queue.store()
    }

    pub(super) fn catalog(&self) -> &Catalog {
        self.0.queue.catalog()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.core().now()
    }

    pub(super) fn mint<T: From<Id>>(&self, now: Timestamp) -> T {
        self.core().mint(now)
    }
}

impl fmt::Debug for WorkflowEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkflowEngine").field("options", &self.0.options).finish_non_exhaustive()
    }
}
