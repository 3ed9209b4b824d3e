//! What goes into the conductor and what comes out of it: events, and the tasks that start because of one.

use std::sync::Arc;

use serde_json::Value;

use super::log::ErrorEntry;
use crate::status::Status;

/// What happens to a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It is asked to be running, paused, canceled ...
    Request(Status),
    /// An action tells where it stands.
    Report(Report),
    /// It is run again, in part.
    Rerun(Rerun),
    /// It is failed from outside, for a reason.
    Fail(ErrorEntry),
}

/// Where an action of a task stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The task.
    pub task: Arc<str>,
    /// Its route.
    pub route: u32,
    /// The item that the action is for.
    pub item: Option<usize>,
    /// Where it stands.
    pub status: Status,
    /// What it gave.
    pub result: Arc<Value>,
    /// The identity of its execution, where there is one.
    pub execution: Option<Arc<str>>,
}

/// From where a workflow is run again; from all tasks that ended it badly when no tasks are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rerun {
    /// The tasks, by name and route, and whether all items of a task are done again or only those that
    /// have failed.
    pub tasks: Vec<(Arc<str>, u32, bool)>,
}

/// A task that starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its name.
    pub task: Arc<str>,
    /// Its route.
    pub route: u32,
    /// Its number among all runs of tasks.
    pub number: usize,
    /// What it does; nothing when the task has no action or no items.
    pub actions: Vec<Action>,
    /// Seconds to wait before.
    pub delay: Option<i64>,
    /// Which repetition it is, from 1.
    pub retry: Option<u32>,
    /// How many items it has.
    pub items: Option<usize>,
    /// How many of them are done at once.
    pub concurrency: Option<Arc<Value>>,
    /// How many seconds each action may take.
    pub timeout: Option<i64>,
}

/// An action to be executed.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Its reference; text, unless an expression gave something else.
    pub action: Arc<Value>,
    /// Its parameters; null when none are given.
    pub input: Arc<Value>,
    /// The item that it is for.
    pub item: Option<usize>,
}
