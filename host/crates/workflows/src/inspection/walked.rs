//! The tasks of a workflow as a walk from its first tasks comes upon them, and the edges between those. What is known
//! at each is worked out in [`super::known`].
//!
//! The walk is Orquesta's: what is reached earlier leads on earlier. Some of its findings depend on that order.

use std::collections::BTreeMap;

use crate::definition::components::Components;

/// A way from one task to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// The task that it begins at.
    pub(super) from: usize,
    /// Its place among the edges of that task.
    place: usize,
    /// What whoever walks calls it by.
    pub(super) label: usize,
}

impl Edge {
    /// Whether it begins where `other` does and is followed before it.
    pub(super) fn precedes(self, other: Self) -> bool {
        self.from == other.from && self.place < other.place
    }
}

/// What a walk came upon. A task's number is its place in the order in which tasks were reached first.
#[derive(Debug)]
pub(super) struct Walked<'a> {
    /// The names of the tasks, by number.
    pub(super) names: Vec<&'a str>,
    /// Which parts of the graph hang together both ways.
    pub(super) components: Components,
    into: Vec<Vec<Edge>>,
    first: Vec<Option<Edge>>,
}

impl<'a> Walked<'a> {
    /// Walks from `starts`, to which nothing leads, in the order of `next`: the tasks that one leads to, with labels.
    pub(super) fn new(starts: Vec<&'a str>, mut next: impl FnMut(&'a str) -> Vec<(&'a str, usize)>) -> Self {
        let (mut into, mut first) = (vec![Vec::new(); starts.len()], vec![None; starts.len()]);
        let mut numbers: BTreeMap<&str, usize> =
            starts.iter().enumerate().map(|(number, name)| (*name, number)).collect();
        let mut names = starts;
        let mut leads: Vec<Vec<usize>> = Vec::new();
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

    /// The edge by which a task is reached first; none where the walk begins.
    pub(super) fn first(&self, task: usize) -> Option<Edge> {
        self.first.get(task).copied().flatten()
    }

    /// Whether a way leads from a task back to it.
    pub(super) fn is_on_cycle(&self, task: usize) -> bool {
        self.components.is_on_cycle.get(task).copied().unwrap_or(false)
    }
}
