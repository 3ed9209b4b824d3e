//! What is kept of a workflow's execution beside its own row: the definition it began with, and the log of
//! what has happened to it. What follows from the log is decided by `petrel-workflows`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ExecutionId, Object, Timestamp};

/// Where an execution belongs that a task of a workflow has asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The workflow's execution.
    pub execution: ExecutionId,
    /// The task.
    pub task: Arc<str>,
    /// The number of the task's run in the workflow.
    pub number: u64,
    /// The route that the task is on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub route: u32,
    /// The item that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u64>,
    /// How many workflows the workflow itself is inside of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// The top workflow, when that is not the workflow itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<ExecutionId>,
    /// Whether the workflow is an action chain. Older rows do not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_chain: bool,
}

impl Parent {
    /// The top workflow of all that this one is inside of. Older rows do not say; then it is the workflow itself.
    pub fn root(&self) -> ExecutionId {
        self.root.unwrap_or(self.execution)
    }
}

/// What a workflow may take. It goes by what was in force when it began, so that its log gives the same
/// whenever it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowLimits {
    /// How many items of a task are done at once at most, whatever it says.
    pub items_window: usize,
    /// How many tasks may start because of one event.
    pub tasks_in_step: usize,
    /// How many tasks may start in all.
    pub tasks: usize,
    /// How many bytes what it was given and what its tasks gave and published may take in memory.
    #[serde(default = "no_limit")]
    pub variables: usize,
}

fn no_limit() -> usize {
    usize::MAX
}

impl WorkflowLimits {
    /// Those of workflows that began before there were any: only what never ends is ended.
    pub const NONE: Self =
        Self { items_window: usize::MAX, tasks_in_step: 100_000, tasks: usize::MAX, variables: usize::MAX };
}

impl Default for WorkflowLimits {
    fn default() -> Self {
        Self { items_window: 1_000, tasks_in_step: 10_000, tasks: 1_000_000, variables: 128 << 20 }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The definition of a workflow, kept by what is in it: one that is changed is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowDefinition {
    /// SHA-256 of `source`, in hexadecimal digits.
    pub digest: Arc<str>,
    /// The file, as it was.
    pub source: Arc<str>,
}

/// Something that has happened to a workflow, and what its expressions saw of the world then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowEntry {
    /// When.
    pub at: Timestamp,
    /// What expressions read from the datastore; `None` for a key that was not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Option<String>>,
    /// What.
    #[serde(flatten)]
    pub event: WorkflowEvent,
}

/// What happens to a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum WorkflowEvent {
    /// It began.
    Began {
        /// The digest of its definition.
        definition: Arc<str>,
        /// Its inputs.
        #[serde(default)]
        input: Arc<Object>,
        /// The variables that it was given by its surroundings.
        #[serde(default)]
        context: Arc<Object>,
        /// What it may take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<WorkflowLimits>,
        /// The edition of the conductor's rules that it goes by; 0 for those that began before there were editions.
        #[serde(default, skip_serializing_if = "is_zero")]
        edition: u32,
    },
    /// It was asked for a status, by its name.
    Requested {
        /// The status.
        status: String,
    },
    /// An action of a task told where it stands.
    Reported {
        /// The task.
        task: Arc<str>,
        /// Its route.
        #[serde(default, skip_serializing_if = "is_zero")]
        route: u32,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u64>,
        /// The status, by its name.
        status: String,
        /// The execution whose result it is; its result is kept there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution: Option<ExecutionId>,
        /// What it gave, when there is no execution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Arc<Value>>,
    },
    /// It was made to fail from outside, and what runs inside it is ended.
    Failed {
        /// Why.
        message: String,
        /// Whether it has taken longer than it may.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_timeout: bool,
    },
    /// It is run again from some of its tasks.
    Rerun {
        /// The tasks, by name and route, and whether all items of a task are done again; all that have failed
        /// when empty.
        tasks: Vec<(Arc<str>, u32, bool)>,
    },
}

/// A value of the datastore that is shared by all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// Its name.
    pub name: String,
    /// The text.
    pub value: String,
}
