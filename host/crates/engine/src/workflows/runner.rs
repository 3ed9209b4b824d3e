//! The runner types of workflows. The engine conducts them itself, so what they say of themselves is all
//! there is to them as runners.

use async_trait::async_trait;
use petrel_catalog::workflows::{ACTION_CHAIN, ORQUESTA};
use petrel_model::parameters::Parameters;
use petrel_runners::{Call, Outcome, OutputSink, Runner, RunnerType, Slots};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// What a runner of workflows says of itself.
#[derive(Debug)]
pub struct WorkflowRunner(RunnerType);

impl WorkflowRunner {
    /// The runner of Orquesta's workflows.
    pub fn orquesta() -> Self {
        Self(RunnerType {
            name: ORQUESTA,
            description: "A workflow in the language of Orquesta.",
            parameters: parameters(&json!({
                "notify": {
                    "type": "array", "default": [],
                    "description": "The tasks of which somebody is told.",
                },
                "context": {
                    "type": "object", "default": {},
                    "description": "Variables that the workflow begins with.",
                },
            })),
            slots: Slots::Workflow,
        })
    }

    /// The runner of action chains.
    pub fn action_chain() -> Self {
        Self(RunnerType {
            name: ACTION_CHAIN,
            description: "A chain of actions, one after the other.",
            parameters: parameters(&json!({
                "skip_notify": {
                    "type": "array", "default": [],
                    "description": "The tasks of which nobody is told.",
                },
                "display_published": {
                    "type": "boolean", "default": true,
                    "description": "Whether the result shows what was published.",
                },
            })),
            slots: Slots::Workflow,
        })
    }
}

fn parameters(value: &serde_json::Value) -> Parameters {
    value.as_object().cloned().unwrap_or_default()
}

#[async_trait]
impl Runner for WorkflowRunner {
    fn runner_type(&self) -> &RunnerType {
        &self.0
    }

    async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        Outcome::failed("workflow", "a workflow is conducted, not run", "this is a mistake in petrel")
    }
}
