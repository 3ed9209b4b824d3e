//! Compiled definitions of workflows: expressions are parsed once, names are numbered, and properties of the graph are
//! computed in advance. A definition is compiled after [`crate::inspection`] has accepted it. [`graph`] has the
//! transitions, [`inline`] the short forms.

pub(crate) mod components;
mod graph;
pub mod inline;
pub(crate) mod shape;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_expressions::Statement;
use serde_json::Value;

pub use graph::{Engine, TaskId, Transition};
pub use task::{Items, Join, Retry, Task};

/// A workflow that is ready to run.
#[derive(Debug)]
pub struct Definition {
    /// The declared inputs, in order, with their defaults.
    pub inputs: Vec<(Arc<str>, Statement)>,
    /// Its variables, in order.
    pub vars: Vec<(Arc<str>, Statement)>,
    /// Its output, in order.
    pub output: Vec<(Arc<str>, Statement)>,
    /// Its timeout, in seconds.
    pub timeout: Option<Statement>,
    /// Whether results of expressions are evaluated again, as in StackStorm. Otherwise they are data.
    pub reevaluates: bool,
    /// Its tasks and the engine commands that it uses, sorted by name.
    tasks: Vec<Task>,
    /// The numbers of the tasks, by name.
    index: BTreeMap<Arc<str>, TaskId>,
    /// The start tasks, sorted by name.
    starts: Vec<TaskId>,
}

/// The reason why a definition cannot be compiled. Inspection reports all problems at once, and with their places.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the workflow is not well-formed: {0}; `petrel workflow inspect` lists all errors")]
pub struct CompileError(pub(crate) String);

impl Definition {
    /// Compiles a definition that inspection has accepted.
    ///
    /// # Errors
    /// If a part of it is of the wrong kind.
    pub fn compile(source: &Value) -> Result<Self, CompileError> {
        let source = shape::normalized(source);
        let object = source.as_object().ok_or_else(|| CompileError("it is not a mapping".to_owned()))?;
        let tasks = graph::compile(object.get("tasks").unwrap_or(&Value::Null))?;
        let index = tasks.iter().zip(0..).map(|(task, number)| (Arc::clone(&task.name), TaskId(number)));
        let index: BTreeMap<_, _> = index.collect();
        let starts = tasks.iter().zip(0..).filter(|(task, _)| task.is_start);
        let starts = starts.map(|(_, number)| TaskId(number)).collect();
        Ok(Self {
            inputs: named(object.get("input"), "input")?,
            vars: named(object.get("vars"), "vars")?,
            output: named(object.get("output"), "output")?,
            timeout: object.get("timeout").map(|value| Statement::compile(value.clone())),
            reevaluates: false,
            tasks,
            index,
            starts,
        })
    }

    /// The number of the task `name`.
    pub fn find(&self, name: &str) -> Option<TaskId> {
        self.index.get(name).copied()
    }

    /// The task with a number of this definition.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.index())
    }

    /// The name of a task.
    pub fn name(&self, id: TaskId) -> Arc<str> {
        self.task(id).map_or_else(|| Arc::from(""), |task| Arc::clone(&task.name))
    }

    /// Its tasks and the engine commands that it uses, sorted by name.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The start tasks, sorted by name.
    pub fn starts(&self) -> &[TaskId] {
        &self.starts
    }
}

/// Reads a list of names, or of objects with one name each, as names and values.
fn named(list: Option<&Value>, what: &str) -> Result<Vec<(Arc<str>, Statement)>, CompileError> {
    let wrong = || CompileError(format!("{what} is not a list of names and values"));
    let Some(list) = list else { return Ok(Vec::new()) };
    let items = list.as_array().ok_or_else(wrong)?;
    items
        .iter()
        .map(|item| match item {
            Value::String(name) => Ok((Arc::from(name.as_str()), Statement::compile(Value::Null))),
            Value::Object(pair) => {
                let (name, value) = pair.iter().next().ok_or_else(wrong)?;
                Ok((Arc::from(name.as_str()), Statement::compile(value.clone())))
            }
            _ => Err(wrong()),
        })
        .collect()
}
