//! The body of a request for an execution, and what of it has no effect where the action says otherwise.

use std::borrow::Cow;

use petrel_model::{Execution, Notify, Object};
use serde::Deserialize;
use serde_json::Value;

use crate::ApiError;
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

impl NewExecution {
    /// Who is to be told of the end of the execution.
    ///
    /// # Errors
    /// 400 when that is not what it should be.
    pub(super) fn notify(&self) -> Result<Option<Notify>, ApiError> {
        let written = match &self.notify {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
            Some(Value::Object(written)) => written,
            Some(_) => {
                let hint =
                    "it takes on-complete, on-success and on-failure, each with message, data and routes";
                return Err(ApiError::invalid("`notify` is no object", hint));
            }
        };
        Notify::read(written).map_err(|mistake| {
            ApiError::invalid(format!("`{}` {}", mistake.place, mistake.problem), mistake.hint)
        })
    }
}

/// What is to be said of a request with this `notify` that has become `execution`: it has no effect where the action has its
/// own, as in StackStorm.
pub(super) fn warnings(notify: Option<&Notify>, execution: &Execution) -> Vec<Cow<'static, str>> {
    let is_replaced = notify.is_some_and(|notify| execution.notify.as_deref() != Some(notify));
    let told = || {
        let action = &execution.action;
        format!("`notify` has no effect: the action {action} says itself who is told of its end, which goes before").into()
    };
    is_replaced.then(told).into_iter().collect()
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
    fn who_is_to_be_told_is_read_or_refused() {
        let routes = json!({"on-complete": {"routes": ["slack"]}});
        for (body, expected) in [
            (json!({"action": "core.noop"}), Ok(false)),
            (json!({"action": "core.noop", "notify": null}), Ok(false)),
            (json!({"action": "core.noop", "notify": {}}), Ok(false)),
            (json!({"action": "core.noop", "notify": routes}), Ok(true)),
            (json!({"action": "core.noop", "notify": ["slack"]}), Err("`notify` is no object")),
            (
                json!({"action": "core.noop", "notify": {"on-complete": {"rutes": []}}}),
                Err("`notify.on-complete` has no field rutes"),
            ),
        ] {
            let new: NewExecution = serde_json::from_value(body.clone()).unwrap();
            match (new.notify(), expected) {
                (Ok(notify), Ok(is_told)) => assert_eq!(notify.is_some(), is_told, "{body}"),
                (Err(error), Err(says)) => assert!(format!("{error:?}").contains(says), "{body}: {error:?}"),
                (found, _) => panic!("{body}: {found:?}"),
            }
        }
    }
}
