//! A walk over the reachable tasks of a workflow, in the order in which it discovers them, with the edges between them.
//! [`super::known`] computes what is known at each task.
//!
//! The order is Orquesta's: a task that is discovered earlier is followed earlier. Some of its findings depend on that.

use std::collections::BTreeMap;

use crate::definition::components::Components;

/// A transition from one task to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// The task where it begins.
    pub(super) from: usize,
    /// Its position among the edges of that task.
    place: usize,
    /// A number by which the caller recognizes it.
    pub(super) label: usize,
}

impl Edge {
    /// Whether it begins at the same task as `other` and is followed before it.
    pub(super) fn precedes(self, other: Self) -> bool {
        self.from == other.from && self.place < other.place
    }
}

/// The result of a walk. Tasks are numbered in the order of their discovery.
#[derive(Debug)]
pub(super) struct Walked<'a> {
    /// The names of the tasks, by number.
    pub(super) names: Vec<&'a str>,
    /// The strongly connected components of the graph.
    pub(super) components: Components,
    into: Vec<Vec<Edge>>,
    first: Vec<Option<Edge>>,
}

impl<'a> Walked<'a> {
    /// Walks from `starts`, which have no predecessors. `next` returns the successors of a task in order, with labels.
    pub(super) fn new(starts: Vec<&'a str>, mut next: impl FnMut(&'a str) -> Vec<(&'a str, usize)>) -> Self {
        let (mut into, mut first) = (vec![Vec::new(); starts.len()], vec![None; starts.len()]);
        let mut numbers: BTreeMap<&str, usize> =
            starts.iter().enumerate().map(|(number, name)| (*name, number)).collect();
        let mut names = starts;
        let mut leads: Vec<Vec<usize>> = Vec::new();
        // More names come while they are walked.
        while let Some(name) = names.get(leads.len()).copied() {
            let mut targets = Vec::new();
            for (place, (target, label)) in next(name).into_iter().enumerate() {
                let edge = Edge { from: leads.len(), place, label };
                let number = *numbers.entry(target).or_insert_with(|| {
                    names.push(target);
                    into.push(Vec::new());
                    first.push(Some(edge));
                    names.len() - 1
                });
                targets.push(number);
                if let Some(into) = into.get_mut(number) {
                    into.push(edge);
                }
            }
            leads.push(targets);
        }
        Self { names, components: Components::of(&leads), into, first }
    }

    /// The edges that lead to a task.
    pub(super) fn edges_to(&self, task: usize) -> &[Edge] {
        self.into.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// The edge by which a task is discovered. `None` for a start.
    pub(super) fn first(&self, task: usize) -> Option<Edge> {
        self.first.get(task).copied().flatten()
    }

    /// Whether a task is on a cycle.
    pub(super) fn is_on_cycle(&self, task: usize) -> bool {
        self.components.is_on_cycle.get(task).copied().unwrap_or(false)
    }
}
