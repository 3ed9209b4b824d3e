//! Tasks and how they hang together: names that are taken, a workflow that cannot begin, transitions to
//! nowhere, joins that wait for what never comes, items without an action.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::{Finding, Kind, Place};
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

/// Who leads where, by name.
pub(super) struct Graph<'a> {
    tasks: &'a Map<String, Value>,
    /// For each task the targets of its transitions, sorted, with repetitions.
    next: BTreeMap<&'a str, Vec<&'a str>>,
    /// How many transitions lead to a task.
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

    /// The tasks that nothing leads to, sorted.
    pub(super) fn starts(&self) -> Vec<&'a str> {
        self.next.keys().filter(|name| !self.led_to.contains_key(*name)).copied().collect()
    }

    fn next(&self, name: &str) -> &[&'a str] {
        self.next.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    fn has_join(&self, name: &str) -> bool {
        self.tasks.get(name).and_then(|task| task.get("join")).is_some_and(|join| !join.is_null())
    }

    /// The tasks from which a way leads back to them.
    fn in_cycles(&self) -> BTreeSet<&'a str> {
        let on_cycle = |name: &&str| {
            let mut seen = BTreeSet::new();
            let mut queue: Vec<&str> = self.next(name).to_vec();
            while let Some(other) = queue.pop() {
                if other == *name {
                    return true;
                }
                if seen.insert(other) {
                    queue.extend(self.next(other));
                }
            }
            false
        };
        self.next.keys().copied().filter(on_cycle).collect()
    }
}

/// Transitions, of tasks that can be reached, to tasks that are not there.
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
                    findings.push(Finding::new(Kind::Semantic, &place, message));
                } else if seen.insert(target) {
                    queue.push_back(target);
                }
            }
        }
    }
    findings
}

/// What is known of a task after all ways to it were walked.
#[derive(Default)]
struct Reached<'a> {
    splits: BTreeSet<&'a str>,
    before: BTreeSet<&'a str>,
}

/// Joins whose branches were split at different places: the engine could not know at which level they are
/// to be joined.
fn unreachable_joins(graph: &Graph<'_>) -> Vec<Finding> {
    let reached = walk(graph);
    let is_ambiguous = |task: &Reached<'_>| {
        task.before
            .iter()
            .any(|before| reached.get(before).is_some_and(|before| before.splits != task.splits))
    };
    let joins = reached.iter().filter(|(name, task)| graph.has_join(name) && is_ambiguous(task));
    joins
        .map(|(name, _)| {
            let message = format!(
                "The join task \"{name}\" is unreachable. A join task is determined to be unreachable if there \
                 are nested forks from multi-referenced tasks that join on the said task. This is ambiguous to \
                 the workflow engine because it does not know at which level should the join occurs."
            );
            Finding::new(Kind::Semantic, &Place::task(name), message)
        })
        .collect()
}

/// Walks all ways from the first tasks, and notes for each task at which splits the ways to it began.
fn walk<'a>(graph: &Graph<'a>) -> BTreeMap<&'a str, Reached<'a>> {
    let in_cycles = graph.in_cycles();
    let mut reached: BTreeMap<&str, Reached<'_>> = BTreeMap::new();
    let mut walked: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut queue: VecDeque<(Option<&str>, &str, BTreeSet<&str>)> =
        graph.starts().into_iter().map(|start| (None, start, BTreeSet::new())).collect();
    while let Some((before, name, mut splits)) = queue.pop_front() {
        if !graph.tasks.contains_key(name) {
            continue;
        }
        let is_split = !graph.has_join(name) && graph.led_to.get(name).is_some_and(|count| *count > 1);
        if is_split && !in_cycles.contains(name) {
            splits.insert(name);
        }
        let task = reached.entry(name).or_default();
        task.splits.extend(&splits);
        task.before.extend(before);
        for target in graph.next(name) {
            if reached.contains_key(target) && in_cycles.contains(target) {
                continue;
            }
            let known = walked.get_mut(&(name, *target));
            match known {
                Some(known) if splits.is_subset(known) && !known.is_empty() => continue,
                Some(known) => known.extend(&splits),
                None => {
                    walked.insert((name, target), splits.clone());
                }
            }
            queue.push_back((Some(name), target, splits.clone()));
        }
    }
    reached
}
