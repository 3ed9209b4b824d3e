//! A workflow's definition, compiled: texts are read as expressions once, names are numbered, and what the
//! graph says about each task is worked out beforehand. A definition is compiled after it was found
//! sound by [`crate::inspection`]; how tasks hang together is in [`graph`], short forms in [`inline`].

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

/// A workflow, ready to be run.
#[derive(Debug)]
pub struct Definition {
    /// The inputs that it declares, in order, with the values they have when none is given.
    pub inputs: Vec<(Arc<str>, Statement)>,
    /// Its variables, in order.
    pub vars: Vec<(Arc<str>, Statement)>,
    /// What it gives, in order.
    pub output: Vec<(Arc<str>, Statement)>,
    /// How many seconds it may take.
    pub timeout: Option<Statement>,
    /// Whether what its expressions give is evaluated again, as the original does; else it is data.
    pub reevaluates: bool,
    /// Its tasks, and the engine's commands that it uses, sorted by name.
    tasks: Vec<Task>,
    /// Where the tasks are.
    index: BTreeMap<Arc<str>, TaskId>,
    /// The tasks that it begins with, sorted by name.
    starts: Vec<TaskId>,
}

/// Why a definition cannot be compiled; inspection says it better, and for all errors at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the workflow is not well-formed: {0}; `petrel workflow inspect` lists all errors")]
pub struct NotWellFormed(pub(crate) String);

impl Definition {
    /// Compiles a definition that inspection has nothing to say against.
    ///
    /// # Errors
    /// When its parts have not the kinds that they must have.
    pub fn compile(source: &Value) -> Result<Self, NotWellFormed> {
        let source = shape::normalized(source);
        let object = source.as_object().ok_or_else(|| NotWellFormed("it is no mapping".to_owned()))?;
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

    /// A task by its number, which must be one of this definition's.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.index())
    }

    /// The name of a task.
    pub fn name(&self, id: TaskId) -> Arc<str> {
        self.task(id).map_or_else(|| Arc::from(""), |task| Arc::clone(&task.name))
    }

    /// Its tasks, and the engine's commands that it uses, sorted by name.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The tasks that it begins with, sorted by name.
    pub fn starts(&self) -> &[TaskId] {
        &self.starts
    }
}

/// A list of names, or of objects with one name each, as names and values.
fn named(list: Option<&Value>, what: &str) -> Result<Vec<(Arc<str>, Statement)>, NotWellFormed> {
    let wrong = || NotWellFormed(format!("{what} is no list of names and values"));
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
