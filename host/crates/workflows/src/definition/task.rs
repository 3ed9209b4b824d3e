//! One task of a definition.

use std::sync::Arc;

use petrel_expressions::Statement;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::graph::{Engine, TaskId, Transition};
use super::{NotWellFormed, inline};

/// A task, or a command of the engine that some task leads to.
#[derive(Debug)]
pub struct Task {
    /// Its name.
    pub name: Arc<str>,
    /// Which command it is, if it is one.
    pub engine: Option<Engine>,
    /// How many seconds its actions wait.
    pub delay: Option<Statement>,
    /// How many branches it waits for.
    pub join: Option<Join>,
    /// What it is done for, one by one.
    pub items: Option<Items>,
    /// What it does; a task without an action succeeds at once.
    pub action: Option<Statement>,
    /// What its action is given.
    pub input: Option<Statement>,
    /// When and how often it is done again.
    pub retry: Option<Retry>,
    /// How many seconds its actions may take.
    pub timeout: Option<Statement>,
    /// Where it leads, sorted by the name of the target.
    pub transitions: Vec<Transition>,
    /// The tasks that lead here, each once.
    pub inbound: Vec<TaskId>,
    /// Whether the workflow begins with it.
    pub is_start: bool,
    /// Whether each way to it is a branch of its own.
    pub is_split: bool,
    /// Whether a way leads from it back to it.
    pub is_in_cycle: bool,
}

/// How many branches a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Every task that leads to it.
    All,
    /// So many of them.
    Count(u32),
}

/// What a task is done for, one by one.
#[derive(Debug)]
pub struct Items {
    /// The names given to the parts of an item; none when an item is used as it is.
    pub names: Vec<Arc<str>>,
    /// The list, as it is written.
    pub text: String,
    /// The list.
    pub list: Statement,
    /// How many are done at once; all when absent.
    pub concurrency: Option<Statement>,
}

/// When and how often a task is done again.
#[derive(Debug)]
pub struct Retry {
    /// The condition; a failure when absent.
    pub when: Option<Statement>,
    /// How often.
    pub count: Statement,
    /// How many seconds later.
    pub delay: Option<Statement>,
}

impl Task {
    /// A task as it is written; what the graph says about it is filled in by [`super::graph`].
    pub(super) fn compile(name: &str, source: &Map<String, Value>) -> Result<Self, NotWellFormed> {
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

    /// A command of the engine.
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

    /// How many of the tasks that lead here must have been followed before it starts.
    pub fn required(&self) -> usize {
        match self.join {
            Some(Join::All) => self.inbound.len(),
            // A join of nothing starts with the first.
            Some(Join::Count(count)) => usize::try_from(count.max(1)).unwrap_or(usize::MAX),
            None => 1,
        }
    }

    /// Whether it can be found to wait for what never comes.
    pub(crate) fn is_barrier(&self) -> bool {
        self.join.is_some_and(|join| join != Join::Count(0))
    }
}

fn join(name: &str, value: &Value) -> Result<Join, NotWellFormed> {
    if value == "all" {
        return Ok(Join::All);
    }
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    count.map(Join::Count).ok_or_else(|| {
        NotWellFormed(format!(
            "`join` of the task `{name}` is {}, and must be `all` or a whole number up to {}",
            quoted(&value.to_string()),
            u32::MAX
        ))
    })
}

fn items(name: &str, with: &Value) -> Result<Items, NotWellFormed> {
    let text = with.get("items").and_then(Value::as_str);
    let text = text.ok_or_else(|| NotWellFormed(format!("`with` of the task `{name}` has no items")))?;
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

fn retry(name: &str, source: &Value) -> Result<Retry, NotWellFormed> {
    let statement = |key: &str| source.get(key).map(|value| Statement::compile(value.clone()));
    let count = statement("count");
    let count = count.ok_or_else(|| NotWellFormed(format!("`retry` of the task `{name}` has no count")))?;
    Ok(Retry { when: statement("when"), count, delay: statement("delay") })
}
