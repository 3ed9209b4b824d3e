//! The runner types of workflows. The host conducts workflows itself, so these types are nothing but
//! descriptions.

use std::sync::Arc;

use petrel_model::parameters::Parameters;
use petrel_runners::{RunnerType, Runs};
use petrel_workflows::Language;
use serde_json::json;

use super::notify;

/// The runner type of Orquesta's workflows.
pub fn orquesta() -> Runs {
    Runs::Conducted(Arc::new(RunnerType {
        name: Language::Orquesta.runner(),
        description: "A workflow in the language of Orquesta.",
        parameters: parameters(&json!({
            (notify::TOLD): {
                "type": "array", "default": [],
                "description": "The tasks of which somebody is told.",
            },
            "context": {
                "type": "object", "default": {},
                "description": "Variables that the workflow begins with.",
            },
        })),
    }))
}

/// The runner type of action chains.
pub fn action_chain() -> Runs {
    Runs::Conducted(Arc::new(RunnerType {
        name: Language::Chain.runner(),
        description: "A chain of actions, one after the other.",
        parameters: parameters(&json!({
            (notify::SKIPPED): {
                "type": "array", "default": [],
                "description": "The tasks of which nobody is told.",
            },
            "display_published": {
                "type": "boolean", "default": true,
                "description": "Whether the result shows what was published.",
            },
        })),
    }))
}

fn parameters(value: &serde_json::Value) -> Parameters {
    value.as_object().cloned().unwrap_or_default()
}
