//! The graph of a definition: numbers for names, transitions in the order of their evaluation, and derived properties
//! of each task (predecessors, splits, cycles).
//!
//! The order is Orquesta's: by the name of the target, not by position in the document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_expressions::Statement;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::components::Components;
use super::task::{Retry, Task};
use super::{CompileError, inline, shape};

/// The number of a task. Numbers follow the order of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId(pub u32);

impl TaskId {
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A command of the engine, which a transition can lead to instead of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Continues as if there were no transition. A failure remains one.
    Continue,
    /// Fails the workflow.
    Fail,
    /// Does nothing. A failure counts as handled.
    Noop,
}

impl Engine {
    /// Its name in `do`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Fail => "fail",
            Self::Noop => "noop",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Continue, Self::Fail, Self::Noop].into_iter().find(|engine| engine.name() == name)
    }
}

/// A transition from one task to another.
#[derive(Debug)]
pub struct Transition {
    /// The task it leads to.
    pub target: TaskId,
    /// Its number among the transitions between these two tasks.
    pub key: u32,
    /// Its id: `TARGET__tKEY`.
    pub id: Arc<str>,
    /// Its id from the view of the target: `SOURCE__tKEY`.
    pub origin: Arc<str>,
    /// Its condition.
    pub when: Option<Statement>,
    /// The variables that it publishes, in order.
    pub publish: Arc<[(Arc<str>, Statement)]>,
}

/// A transition in the source, before names have been replaced by numbers.
struct Written<'a> {
    target: &'a str,
    number: usize,
    source: &'a Map<String, Value>,
}

/// Compiles the tasks of a definition and the engine commands that they use, sorted by name.
pub(super) fn compile(source: &Value) -> Result<Vec<Task>, CompileError> {
    let wrong = |name: &str| CompileError(format!("the task `{name}` is not a mapping"));
    let sources = source.as_object().ok_or_else(|| CompileError("it has no tasks".to_owned()))?;
    let mut tasks = BTreeMap::new();
    let mut written = BTreeMap::new();
    for (name, source) in sources {
        let source = source.as_object().ok_or_else(|| wrong(name))?;
        tasks.insert(name.as_str(), Task::compile(name, source)?);
        written.insert(name.as_str(), transitions(source));
    }
    let targets: BTreeSet<_> = written.values().flatten().map(|transition| transition.target).collect();
    for engine in targets.into_iter().filter_map(Engine::named) {
        tasks.insert(engine.name(), Task::command(engine));
    }
    let numbers: BTreeMap<&str, TaskId> =
        tasks.keys().zip(0..).map(|(name, number)| (*name, TaskId(number))).collect();
    let splits = splits(&written, &tasks);
    for (name, transitions) in &written {
        let retry = retry_command(transitions);
        let transitions = connect(name, transitions, &numbers)?;
        if let Some(task) = tasks.get_mut(name) {
            task.retry = retry.or_else(|| task.retry.take());
            task.transitions = transitions;
        }
    }
    let mut tasks: Vec<Task> = tasks.into_values().collect();
    for (from, to) in reached(&mut tasks, &written) {
        if let Some(task) = tasks.get_mut(to.index()) {
            task.inbound.push(from);
        }
    }
    for task in &mut tasks {
        task.is_split = splits.contains(&*task.name);
    }
    mark_cycles(&mut tasks);
    Ok(tasks)
}

/// The transitions of a task in the source, sorted by target.
fn transitions(task: &Map<String, Value>) -> Vec<Written<'_>> {
    let list = task.get("next").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<_> = list
        .iter()
        .enumerate()
        .filter_map(|(number, transition)| Some((number, transition.as_object()?)))
        .flat_map(|(number, source)| {
            shape::targets(source).into_iter().map(move |target| Written { target, number, source })
        })
        .collect();
    all.sort_by_key(|transition| transition.target);
    all
}

