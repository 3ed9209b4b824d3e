//! Checks the graph of tasks: reserved names, a workflow without a start, transitions to missing tasks, joins that can
//! never be complete, items without an action.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Place, Unknown};
use super::known::{Rules, Set, settle};
use super::walked::{Edge, Walked};
use crate::definition::shape::{self, RESERVED};

pub(super) fn inspect(definition: &Value) -> Vec<Finding> {
    let Some(tasks) = shape::tasks(definition).filter(|tasks| !tasks.is_empty()) else { return Vec::new() };
    let graph = Graph::new(tasks);
    let mut findings = Vec::new();
    for (name, task) in tasks {
        let place = Place::task(name);
        if RESERVED.contains(&name.as_str()) {
            let message = format!("The task name \"{name}\" is reserved with special function.");
            findings.push(Finding::new(Kind::Semantic, &place, message));
        }
        let has_action = task.get("action").is_some_and(|action| !action.is_null() && action != "");
        if task.get("with").is_some_and(|with| !with.is_null()) && !has_action {
            let message = "The action property is required for with items task.";
            findings.push(Finding::new(Kind::Semantic, &place, message));
        }
    }
    if graph.starts().is_empty() {
        let message = "Unable to identify any tasks to start the workflow. If the workflow has a \
                       loop, please add a task that serves as an entry point (or lead) into the loop.";
        findings.push(Finding::new(Kind::Semantic, &Place::root("tasks"), message));
    }
    findings.extend(undefined(tasks, &graph));
    findings.extend(unreachable_joins(&graph));
    findings
}

/// The transitions between tasks, by name.
pub(super) struct Graph<'a> {
    tasks: &'a Map<String, Value>,
    /// For each task, the targets of its transitions: sorted, with duplicates.
    next: BTreeMap<&'a str, Vec<&'a str>>,
    /// The number of transitions that lead to each task.
    led_to: BTreeMap<&'a str, usize>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(tasks: &'a Map<String, Value>) -> Self {
        let mut next = BTreeMap::new();
        let mut led_to: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, task) in tasks {
            let mut targets: Vec<&str> = shape::transitions(task).flat_map(shape::targets).collect();
            targets.sort_unstable();
            for target in &targets {
                *led_to.entry(target).or_default() += 1;
            }
            next.insert(name.as_str(), targets);
        }
        Self { tasks, next, led_to }
    }

    /// The tasks without a predecessor, sorted.
    pub(super) fn starts(&self) -> Vec<&'a str> {
        self.next.keys().filter(|name| !self.led_to.contains_key(*name)).copied().collect()
    }

    fn next(&self, name: &str) -> &[&'a str] {
        self.next.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    fn has_join(&self, name: &str) -> bool {
        self.tasks.get(name).and_then(|task| task.get("join")).is_some_and(|join| !join.is_null())
    }
}

/// Reports transitions from reachable tasks to missing ones.
fn undefined(tasks: &Map<String, Value>, graph: &Graph<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut queue: VecDeque<&str> = graph.starts().into();
    let mut seen: BTreeSet<&str> = queue.iter().copied().collect();
    while let Some(name) = queue.pop_front() {
        let Some(task) = tasks.get(name) else { continue };
        for (number, transition) in shape::transitions(task).enumerate() {
            for target in shape::targets(transition) {
                if RESERVED.contains(&target) {
                    continue;
                }
                if !tasks.contains_key(target) {
                    let place = Place::task(name).transition(number).property("do");
                    let message = format!("The task \"{target}\" is not defined.");
                    let unknown = Unknown::Task(target.to_owned());
                    findings.push(Finding::new(Kind::Semantic, &place, message).about(unknown));
                } else if seen.insert(target) {
                    queue.push_back(target);
                }
            }
        }
    }
    findings
}

/// The splits that each path to a task has passed. They distinguish the path from others.
struct Splits {
    /// For each task, the number of the split that it is, if it is one.
    marks: Vec<Option<usize>>,
    /// For each task, whether it is on a cycle. A path that returns to such a task adds nothing.
    is_on_cycle: Vec<bool>,
}

impl Splits {
    fn of(graph: &Graph<'_>, walked: &Walked<'_>) -> Self {
        let mut numbers = 0..;
        let mark = |(task, name): (usize, &&str)| {
            let is_led_to = graph.led_to.get(*name).is_some_and(|count| *count > 1);
            let is_split = is_led_to && !graph.has_join(name) && !walked.is_on_cycle(task);
            if is_split { numbers.next() } else { None }
        };
        let marks = walked.names.iter().enumerate().map(mark).collect();
        Self { marks, is_on_cycle: walked.components.is_on_cycle.clone() }
    }
}

impl Rules for Splits {
    fn beginning(&self) -> Set {
        Set::default()
    }

    fn gained(&self, _edge: Edge) -> Option<&Set> {
        None
    }

    fn mark(&self, task: usize) -> Option<usize> {
        self.marks.get(task).copied().flatten()
    }

    fn is_closed(&self, task: usize) -> bool {
        self.is_on_cycle.get(task).copied().unwrap_or(false)
    }

    fn gathers(&self, _task: usize) -> bool {
        false
    }
}

/// Reports joins whose branches were split at different tasks, since Orquesta cannot decide at which level they are to
/// be joined.
fn unreachable_joins(graph: &Graph<'_>) -> Vec<Finding> {
    let walked = Walked::new(graph.starts(), |name| {
        let next = graph.next(name).iter().filter(|target| graph.tasks.contains_key(**target));
        next.map(|target| (*target, 0)).collect()
    });
    let splits = Splits::of(graph, &walked);
    let known = settle(&walked, &splits).known;
    let is_ambiguous = |task: usize| {
        // A path that leads back here arrives after the join was evaluated, so it does not count.
        let before = walked.edges_to(task).iter().map(|edge| edge.from);
        let mut before = before.filter(|before| *before < task || !splits.is_closed(task));
        let of = |task: usize| known.get(task).map(|known| &known.on_any);
        before.any(|before| of(before) != of(task))
    };
    let joins = walked.names.iter().enumerate().filter(|(_, name)| graph.has_join(name));
    joins
        .filter(|(task, _)| is_ambiguous(*task))
        .map(|(_, name)| {
            let message = format!(
                "The join task \"{name}\" is unreachable. A join task is determined to be unreachable if there \
                 are nested forks from multi-referenced tasks that join on the said task. This is ambiguous to \
                 the workflow engine because it does not know at which level should the join occurs."
            );
            Finding::new(Kind::Semantic, &Place::task(name), message)
        })
        .collect()
}
