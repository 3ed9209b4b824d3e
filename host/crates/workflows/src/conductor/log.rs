//! The log of errors of a workflow, in Orquesta's words and without duplicates.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use petrel_expressions::WorkflowScope;
use petrel_expressions::statement::remedy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An error.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// The message.
    pub message: String,
    /// The task, if the error belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Arc<str>>,
    /// The route of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u32>,
    /// The id of the transition, if the error belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_transition_id: Option<Arc<str>>,
    /// The result of the action, if it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Arc<Value>>,
    /// The remedy, a sentence, where something is likely meant. Orquesta's messages have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ErrorEntry {
    /// An error of the workflow as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The error of an expression that could not be evaluated in `scope`.
    pub(super) fn of_expression(message: String, scope: &WorkflowScope) -> Self {
        let hint = remedy(&message, scope);
        Self { message, hint, ..Self::default() }
    }

    /// Whether both are the same error. The remedies do not count: they depend on what was there at the time.
    fn is_same(&self, other: &Self) -> bool {
        (&self.message, &self.task_id, self.route) == (&other.message, &other.task_id, other.route)
            && (&self.task_transition_id, &self.result) == (&other.task_transition_id, &other.result)
    }

    /// The error as StackStorm shows it, without absent fields, and with the remedy if there is one.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".to_owned(), Value::from("error"));
        object.insert("message".to_owned(), Value::from(self.message.clone()));
        if let Some(task) = &self.task_id {
            object.insert("task_id".to_owned(), Value::from(&**task));
        }
        if let Some(route) = self.route {
            object.insert("route".to_owned(), Value::from(route));
        }
        if let Some(transition) = &self.task_transition_id {
            object.insert("task_transition_id".to_owned(), Value::from(&**transition));
        }
        if let Some(result) = &self.result {
            object.insert("result".to_owned(), Value::clone(result));
        }
        if let Some(hint) = &self.hint {
            object.insert("hint".to_owned(), Value::from(hint.clone()));
        }
        Value::Object(object)
    }
}

/// All errors, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Errors {
    entries: Vec<ErrorEntry>,
    hashes: BTreeSet<u64>,
}

impl Errors {
    pub(super) fn entries(&self) -> &[ErrorEntry] {
        &self.entries
    }

    /// Adds an error, unless the log has the same one.
    pub(super) fn add(&mut self, entry: ErrorEntry) {
        let mut hasher = DefaultHasher::new();
        (&entry.message, &entry.task_id, entry.route, &entry.task_transition_id).hash(&mut hasher);
        entry.result.hash(&mut hasher);
        // The hash only saves most comparisons: equal hashes still need one.
        let is_new = self.hashes.insert(hasher.finish());
        if is_new || !self.entries.iter().any(|known| known.is_same(&entry)) {
            self.entries.push(entry);
        }
    }

    /// Removes the errors of a task.
    pub(super) fn forget(&mut self, task: &str) {
        self.entries.retain(|entry| entry.task_id.as_deref() != Some(task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_kept_once_whatever_its_remedy_is() {
        let mut errors = Errors::default();
        for (message, hint, kept) in
            [("a", None, 1), ("a", Some("Did you mean b?"), 1), ("c", Some("d"), 2), ("c", None, 2)]
        {
            let hint = hint.map(str::to_owned);
            errors.add(ErrorEntry { hint, ..ErrorEntry::new(message) });
            assert_eq!(errors.entries().len(), kept, "{message}");
        }
    }
}
