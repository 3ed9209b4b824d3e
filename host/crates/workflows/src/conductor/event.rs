//! Input and output of the conductor: events, and the tasks to start because of one.

use std::sync::Arc;

use serde_json::Value;

use super::log::ErrorEntry;
use crate::status::Status;

/// An event of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody asked for a status: running, paused, canceled ...
    Request(Status),
    /// An action reported its status.
    Report(Report),
    /// Somebody asked to run parts of it again.
    Rerun(Rerun),
    /// The workflow is made to fail from outside.
    Fail(ErrorEntry),
}

/// The report of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The task.
    pub task: Arc<str>,
    /// Its route.
    pub route: u32,
    /// The item that the action was run for.
    pub item: Option<usize>,
    /// The status of the action.
    pub status: Status,
    /// Its result.
    pub result: Arc<Value>,
    /// The id of its execution, if there is one.
    pub execution: Option<Arc<str>>,
}

/// A request to run a workflow again. Without tasks, it starts from all tasks that made it fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rerun {
    /// The tasks by name and route, and whether all items of the task are run again or only those that failed.
    pub tasks: Vec<(Arc<str>, u32, bool)>,
}

/// A task to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its name.
    pub task: Arc<str>,
    /// Its route.
    pub route: u32,
    /// Its number among all runs of tasks.
    pub number: usize,
    /// Its actions, all of which are to be executed. Empty if the task has no action or no items: then it has succeeded.
    pub actions: Vec<Action>,
    /// Delay before the start, in seconds. A negative one is none.
    pub delay: Option<i64>,
    /// The number of the repetition, from 1.
    pub retry: Option<u32>,
    /// The number of its items.
    pub items: Option<usize>,
    /// The number of items that run at the same time.
    pub concurrency: Option<Arc<Value>>,
    /// Timeout of each action, in seconds.
    pub timeout: Option<i64>,
}

/// An action to execute.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Its reference. A text, unless an expression returned something else: then the action fails.
    pub action: Arc<Value>,
    /// Its parameters. Null if there are none.
    pub input: Arc<Value>,
    /// The item that it is run for.
    pub item: Option<usize>,
}
