//! Descriptions of components: the actions and sensors that a component says it carries. From those of actions their
//! metadata is written.
//!
//! The component is asked in the sandbox with nothing granted, within 10 s. `petrel-packs` writes metadata as YAML.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, Object, Ref};
use petrel_runners::OutputSink;
use petrel_runners::shares::{Holder, Root};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::call_record::CallRecord;
use crate::caller::Caller;
use crate::component_cache::LoadedComponent;
use crate::instance::{Held, Instance, Sandbox};
use crate::limits::{Limits, watch};
use crate::output::Output;
use crate::pool::{Admitted, Wanted};
use crate::{LoadError, PackRuntime};

/// The description that a component gives of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Description {
    /// The actions that it carries. Default: none.
    #[serde(default)]
    pub actions: Vec<ActionDescription>,
    /// The sensors that it carries. Default: none.
    #[serde(default)]
    pub sensors: Vec<SensorDescription>,
}

/// The description of one sensor.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SensorDescription {
    /// The name in the component: `class_name` in the metadata.
    pub name: String,
    /// One line on what it notices. Default: empty.
    #[serde(default)]
    pub description: String,
    /// Seconds between two polls. Default: not said.
    #[serde(default)]
    pub poll_interval: Option<u32>,
    /// The trigger types of its events.
    #[serde(default)]
    pub trigger_types: Vec<TriggerTypeDescription>,
}

/// The description of one trigger type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TriggerTypeDescription {
    /// The name within the pack.
    pub name: String,
    /// One line on what its events say. Default: empty.
    #[serde(default)]
    pub description: String,
    /// The schema of the parameters that rules give. Default: empty, which accepts any.
    #[serde(default)]
    pub parameters_schema: Object,
    /// The schema of the payload. Default: empty, which accepts anything.
    #[serde(default)]
    pub payload_schema: Object,
}

/// The description of one action.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ActionDescription {
    /// The name within the pack.
    pub name: String,
    /// One line on what it does. Default: empty.
    #[serde(default)]
    pub description: String,
    /// The parameters, in StackStorm's dialect of JSON schema. Default: none.
    #[serde(default)]
    pub parameters: Parameters,
    /// The schema of the result. Default: empty, which accepts anything.
    #[serde(default)]
    pub output_schema: Object,
    /// Whether running the action twice has no further effect. Default: no.
    #[serde(default)]
    pub idempotent: bool,
}

/// Reasons why a component could not be described.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// The component cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component failed while it described itself.
    #[error("the component could not describe itself: {0}; an action's metadata can also be written by hand")]
    Failed(String),
    /// Running components hold all the memory.
    #[error(
        "the component could not be asked to describe itself: running components left no memory for it within {} s; \
         check again later, or raise components.memory_mib",
        LONGEST_WAIT.as_secs()
    )]
    NoRoom,
    /// The answer is not a description.
    #[error("the component's description of itself is not valid: {0}; build it with an SDK of this version")]
    NotUnderstood(#[from] serde_json::Error),
}

/// The name, in messages, of a component that is not in a file.
const GIVEN: &str = "the given component";
/// Longest time that a component may take to describe itself.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest time that it waits for memory before.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl ActionDescription {
    /// Turns the description into the metadata of an action of `pack`. `entry_point` is relative to the pack.
    pub fn into_action(self, pack: &str, entry_point: &str) -> Action {
        Action {
            cold: false,
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

impl SensorDescription {
    /// Turns the description into the fields of `sensors/*.yaml`. `entry_point` is relative to the pack.
    pub fn into_metadata(self, entry_point: &str) -> Value {
        let mut fields = Object::new();
        fields.insert("class_name".into(), self.name.into());
        if !self.description.is_empty() {
            fields.insert("description".into(), self.description.into());
        }
        // As in StackStorm, it is relative to the folder of the metadata.
        fields.insert("entry_point".into(), format!("../{entry_point}").into());
        fields.insert("enabled".into(), true.into());
        if let Some(seconds) = self.poll_interval {
            fields.insert("poll_interval".into(), seconds.into());
        }
        let types = self.trigger_types.into_iter().map(TriggerTypeDescription::into_metadata);
        fields.insert("trigger_types".into(), types.collect());
        Value::Object(fields)
    }
}

impl TriggerTypeDescription {
    fn into_metadata(self) -> Value {
        let mut fields = Object::new();
        fields.insert("name".into(), self.name.into());
        if !self.description.is_empty() {
            fields.insert("description".into(), self.description.into());
        }
        if !self.parameters_schema.is_empty() {
            fields.insert("parameters_schema".into(), Value::Object(self.parameters_schema));
        }
        if !self.payload_schema.is_empty() {
            fields.insert("payload_schema".into(), Value::Object(self.payload_schema));
        }
        Value::Object(fields)
    }
}

impl PackRuntime {
    /// Asks the component at `path` for its description. `None` if it exports none.
    pub async fn describe(&self, path: &Path) -> Result<Option<Description>, DescribeError> {
        let component = self.core().await?.components.get(path, None).await?;
        self.describe_loaded(component, &path.display().to_string()).await
    }

    /// As [`PackRuntime::describe`], for a component that is not in a file.
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
        // All components that describe themselves share one account, so that they cannot take more than a user's part.
        let nobody = Holder { user: "".into(), root: Root::User("".into()) };
        let wanted = Wanted { places: None, ..Wanted::by_call(&component, &nobody, limits.memory) };
        let waited_for = timeout(LONGEST_WAIT, core.pool.wait_for(wanted, name)).await;
        let Admitted { share, permits } = waited_for.map_err(|_elapsed| DescribeError::NoRoom)?;
        let held = Held::new(permits, Some(core.ticker.call()));
        let (standing, clients) = (Arc::default(), Arc::default());
        let sandbox = Sandbox { limits: &limits, standing: &standing, clients: &clients };
        let mut instance = Instance::new(component, (held, share), &sandbox, Caller::default(), &record)
            .map_err(|not_started| failed(not_started.0.to_string()))?;
        let (deadline, never) = (Instant::now() + LONGEST, CancellationToken::new());
        let describe = async move { instance.describe().await };
        let told = watch(describe, &record, &core.apart, deadline, &never)
            .await
            .map_err(|_stopped| failed(format!("it took longer than {} s", LONGEST.as_secs())))?
            .map_err(|error| failed(format!("{error:#}")))?;
        Ok(told.as_deref().map(serde_json::from_str).transpose()?)
    }
}
