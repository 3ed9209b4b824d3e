//! The body of a request for an execution, and what of it has no effect.

use std::borrow::Cow;

use petrel_model::Object;
use serde::Deserialize;
use serde_json::Value;

use crate::extract::Body;

/// The body of a request for an execution.
#[derive(Debug, Deserialize)]
pub(crate) struct NewExecution {
    pub(super) action: String,
    #[serde(default)]
    pub(super) parameters: Option<Object>,
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) context: Option<Object>,
    /// The delay in milliseconds.
    #[serde(default)]
    pub(super) delay: Option<u64>,
    #[serde(default)]
    pub(super) notify: Option<Value>,
}

/// The warning about a request whose end somebody is to be told of.
const UNTOLD: &str = "`notify` has no effect: nobody is told of the end of an execution yet; let a rule listen to \
                      core.st2.generic.actiontrigger";

impl NewExecution {
    /// What of the request has no effect.
    pub(super) fn warnings(&self) -> Vec<Cow<'static, str>> {
        let asks = |notify: &Value| match notify {
            Value::Null | Value::Bool(false) => false,
            Value::Object(routes) => !routes.is_empty(),
            _ => true,
        };
        self.notify.iter().filter(|notify| asks(notify)).map(|_| UNTOLD.into()).collect()
    }
}

impl Body for NewExecution {
    const WITHOUT_EFFECT: &'static [&'static str] = &[
        "id",
        "status",
        "start_timestamp",
        "end_timestamp",
        "result",
        "callback",
        "runner_info",
        // StackStorm's user interface says this of a workflow.
        "action_is_workflow",
    ];
    const IGNORES_OTHERS: bool = true;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_asks_to_be_told_of_the_end_is_told_that_nobody_is() {
        for (body, is_told) in [
            (json!({"action": "core.noop"}), false),
            (json!({"action": "core.noop", "notify": null}), false),
            (json!({"action": "core.noop", "notify": {}}), false),
            (json!({"action": "core.noop", "notify": {"on-complete": {"routes": ["slack"]}}}), true),
            (json!({"action": "core.noop", "notify": ["slack"]}), true),
        ] {
            let new: NewExecution = serde_json::from_value(body.clone()).unwrap();
            let told = new.warnings();
            assert_eq!(told.len(), usize::from(is_told), "{body}");
            assert!(told.iter().all(|warning| warning.starts_with("`notify` has no effect")), "{told:?}");
        }
    }
}
