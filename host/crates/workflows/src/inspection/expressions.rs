//! Reports expressions with syntax errors.

use petrel_expressions::statement::syntax_errors;
use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Place};
use crate::definition::{inline, shape};

pub(super) fn inspect(definition: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for property in ["vars", "input", "output", "timeout"] {
        check(definition.get(property), &Place::root(property), &mut findings);
    }
    for (name, task) in shape::tasks(definition).into_iter().flatten() {
        if let Some(task) = task.as_object() {
            inspect_task(task, &Place::task(name), &mut findings);
        }
    }
    findings
}

fn inspect_task(task: &Map<String, Value>, place: &Place, findings: &mut Vec<Finding>) {
    for property in ["delay", "timeout"] {
        check(task.get(property), &place.property(property), findings);
    }
    for (group, properties) in [("with", ["items", "concurrency", ""]), ("retry", ["when", "count", "delay"])]
    {
        let inner = task.get(group);
        for property in properties {
            let value = inner.and_then(|inner| inner.get(property));
            check(value, &place.property(group).property(property), findings);
        }
    }
    let (action, input) = action_and_input(task);
    check(action.as_ref(), &place.property("action"), findings);
    check(input.as_ref(), &place.property("input"), findings);
    for (number, transition) in shape::transitions(&Value::Object(task.clone())).enumerate() {
        let place = place.transition(number);
        check(transition.get("when"), &place.property("when"), findings);
        check(published(transition).as_ref(), &place.property("publish"), findings);
        check(transition.get("do"), &place.property("do"), findings);
    }
}

/// A task's action and its parameters, whether written as one text or as two properties.
pub(super) fn action_and_input(task: &Map<String, Value>) -> (Option<Value>, Option<Value>) {
    match task.get("action").and_then(Value::as_str).and_then(inline::action) {
        Some((action, parameters)) => {
            (Some(Value::from(action)), Some(Value::Object(parameters.into_iter().collect())))
        }
        None => (task.get("action").cloned(), task.get("input").cloned()),
    }
}

/// The variables that a transition publishes, whether written as a text or as a list.
pub(super) fn published(transition: &Map<String, Value>) -> Option<Value> {
    match transition.get("publish") {
        Some(Value::String(text)) => {
            let pairs = inline::parameters(text).into_iter();
            Some(Value::Array(pairs.map(|pair| Value::Object(Map::from_iter([pair]))).collect()))
        }
        other => other.cloned(),
    }
}

fn check(value: Option<&Value>, place: &Place, findings: &mut Vec<Finding>) {
    let Some(value) = value else { return };
    for error in syntax_errors(value) {
        let mut finding = Finding::new(Kind::Expression, place, error.message);
        finding.language = error.language;
        finding.expression = Some(error.expression);
        findings.push(finding);
    }
}
