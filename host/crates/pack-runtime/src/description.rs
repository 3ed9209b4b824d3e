//! What a component tells about itself: its actions, from which their metadata is written.
//!
//! The component is asked in the sandbox with nothing granted and little time. How metadata is written as
//! YAML is in `petrel-packs`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, Object, Ref};
use petrel_runners::OutputSink;
use petrel_runners::shares::{Holder, Root};
use serde::Deserialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::call_record::CallRecord;
use crate::component_cache::LoadedComponent;
use crate::grants::Grants;
use crate::instance::{Held, Instance};
use crate::limits::{Limits, watch};
use crate::output::Output;
use crate::pool::{Admitted, Wanted};
use crate::{LoadError, PackRuntime};

/// What a component tells about itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Description {
    /// The actions that it carries.
    pub actions: Vec<ActionDescription>,
}

/// What a component tells about one of its actions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ActionDescription {
    /// The name within the pack.
    pub name: String,
    /// One line on what it does. Default: empty.
    #[serde(default)]
    pub description: String,
    /// What it takes, in StackStorm's dialect. Default: nothing.
    #[serde(default)]
    pub parameters: Parameters,
    /// What it gives. Default: not said.
    #[serde(default)]
    pub output_schema: Object,
    /// Whether running it twice does no more than running it once. Default: no.
    #[serde(default)]
    pub idempotent: bool,
}

/// Why there is no description.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// The component cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It failed when it was asked.
    #[error("the component could not describe itself: {0}; an action's metadata can also be written by hand")]
    Failed(String),
    /// Others hold all the memory.
    #[error(
        "the component could not be asked to describe itself: the components that run left no memory for it within {} s; \
         check again later, or raise components.memory_mib",
        LONGEST_WAIT.as_secs()
    )]
    NoRoom,
    /// What it said is not a description.
    #[error(
        "the description that the component gives is not understood: {0}; build it with an SDK of this version"
    )]
    NotUnderstood(#[from] serde_json::Error),
}

/// What one is called in messages that is in no file.
const GIVEN: &str = "the given component";
/// How long a component may take to describe itself.
const LONGEST: Duration = Duration::from_secs(10);
/// How long it waits at most for the memory to do so.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl ActionDescription {
    /// The action's metadata, for a component at `entry_point` (relative to the pack) of `pack`.
    pub fn into_action(self, pack: &str, entry_point: &str) -> Action {
        Action {
            expressions: petrel_model::action::Evaluation::default(),
            reference: Ref::new(pack, &self.name),
            description: self.description,
            enabled: true,
            runner_type: COMPONENT_RUNNER.to_owned(),
            entry_point: entry_point.to_owned(),
            parameters: self.parameters,
            output_schema: self.output_schema,
            idempotent: self.idempotent,
            tags: Vec::new(),
            notify: Object::new(),
        }
    }
}

impl PackRuntime {
    /// What the component at `path` tells about itself; `None` if it has nothing to tell.
    pub async fn describe(&self, path: &Path) -> Result<Option<Description>, DescribeError> {
        let component = self.core().await?.components.get(path).await?;
        self.describe_loaded(component, &path.display().to_string()).await
    }

    /// As [`PackRuntime::describe`], for a component that is not in a file yet.
    pub async fn describe_bytes(&self, component: Vec<u8>) -> Result<Option<Description>, DescribeError> {
        let component = self.core().await?.components.load_bytes(component, GIVEN).await?;
        self.describe_loaded(Arc::new(component), GIVEN).await
    }

    async fn describe_loaded(
        &self,
        component: Arc<LoadedComponent>,
        name: &str,
    ) -> Result<Option<Description>, DescribeError> {
        let core = self.core().await?;
        let failed = |reason: String| DescribeError::Failed(reason);
        let limits = Limits { cpu: LONGEST, ..self.options().limits.clone() };
        let record = Arc::new(CallRecord::new(Output::new(OutputSink::new(0), &limits)));
        // All that are asked about themselves are on one account.
        let nobody = Holder { user: Box::default(), root: Root::User(Box::default()) };
        let wanted = Wanted { places: None, ..Wanted::by_call(&component, &nobody, limits.memory) };
        let waited_for = timeout(LONGEST_WAIT, core.pool.wait_for(wanted, name)).await;
        let Admitted { share, permits } = waited_for.map_err(|_elapsed| DescribeError::NoRoom)?;
        let held = Held::new(permits, core.ticker.call());
        let mut instance = Instance::new(component, (held, share), &limits, &Grants::default(), "", &record)
            .map_err(|not_started| failed(not_started.0))?;
        let (deadline, never) = (Instant::now() + LONGEST, CancellationToken::new());
        let describe = async move { instance.describe().await };
        let told = watch(describe, &record, &core.apart, deadline, &never)
            .await
            .map_err(|_stopped| failed(format!("it took longer than {} s", LONGEST.as_secs())))?
            .map_err(|error| failed(format!("{error:#}")))?;
        Ok(told.as_deref().map(serde_json::from_str).transpose()?)
    }
}
