//! The body of a request for an execution, and what of it has no effect.

use std::borrow::Cow;

use petrel_model::{Object, TraceTag};
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

/// The warning about a request whose end somebody is to be told of.
const UNTOLD: &str = "`notify` has no effect: nobody is told of the end of an execution yet; let a rule listen to \
                      core.st2.generic.actiontrigger";

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
