//! The normal form of a definition, in which short forms are expanded.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// The engine's commands, which are not allowed as names of tasks.
pub(crate) const RESERVED: [&str; 4] = ["continue", "fail", "noop", "retry"];

/// Expands `with: TEXT` to `with: {items: TEXT}`.
pub(crate) fn normalized(definition: &Value) -> Cow<'_, Value> {
    let has_short_form = tasks(definition)
        .is_some_and(|tasks| tasks.values().any(|task| task.get("with").is_some_and(Value::is_string)));
    if !has_short_form {
        return Cow::Borrowed(definition);
    }
    let mut definition = definition.clone();
    if let Some(tasks) = definition.get_mut("tasks").and_then(Value::as_object_mut) {
        for task in tasks.values_mut() {
            if let Some(with) = task.get_mut("with")
                && with.is_string()
            {
                *with = json!({"items": with.take()});
            }
        }
    }
    Cow::Owned(definition)
}

/// The tasks of a definition by name, if they form a mapping.
pub(crate) fn tasks(definition: &Value) -> Option<&Map<String, Value>> {
    definition.get("tasks")?.as_object()
}

/// The well-formed transitions of a task.
pub(crate) fn transitions(task: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    task.get("next").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The names that a transition leads to. `continue` if it names none.
pub(crate) fn targets(transition: &Map<String, Value>) -> Vec<&str> {
    match transition.get("do") {
        Some(Value::String(names)) if !names.is_empty() => names.split(',').map(str::trim).collect(),
        Some(Value::Array(names)) if !names.is_empty() => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["continue"],
    }
}
