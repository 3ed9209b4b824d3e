//! The body of a request for an execution, and what of it has no effect where the action says otherwise.

use std::borrow::Cow;

use petrel_model::{Execution, Notify, Object, TraceTag};
use serde::Deserialize;
use serde_json::Value;

use crate::ApiError;
use crate::extract::Body;
use crate::traceparent::invalid_tag;

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
    /// Takes the trace out of the context, as StackStorm's client sends it: the id of a trace, and a tag.
    ///
    /// # Errors
    /// When it is of another form.
    pub(super) fn take_trace(&mut self) -> Result<(Option<String>, Option<TraceTag>), ApiError> {
        let hint = r#"send {"trace_context": {"trace_tag": "TAG"}} or {"trace_context": {"id_": "ID"}}"#;
        let invalid = |what: &str| ApiError::invalid(format!("context.trace_context{what}"), hint);
        let taken = self.context.as_mut().and_then(|context| context.remove("trace_context"));
        let trace = match taken {
            None | Some(Value::Null) => return Ok((None, None)),
            Some(Value::Object(trace)) => trace,
            Some(_) => return Err(invalid(" is no object")),
        };
        let text = |name: &str| match trace.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(invalid(&format!(".{name} is no text"))),
        };
        let tag = text("trace_tag")?.map(str::parse).transpose();
        let tag = tag.map_err(|error| invalid_tag(&error, "context.trace_context.trace_tag"))?;
        Ok((text("id_")?.map(str::to_owned), tag))
    }

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
    fn the_trace_is_taken_out_of_the_context() {
        let taken = |trace: Value| {
            let context = json!({"trace_context": trace, "source": "chat"});
            let body = json!({"action": "core.noop", "context": context});
            let mut new: NewExecution = serde_json::from_value(body).unwrap();
            let taken = new.take_trace();
            assert_eq!(new.context.map(Value::Object), Some(json!({"source": "chat"})));
            taken.ok().map(|(id, tag)| (id, tag.map(|tag| tag.to_string())))
        };
        let text = |text: &str| Some(text.to_owned());
        for (trace, expected) in [
            (json!(null), Some((None, None))),
            (json!({}), Some((None, None))),
            (json!({"id_": null, "trace_tag": ""}), Some((None, None))),
            (json!({"trace_tag": "t"}), Some((None, text("t")))),
            (json!({"id_": "x", "trace_tag": "t"}), Some((text("x"), text("t")))),
            (json!("t"), None),
            (json!({"trace_tag": 7}), None),
            (json!({"trace_tag": "a\nb"}), None),
        ] {
            assert_eq!(taken(trace.clone()), expected, "{trace}");
        }
    }

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
