//! Stored data of a workflow besides its execution: its definition and its log. `petrel-workflows` derives the state
//! from the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ExecutionId, Object, Timestamp};

/// The position of an execution in a workflow, or below the action that has called it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The workflow's execution, or that of the action.
    pub execution: ExecutionId,
    /// The task; empty if an action has called it.
    pub task: Arc<str>,
    /// The number of the task's run in the workflow.
    pub number: u64,
    /// The route of the task.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub route: u32,
    /// The item that it was requested for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u64>,
    /// Number of workflows, and of actions that have called one, that enclose this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// The top workflow or action, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<ExecutionId>,
    /// Whether the workflow is an action chain. `false` in rows of older versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_chain: bool,
    /// Whether it is an action that has called it, and no workflow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_call: bool,
}

impl Parent {
    /// The top workflow. Rows of older versions do not have it; then it is the workflow itself.
    pub fn root(&self) -> ExecutionId {
        self.root.unwrap_or(self.execution)
    }
}

/// Limits of a workflow. The ones in force at its start apply for its whole life, so that a replay of its log gives the
/// same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowLimits {
    /// Largest number of concurrent items of a task, whatever the task says.
    pub items_window: usize,
    /// Largest number of tasks that may start because of one event.
    pub tasks_in_step: usize,
    /// Largest number of tasks that may start in all.
    pub tasks: usize,
    /// Largest size in memory of its input, results and published variables, in bytes.
    #[serde(default = "no_limit")]
    pub variables: usize,
}

fn no_limit() -> usize {
    usize::MAX
}

impl WorkflowLimits {
    /// The limits of workflows that began before limits existed: high enough to stop only endless ones.
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

/// The definition of a workflow, stored under its digest, so that a changed file is a new definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowDefinition {
    /// SHA-256 of `source`, as hexadecimal digits.
    pub digest: Arc<str>,
    /// The contents of the file.
    pub source: Arc<str>,
}

/// An entry of a workflow's log: an event, and the datastore values that its expressions read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowEntry {
    /// The time of the event.
    pub at: Timestamp,
    /// The values read from the datastore. `None` for a missing key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Option<String>>,
    /// The event.
    #[serde(flatten)]
    pub event: WorkflowEvent,
}

/// An event of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum WorkflowEvent {
    /// The workflow began.
    Began {
        /// The digest of its definition.
        definition: Arc<str>,
        /// Its inputs.
        #[serde(default)]
        input: Arc<Object>,
        /// The initial variables from its surroundings.
        #[serde(default)]
        context: Arc<Object>,
        /// Its limits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<WorkflowLimits>,
        /// The edition of the conductor's rules that it follows. 0 for workflows that began before there were editions.
        #[serde(default, skip_serializing_if = "is_zero")]
        edition: u32,
    },
    /// A status was requested.
    Requested {
        /// The name of the status.
        status: String,
    },
    /// An action of a task reported its status.
    Reported {
        /// The task.
        task: Arc<str>,
        /// Its route.
        #[serde(default, skip_serializing_if = "is_zero")]
        route: u32,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u64>,
        /// The name of the status.
        status: String,
        /// The execution, whose row has the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution: Option<ExecutionId>,
        /// The result, if there is no execution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Arc<Value>>,
    },
    /// It was made to fail from outside, and everything inside it is ended.
    Failed {
        /// The reason.
        message: String,
        /// Whether it exceeded its timeout.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_timeout: bool,
    },
    /// It is run again from some of its tasks.
    Rerun {
        /// The tasks by name and route, and whether all their items are run again. Empty for all tasks that have
        /// failed.
        tasks: Vec<(Arc<str>, u32, bool)>,
    },
}
