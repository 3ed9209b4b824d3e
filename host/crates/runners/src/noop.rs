//! The runner `noop`: does nothing and succeeds, as in StackStorm.

use async_trait::async_trait;
use petrel_model::parameters::Parameters;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{Call, Outcome, OutputSink, Runner, RunnerType, Slots};

/// Succeeds at once, whatever the parameters.
#[derive(Debug)]
pub struct Noop {
    runner_type: RunnerType,
}

impl Default for Noop {
    fn default() -> Self {
        Self {
            runner_type: RunnerType {
                name: "noop",
                description: "Does nothing and succeeds",
                parameters: Parameters::new(),
            },
        }
    }
}

#[async_trait]
impl Runner for Noop {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        Outcome::succeeded(json!({"failed": false, "succeeded": true, "return_code": 0}))
    }
}