/// The tasks without a join that more than one transition leads to.
fn splits<'a>(
    written: &BTreeMap<&'a str, Vec<Written<'a>>>,
    tasks: &BTreeMap<&str, Task>,
) -> BTreeSet<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for transition in written.values().flatten() {
        *counts.entry(transition.target).or_default() += 1;
    }
    let has_join = |name: &str| tasks.get(name).is_some_and(|task| task.join.is_some());
    counts.into_iter().filter(|(name, count)| *count > 1 && !has_join(name)).map(|(name, _)| name).collect()
}

/// The retry that `do: retry` stands for: at most three times, whenever its condition holds.
fn retry_command(transitions: &[Written<'_>]) -> Option<Retry> {
    // As in Orquesta, where each one replaces the one before.
    let last = transitions.iter().rfind(|transition| transition.target == "retry")?;
    let when = last.source.get("when").filter(|when| *when != "").cloned();
    Some(Retry {
        when: Some(Statement::compile(when.unwrap_or_else(|| json!("<% completed() %>")))),
        count: Statement::compile(json!(3)),
        delay: None,
    })
}

fn connect(
    name: &str,
    written: &[Written<'_>],
    numbers: &BTreeMap<&str, TaskId>,
) -> Result<Vec<Transition>, CompileError> {
    let mut transitions = Vec::new();
    let (mut seen, mut keys) = (BTreeSet::new(), BTreeMap::new());
    // A `do` with many targets compiles its condition and variables once.
    let mut compiled = BTreeMap::new();
    for Written { target, number, source } in written {
        // A target that one `do` names twice counts once.
        if *target == "retry" || !seen.insert((*target, *number)) {
            continue;
        }
        let id = numbers.get(target).copied();
        let id = id.ok_or_else(|| CompileError(format!("the task `{target}` is not defined")))?;
        let next_key: &mut u32 = keys.entry(id).or_default();
        let key = *next_key;
        *next_key = key.saturating_add(1);
        let (when, publish) = compiled.entry(*number).or_insert_with(|| {
            let when = source.get("when").filter(|when| *when != "").cloned().map(Statement::compile);
            (when, publish(source.get("publish")).into())
        });
        transitions.push(Transition {
            target: id,
            key,
            id: format!("{target}__t{key}").into(),
            origin: format!("{name}__t{key}").into(),
            when: when.clone(),
            publish: Arc::clone(publish),
        });
    }
    Ok(transitions)
}

/// The variables that a transition publishes, from a text or a list.
fn publish(source: Option<&Value>) -> Vec<(Arc<str>, Statement)> {
    let pairs = match source {
        Some(Value::String(text)) => inline::parameters(text),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|pair| pair.iter().next())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        _ => Vec::new(),
    };
    pairs.into_iter().map(|(name, value)| (Arc::from(name), Statement::compile(value))).collect()
}

/// Marks the start tasks. Returns the edges between tasks that can be reached from them.
fn reached(tasks: &mut [Task], written: &BTreeMap<&str, Vec<Written<'_>>>) -> BTreeSet<(TaskId, TaskId)> {
    let led_to: BTreeSet<&str> = written.values().flatten().map(|transition| transition.target).collect();
    let mut queue = Vec::new();
    for (task, number) in tasks.iter_mut().zip(0..) {
        task.is_start = task.engine.is_none() && !led_to.contains(&*task.name);
        if task.is_start {
            queue.push(TaskId(number));
        }
    }
    let mut visited: BTreeSet<TaskId> = queue.iter().copied().collect();
    let mut edges = BTreeSet::new();
    while let Some(from) = queue.pop() {
        let Some(task) = tasks.get(from.index()) else { continue };
        for transition in &task.transitions {
            edges.insert((from, transition.target));
            if visited.insert(transition.target) {
                queue.push(transition.target);
            }
        }
    }
    edges
}

/// Marks tasks on a cycle: those in a strongly connected component with more than one task, and those that lead to
/// themselves.
fn mark_cycles(tasks: &mut [Task]) {
    let next: Vec<Vec<usize>> = tasks
        .iter()
        .map(|task| task.transitions.iter().map(|transition| transition.target.index()).collect())
        .collect();
    for (task, is_on_cycle) in tasks.iter_mut().zip(Components::of(&next).is_on_cycle) {
        task.is_in_cycle = is_on_cycle;
    }
}
