//! The values of a definition that may contain expressions, each with its place.

use serde_json::{Map, Value};

use super::finding::Place;
use crate::definition::shape;

/// Calls `visit` with each value that may contain expressions. Items of lists and entries of mappings are visited one by
/// one, and keys too, so that a finding has their place.
pub(super) fn each(definition: &Value, visit: &mut impl FnMut(&Value, &Place)) {
    for property in ["vars", "input", "output", "timeout"] {
        of(definition.get(property), &Place::root(property), visit);
    }
    for (name, task) in shape::tasks(definition).into_iter().flatten() {
        if let Some(task) = task.as_object() {
            of_task(task, &Place::task(name), visit);
        }
    }
}

fn of_task(task: &Map<String, Value>, place: &Place, visit: &mut impl FnMut(&Value, &Place)) {
    for property in ["delay", "timeout", "with", "retry", "input", "action"] {
        of(task.get(property), &place.property(property), visit);
    }
    let list = task.get("next").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (number, transition) in list.iter().enumerate() {
        let Some(transition) = transition.as_object() else { continue };
        let place = place.transition(number);
        for property in ["when", "publish", "do"] {
            of(transition.get(property), &place.property(property), visit);
        }
    }
}

fn of(value: Option<&Value>, place: &Place, visit: &mut impl FnMut(&Value, &Place)) {
    match value {
        Some(Value::Array(items)) => {
            for (number, item) in items.iter().enumerate() {
                visit(item, &place.item(number));
            }
        }
        Some(Value::Object(entries)) => {
            for (name, entry) in entries {
                let place = place.entry(name);
                visit(&Value::from(name.as_str()), &place);
                visit(entry, &place);
            }
        }
        Some(other) => visit(other, place),
        None => {}
    }
}
