//! Numbers that expressions return for a workflow or a task: seconds, counts, concurrency.

use std::fmt::Arguments;
use std::sync::Arc;

use petrel_expressions::{Statement, WorkflowScope};
use serde_json::Value;

/// Longest delay or timeout that an expression may return, in seconds: 100 years.
pub(super) const MOST_SECONDS: i64 = 100 * 365 * 24 * 60 * 60;

/// Evaluates the property `key` of a task (of the workflow, without a name) as a number of seconds, at least `least`.
pub(super) fn given(
    key: &str,
    task: Option<&str>,
    statement: Option<&Statement>,
    least: i64,
    scope: &WorkflowScope,
) -> Result<Option<i64>, String> {
    let Some(statement) = statement else { return Ok(None) };
    let value = evaluated(statement, scope)?;
    let whose = if task.is_some() { "task" } else { "workflow" };
    let number = as_integer(&value)
        .ok_or_else(|| format!("TypeError: The value of {whose} {key} is not type of integer."))?;
    within(format_args!("{key}"), task, number, (least, MOST_SECONDS)).map(Some)
}

/// An integer in Python's sense, where `true` and `false` are 1 and 0.
pub(super) fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// Checks a number that an expression returned for `key`. The schema refuses literals below 0; Orquesta accepts them
/// from an expression: as no delay, no repetition, and a concurrency of 1.
pub(super) fn within(
    key: Arguments<'_>,
    task: Option<&str>,
    number: i64,
    (least, most): (i64, i64),
) -> Result<i64, String> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    let whose = task.map_or_else(|| "the workflow".to_owned(), |name| format!("task \"{name}\""));
    Err(format!("ValueError: The {key} of {whose} is {number}; it must be between 0 and {most}."))
}

/// Evaluates a statement. The error is worded as in the log of errors.
pub(super) fn evaluated(statement: &Statement, scope: &WorkflowScope) -> Result<Arc<Value>, String> {
    statement.evaluate(scope).map_err(|error| error.to_string())
}
