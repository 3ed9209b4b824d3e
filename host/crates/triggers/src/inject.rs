//! The runner of `core.inject_trigger`: an action that sends an event. The event belongs to the trace of the execution, and
//! counts as one that an action has led to.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use petrel_engine_core::Error;
use petrel_model::Object;
use petrel_model::parameters::Parameters;
use petrel_runners::{Call, Outcome, OutputSink, Runner, RunnerType, Runs, Slots};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::emission::Emission;
use crate::named::named;
use crate::service::{Triggers, WeakTriggers};

/// The way from the runner to the service, which is made later: the service stands on the runners.
#[derive(Debug, Clone, Default)]
pub struct Injection(Arc<OnceLock<WeakTriggers>>);

impl Injection {
    /// The runner type. Until [`begin`](Self::begin) its actions fail.
    pub fn runs(&self) -> Runs {
        let name = "inject-trigger";
        Runs::by(InjectTrigger {
            injection: self.clone(),
            // The action declares what it takes.
            runner_type: RunnerType { name, description: "Sends an event", parameters: Parameters::new() },
        })
    }

    /// Has the actions send their events to `triggers`.
    pub fn begin(&self, triggers: &Triggers) {
        // There is one service for each host.
        let _is_first = self.0.set(triggers.downgrade());
    }
}

struct InjectTrigger {
    injection: Injection,
    runner_type: RunnerType,
}

impl InjectTrigger {
    async fn send(&self, call: &Call) -> Result<Value, Error> {
        let triggers = self.injection.0.get().and_then(WeakTriggers::upgrade).ok_or(Error::Stopping)?;
        let text = |name: &str| call.parameters.get(name).and_then(Value::as_str);
        let payload = call.parameters.get("payload").and_then(Value::as_object);
        let execution = triggers.store().execution(call.execution_id).await?;
        let own = execution.as_ref().map(petrel_model::Execution::trace_id);
        let own_tag = execution.as_ref().and_then(|execution| execution.context.trace_tag.clone());
        let (trace, tag) = named(text("trace_tag"))?;
        let depth = execution.as_ref().map_or(0, |execution| execution.context.event_depth);
        let emission = Emission {
            trigger: text("trigger").unwrap_or_default().to_owned(),
            parameters: Object::new(),
            payload: payload.cloned().unwrap_or_default(),
            trace: trace.or(own),
            trace_tag: tag.or_else(|| own_tag.filter(|_tag| trace.is_none())),
            caused_by: Some(call.execution_id),
            depth: depth.saturating_add(1),
            once: None,
        };
        let accepted = triggers.send(emission).await?;
        Ok(json!({"trigger_instance": accepted.id, "executions": accepted.executions}))
    }
}

#[async_trait]
impl Runner for InjectTrigger {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        match self.send(&call).await {
            Ok(sent) => Outcome::succeeded(sent),
            Err(error) => Outcome::failed(error.code(), error.to_string(), error.hint()),
        }
    }
}
