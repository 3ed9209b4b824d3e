//! Jinja: templates of rules and parameters (`render`), and texts and statements of workflows.

use std::sync::Arc;

use petrel_expressions::{Scope, Statement, render};
use serde_json::Value;

use super::case::{Mode, object, value};
use super::yaql;
use crate::answer::Answer;

pub(super) fn answer(case: &Value, mode: Mode) -> Answer {
    let expression = value(case, "expr");
    let result = if case.get("mode").and_then(Value::as_str) == Some("render") {
        let scope = object(case, "data")
            .into_iter()
            .fold(Scope::new(), |scope, (name, value)| scope.with(&name, value));
        let template = expression.as_str().unwrap_or_default();
        render(template, &scope).map(Value::from).map_err(|error| error.to_string())
    } else {
        let evaluated = Statement::compile(expression).evaluate(&yaql::scope(&value(case, "data"), mode));
        evaluated.map(Arc::unwrap_or_clone).map_err(|error| error.to_string())
    };
    match result {
        Ok(value) => Answer::Value(value),
        Err(error) => Answer::Error(error),
    }
}
