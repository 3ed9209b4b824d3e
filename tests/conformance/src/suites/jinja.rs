//! Jinja: templates of rules and parameters (`render`), and texts and statements of workflows.

use std::sync::Arc;

use petrel_expressions::workflow::{CurrentTask, Tasks, WorkflowScope};
use petrel_expressions::{Scope, Statement, Variables, render};
use serde_json::Value;

use super::{object, value};
use crate::Answer;

pub(super) fn answer(case: &Value) -> Answer {
    let expression = value(case, "expr");
    let result = if case.get("mode").and_then(Value::as_str) == Some("render") {
        let scope = object(case, "data")
            .into_iter()
            .fold(Scope::new(), |scope, (name, value)| scope.with(&name, value));
        let template = expression.as_str().unwrap_or_default();
        render(template, &scope).map(Value::from).map_err(|error| error.to_string())
    } else {
        let evaluated = Statement::compile(expression).evaluate(&scope(case));
        evaluated.map(Arc::unwrap_or_clone).map_err(|error| error.to_string())
    };
    match result {
        Ok(value) => Answer::Value(value),
        Err(error) => Answer::Error(error),
    }
}

/// The scope of a case: its data are the variables, and beneath `__` what belongs to the engine.
pub(super) fn scope(case: &Value) -> WorkflowScope {
    let mut data = object(case, "data");
    let mut own = |name: &str| data.remove(name).filter(|value| !value.is_null());
    let (state, task, item) = (own("__state"), own("__current_task"), own("__current_item"));
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let task = task.map(|task| CurrentTask {
        id: text(&task, "id").into(),
        route: task
            .get("route")
            .and_then(Value::as_u64)
            .and_then(|route| u32::try_from(route).ok())
            .unwrap_or(0),
        result: Arc::new(value(&task, "result")),
    });
    WorkflowScope {
        variables: Variables::from(data),
        task,
        item: item.map(Arc::new),
        tasks: Some(Arc::new(State(state.unwrap_or_default()))),
        ..WorkflowScope::default()
    }
}

/// The state of a workflow as the original keeps it: which entry of its sequence belongs to `task__rROUTE`.
#[derive(Debug)]
struct State(Value);

impl Tasks for State {
    fn status(&self, id: &str, route: u32) -> Option<&str> {
        let place = self.0.get("tasks")?.get(format!("{id}__r{route}"))?.as_u64()?;
        let entry = self.0.get("sequence")?.get(usize::try_from(place).ok()?)?;
        entry.get("status")?.as_str()
    }

    fn describe(&self, _id: &str, _route: u32) -> Result<Option<Arc<Value>>, String> {
        Ok(None)
    }
}
