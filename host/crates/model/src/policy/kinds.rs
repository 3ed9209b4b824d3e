//! The types of policies, as StackStorm describes its own (`st2common/policies/meta`). [`super::effect`] reads their
//! parameters.

use serde_json::{Value, json};

use crate::Object;

/// A type of policies.
#[derive(Debug, Clone, Copy)]
pub struct PolicyType {
    /// `action.concurrency` for example.
    pub reference: &'static str,
    /// One line on its purpose.
    pub description: &'static str,
    parameters: fn() -> Value,
}

impl PolicyType {
    /// The schemas of its parameters, by name.
    pub fn parameters(&self) -> Object {
        match (self.parameters)() {
            Value::Object(parameters) => parameters,
            _ => Object::new(),
        }
    }

    /// The name without the type of the resource.
    pub fn name(&self) -> &'static str {
        self.reference.split_once('.').map_or(self.reference, |(_, name)| name)
    }
}

/// [`PolicyType`] by which at most so many executions of an action run at once.
pub const CONCURRENCY: &str = "action.concurrency";
/// As [`CONCURRENCY`], for executions with equal values of some parameters.
pub const CONCURRENCY_BY_ATTRIBUTE: &str = "action.concurrency.attr";
/// [`PolicyType`] by which a failed execution is tried again.
pub const RETRY: &str = "action.retry";
/// [`PolicyType`] by which at most so many executions start in a time.
pub const RATE_LIMIT: &str = "action.rate_limit";
/// [`PolicyType`] by which the same is not run twice.
pub const DEDUPE: &str = "action.dedupe";

/// All types, in the order of their names. `dedupe` and `rate_limit` are not in StackStorm.
pub static TYPES: [PolicyType; 5] = [
    PolicyType {
        reference: CONCURRENCY,
        description: "Limits the concurrent executions for the action.",
        parameters: || json!({"threshold": threshold(), "action": action("once the threshold has been reached")}),
    },
    PolicyType {
        reference: CONCURRENCY_BY_ATTRIBUTE,
        description: "Limits the concurrent executions for the action by attribute(s).",
        parameters: || {
            json!({
                "threshold": threshold(),
                "action": action("once the threshold has been reached"),
                "attributes": attributes("by which to limit the concurrency"),
            })
        },
    },
    PolicyType {
        reference: DEDUPE,
        description: "Cancels an execution if the same has been run before.",
        parameters: || {
            json!({
                "attributes": attributes("that make two executions the same; all of them by default"),
                "window": {
                    "description": "Number of seconds for which an execution is remembered.",
                    "type": "number", "default": 86_400, "minimum": 1, "maximum": 2_592_000,
                },
            })
        },
    },
    PolicyType {
        reference: RATE_LIMIT,
        description: "Limits the executions for the action that start in a time.",
        parameters: || {
            json!({
                "limit": {
                    "description": "Number of executions that may start in the time.",
                    "type": "integer", "required": true, "minimum": 1, "maximum": 1_000,
                },
                "per": {
                    "description": "The time in seconds.",
                    "type": "number", "required": true, "minimum": 0.1, "maximum": 86_400,
                },
                "action": action("once the limit has been reached"),
                "attributes": attributes("by which to limit the rate"),
            })
        },
    },
    PolicyType {
        reference: RETRY,
        description: "Retry (re-run) failed or timed out action.",
        parameters: || {
            json!({
                "retry_on": {
                    "description": "Condition to retry on.",
                    "type": "string", "required": true, "enum": ["failure", "timeout"],
                },
                "max_retry_count": {
                    "description": "Maximum number of times to retry before giving up.",
                    "type": "integer", "required": true, "minimum": 1, "maximum": 5, "default": 2,
                },
                "delay": {
                    "description": "Number of seconds to wait before retrying the execution.",
                    "type": "number", "required": false, "minimum": 0, "maximum": 120,
                },
            })
        },
    },
];

fn threshold() -> Value {
    json!({"description": "Concurrency threshold.", "type": "integer", "required": true, "minimum": 1})
}

fn action(when: &str) -> Value {
    json!({
        "description": format!("Which action to perform on the execution {when}."),
        "type": "string", "default": "delay", "enum": ["delay", "cancel"],
    })
}

fn attributes(which: &str) -> Value {
    json!({
        "description": format!("List of attributes {which}."),
        "type": "array", "uniqueItems": true, "items": {"type": "string", "minLength": 1},
    })
}
