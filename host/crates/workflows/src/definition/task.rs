//! One task of a definition.

use std::sync::Arc;

use petrel_expressions::Statement;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::graph::{Engine, TaskId, Transition};
use super::{CompileError, inline};

/// A task, or an engine command that some task leads to.
#[derive(Debug)]
pub struct Task {
    /// Its name.
    pub name: Arc<str>,
    /// The command, if it is one.
    pub engine: Option<Engine>,
    /// Delay before its actions, in seconds.
    pub delay: Option<Statement>,
    /// The number of branches that it waits for.
    pub join: Option<Join>,
    /// The items that its action is run for.
    pub items: Option<Items>,
    /// Its action. A task without an action succeeds at once.
    pub action: Option<Statement>,
    /// The input of its action.
    pub input: Option<Statement>,
    /// The condition and number of repetitions.
    pub retry: Option<Retry>,
    /// Timeout of its actions, in seconds.
    pub timeout: Option<Statement>,
    /// Its transitions, sorted by the name of the target.
    pub transitions: Vec<Transition>,
    /// The tasks that lead to it, each once.
    pub inbound: Vec<TaskId>,
    /// Whether the workflow starts with it.
    pub is_start: bool,
    /// Whether each path to it is a branch of its own.
    pub is_split: bool,
    /// Whether it is on a cycle.
    pub is_in_cycle: bool,
}

/// The number of branches that a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Every task that leads to it.
    All,
    /// This many of them.
    Count(u32),
}

/// The items that the action of a task is run for.
#[derive(Debug)]
pub struct Items {
    /// The names for the parts of an item. Empty if an item is used as a whole.
    pub names: Vec<Arc<str>>,
    /// The expression for the list, as in the source.
    pub text: String,
    /// The expression for the list, compiled.
    pub list: Statement,
    /// The number of items that run at the same time. Default: all.
    pub concurrency: Option<Statement>,
}

/// The condition and number of repetitions of a task.
#[derive(Debug)]
pub struct Retry {
    /// The condition. Default: the task has failed.
    pub when: Option<Statement>,
    /// Largest number of repetitions.
    pub count: Statement,
    /// Delay before a repetition, in seconds.
    pub delay: Option<Statement>,
}

impl Task {
    /// Compiles a task. [`super::graph`] fills in its properties in the graph.
    pub(super) fn compile(name: &str, source: &Map<String, Value>) -> Result<Self, CompileError> {
        let statement = |key: &str| source.get(key).map(|value| Statement::compile(value.clone()));
        let mut task = Self {
            name: Arc::from(name),
            engine: None,
            delay: source
                .get("delay")
                .filter(|delay| *delay != &Value::from(0))
                .cloned()
                .map(Statement::compile),
            join: source.get("join").map(|value| join(name, value)).transpose()?,
            items: source.get("with").map(|with| items(name, with)).transpose()?,
            action: statement("action"),
            input: statement("input"),
            retry: source.get("retry").map(|value| retry(name, value)).transpose()?,
            timeout: statement("timeout"),
            transitions: Vec::new(),
            inbound: Vec::new(),
            is_start: false,
            is_split: false,
            is_in_cycle: false,
        };
        if let Some((action, parameters)) =
            source.get("action").and_then(Value::as_str).and_then(inline::action)
        {
            task.action = Some(Statement::compile(Value::from(action)));
            task.input = Some(Statement::compile(Value::Object(parameters.into_iter().collect())));
        }
        Ok(task)
    }

    /// The task that stands for an engine command.
    pub(super) fn command(engine: Engine) -> Self {
        Self {
            name: Arc::from(engine.name()),
            engine: Some(engine),
            delay: None,
            join: None,
            items: None,
            action: None,
            input: None,
            retry: None,
            timeout: None,
            transitions: Vec::new(),
            inbound: Vec::new(),
            is_start: false,
            is_split: false,
            is_in_cycle: false,
        }
    }

    /// The number of predecessors that must have led here before it starts.
    pub fn required(&self) -> usize {
        match self.join {
            Some(Join::All) => self.inbound.len(),
            // As in Orquesta, a join of 0 starts with the first branch.
            Some(Join::Count(count)) => usize::try_from(count.max(1)).unwrap_or(usize::MAX),
            None => 1,
        }
    }

    /// Whether the task may turn out to wait for branches that never arrive.
    pub(crate) fn is_barrier(&self) -> bool {
        self.join.is_some_and(|join| join != Join::Count(0))
    }
}

fn join(name: &str, value: &Value) -> Result<Join, CompileError> {
    if value == "all" {
        return Ok(Join::All);
    }
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    count.map(Join::Count).ok_or_else(|| {
        CompileError(format!(
            "`join` of the task `{name}` is {}, and must be `all` or a whole number up to {}",
            quoted(&value.to_string()),
            u32::MAX
        ))
    })
}

fn items(name: &str, with: &Value) -> Result<Items, CompileError> {
    let text = with.get("items").and_then(Value::as_str);
    let text = text.ok_or_else(|| CompileError(format!("`with` of the task `{name}` has no items")))?;
    let (names, list) = match text.split_once(" in ") {
        Some((names, list)) if !names.contains("<%") && !names.contains("{{") => {
            let names = names.split(',').map(|name| Arc::from(name.trim())).collect();
            (names, list.trim())
        }
        _ => (Vec::new(), text.trim()),
    };
    Ok(Items {
        names,
        text: list.to_owned(),
        list: Statement::compile(Value::from(list)),
        concurrency: with.get("concurrency").map(|value| Statement::compile(value.clone())),
    })
}

fn retry(name: &str, source: &Value) -> Result<Retry, CompileError> {
    let statement = |key: &str| source.get(key).map(|value| Statement::compile(value.clone()));
    let count = statement("count");
    let count = count.ok_or_else(|| CompileError(format!("`retry` of the task `{name}` has no count")))?;
    Ok(Retry { when: statement("when"), count, delay: statement("delay") })
}
