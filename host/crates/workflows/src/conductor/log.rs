//! What went wrong in a workflow, in Orquesta's words; each thing once.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// What.
    pub message: String,
    /// In which task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Arc<str>>,
    /// On which route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u32>,
    /// In which transition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_transition_id: Option<Arc<str>>,
    /// What the action gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Arc<Value>>,
}

impl ErrorEntry {
    /// An error of the workflow as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// As StackStorm shows it: what is absent is left out.
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
        Value::Object(object)
    }
}

/// All that went wrong, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Errors {
    entries: Vec<ErrorEntry>,
    hashes: BTreeSet<u64>,
}

impl Errors {
    pub(super) fn entries(&self) -> &[ErrorEntry] {
        &self.entries
    }

    /// Adds an entry, unless there is one like it.
    pub(super) fn add(&mut self, entry: ErrorEntry) {
        let mut hasher = DefaultHasher::new();
        (&entry.message, &entry.task_id, entry.route, &entry.task_transition_id).hash(&mut hasher);
        entry.result.hash(&mut hasher);
        // Entries that share a hash are compared as a whole.
        let is_new = self.hashes.insert(hasher.finish());
        if is_new || !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }

    /// Forgets what is said about a task.
    pub(super) fn forget(&mut self, task: &str) {
        self.entries.retain(|entry| entry.task_id.as_deref() != Some(task));
    }
}
