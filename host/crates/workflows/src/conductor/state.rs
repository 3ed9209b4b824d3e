//! The table of started tasks: each with status, context and followed transitions, and sums over all of them, so that a
//! step costs the same however many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::Context;
use crate::definition::{Definition, TaskId};
use crate::status::Status;

/// A task on a route.
pub(super) type Place = (TaskId, u32);

/// The repetitions of a task.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Attempts {
    /// Largest number of repetitions.
    pub(super) count: i64,
    /// Delay before a repetition, in seconds.
    pub(super) delay: Option<i64>,
    /// Number of repetitions so far.
    pub(super) tally: u32,
}

/// The origin of a task: the transition, by its id from the target's view, and the entry of the task before.
pub(super) type Origin = (Arc<str>, usize);

/// One run of a task.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) task: TaskId,
    pub(super) route: u32,
    pub(super) status: Status,
    pub(super) context: Context,
    pub(super) origins: Vec<Origin>,
    /// The evaluated transitions, by their position in the task, and whether they were followed.
    pub(super) next: Vec<(u32, bool)>,
    pub(super) attempts: Option<Attempts>,
    /// Whether its context is part of the workflow's output.
    pub(super) is_terminal: bool,
    /// Start and end, in microseconds since 1970.
    pub(super) started: i64,
    pub(super) ended: Option<i64>,
}

impl Entry {
    /// Whether the transition at a position in the task was followed.
    pub(super) fn followed(&self, transition: usize) -> bool {
        self.next.iter().any(|(place, followed)| usize::try_from(*place) == Ok(transition) && *followed)
    }
}

/// The state of the branches that a join waits for, on one route.
#[derive(Debug, Clone, Copy)]
struct Inbound {
    /// Number of predecessors that have led to it.
    satisfied: usize,
    /// Number of predecessors that have not run.
    unknown: usize,
}

/// The state of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Enough branches have arrived.
    Complete,
    /// More branches may arrive.
    Open,
    /// The missing branches will never arrive.
    Impossible,
}

/// The table of all runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    latest: BTreeMap<Place, usize>,
    /// The number of latest entries in each status, in the order of [`Status::ALL`].
    counts: [usize; Status::ALL.len()],
    inbound: BTreeMap<Place, Inbound>,
    /// For each route, the transitions that split it off.
    pub(super) routes: Vec<Vec<Arc<str>>>,
    /// The terminal entries.
    terminal: BTreeSet<usize>,
}

impl Table {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn entry(&self, number: usize) -> Option<&Entry> {
        self.entries.get(number)
    }

    /// The number of the latest entry of a task on a route.
    pub(super) fn latest(&self, place: Place) -> Option<usize> {
        self.latest.get(&place).copied()
    }

    /// The latest entry of a task on a route.
    pub(super) fn latest_entry(&self, place: Place) -> Option<&Entry> {
        self.entry(self.latest(place)?)
    }

    /// Adds an entry, which becomes the latest of its task and route. Returns its number.
    pub(super) fn add(&mut self, entry: Entry, definition: &Definition) -> usize {
        let number = self.entries.len();
        let place = (entry.task, entry.route);
        let before = self.latest.insert(place, number);
        self.forget(before, place, definition);
        self.count(entry.status, 1);
        if entry.is_terminal {
            self.terminal.insert(number);
        }
        self.entries.push(entry);
        number
    }

    /// Removes an entry that is no longer the latest from the sums.
    fn forget(&mut self, before: Option<usize>, (task, route): Place, definition: &Definition) {
        let old = before.and_then(|number| self.entries.get(number));
        let transitions = definition.task(task).map(|task| task.transitions.as_slice()).unwrap_or_default();
        // Transitions are sorted by target, so all transitions to one join are neighbours.
        let mut joins: Vec<(TaskId, bool)> = Vec::new();
        for (place, transition) in transitions.iter().enumerate() {
            if definition.task(transition.target).is_some_and(|target| target.join.is_some()) {
                let followed = old.is_some_and(|entry| entry.followed(place));
                match joins.last_mut() {
                    Some((target, was_followed)) if *target == transition.target => *was_followed |= followed,
                    _ => joins.push((transition.target, followed)),
                }
            }
        }
        let status = old.map(|entry| entry.status);
        for (target, was_followed) in joins {
            let inbound = self.inbound((target, route), definition);
            // The first run of a task is no longer unknown to its joins. A later run takes back what the run before
            // has contributed, until its own transitions are decided.
            if before.is_none() {
                inbound.unknown = inbound.unknown.saturating_sub(1);
            } else if was_followed {
                inbound.satisfied = inbound.satisfied.saturating_sub(1);
            }
        }
        if let Some(status) = status {
            self.uncount(status);
        }
    }

    fn inbound(&mut self, place: Place, definition: &Definition) -> &mut Inbound {
        self.inbound.entry(place).or_insert_with(|| Inbound {
            satisfied: 0,
            unknown: definition.task(place.0).map_or(0, |task| task.inbound.len()),
        })
    }

    /// Records whether a transition was followed, by the number of the entry and the position of the transition.
    pub(super) fn decide(
        &mut self,
        number: usize,
        transition: usize,
        followed: bool,
        definition: &Definition,
    ) {
        let Some(entry) = self.entries.get_mut(number) else { return };
        let Some(task) = definition.task(entry.task) else { return };
        let Some(target) = task.transitions.get(transition).map(|transition| transition.target) else {
            return;
        };
        let leads_there = |place: u32| {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            task.transitions.get(place).is_some_and(|other| other.target == target)
        };
        // Several transitions to the same join are one branch.
        let is_first = !entry.next.iter().any(|(place, followed)| *followed && leads_there(*place));
        entry.next.push((u32::try_from(transition).unwrap_or(u32::MAX), followed));
        let place = (target, entry.route);
        let has_join = definition.task(target).is_some_and(|target| target.join.is_some());
        if followed && is_first && has_join {
            self.inbound(place, definition).satisfied += 1;
        }
    }

    /// The state of a join. `goes_on` says whether other tasks may still lead to it.
    pub(super) fn arrival(&self, place: Place, definition: &Definition, goes_on: bool) -> Arrival {
        let Some(task) = definition.task(place.0) else { return Arrival::Impossible };
        let (satisfied, unknown) = match self.inbound.get(&place) {
            Some(inbound) => (inbound.satisfied, inbound.unknown),
            None => (0, task.inbound.len()),
        };
        if satisfied >= task.required() {
            Arrival::Complete
        } else if unknown > 0 && goes_on {
            Arrival::Open
        } else {
            Arrival::Impossible
        }
    }

    /// Changes the status of an entry, at a time in microseconds since 1970.
    pub(super) fn set_status(&mut self, number: usize, status: Status, micros: i64) {
        let Some(entry) = self.entries.get_mut(number) else { return };
        let old = std::mem::replace(&mut entry.status, status);
        entry.ended = status.is_completed().then_some(micros);
        if self.latest.get(&(entry.task, entry.route)) == Some(&number) {
            self.uncount(old);
            self.count(status, 1);
        }
    }

    /// Sets the context of an entry.
    pub(super) fn set_context(&mut self, number: usize, context: Context) {
        if let Some(entry) = self.entries.get_mut(number) {
            entry.context = context;
        }
    }

    /// Sets whether the context of an entry is part of the workflow's output.
    pub(super) fn set_terminal(&mut self, number: usize, is_terminal: bool) {
        let Some(entry) = self.entries.get_mut(number) else { return };
        entry.is_terminal = is_terminal;
        if is_terminal {
            self.terminal.insert(number);
        } else {
            self.terminal.remove(&number);
        }
    }

    /// The terminal entries, in the order of their starts.
    pub(super) fn terminal(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.terminal.iter().filter_map(|&number| Some((number, self.entries.get(number)?)))
    }

    pub(super) fn attempts_mut(&mut self, number: usize) -> Option<&mut Attempts> {
        self.entries.get_mut(number)?.attempts.as_mut()
    }

    /// Whether any latest entry has a status for which `is_wanted` holds.
    pub(super) fn has(&self, is_wanted: impl Fn(Status) -> bool) -> bool {
        Status::ALL.iter().zip(&self.counts).any(|(status, count)| *count > 0 && is_wanted(*status))
    }

    /// The latest entries with a status, with their numbers. It looks at every task.
    pub(super) fn latest_in(&self, status: Status) -> Vec<(Place, usize)> {
        let latest = self.latest.iter().map(|(place, number)| (*place, *number));
        latest.filter(|(_, number)| self.entry(*number).is_some_and(|entry| entry.status == status)).collect()
    }

    fn count(&mut self, status: Status, by: usize) {
        if let Some(count) =
            Status::ALL.iter().position(|one| *one == status).and_then(|i| self.counts.get_mut(i))
        {
            *count += by;
        }
    }

    fn uncount(&mut self, status: Status) {
        if let Some(count) =
            Status::ALL.iter().position(|one| *one == status).and_then(|i| self.counts.get_mut(i))
        {
            *count = count.saturating_sub(1);
        }
    }

    /// The status of a task on a route, or on the nearest route from which that one was split off.
    pub(super) fn status(&self, task: TaskId, mut route: u32) -> Option<Status> {
        loop {
            if let Some(entry) = self.latest_entry((task, route)) {
                return Some(entry.status);
            }
            route = self.parent(route)?;
        }
    }

    /// The nearest earlier route whose splits are a subset of those of `route`.
    fn parent(&self, route: u32) -> Option<u32> {
        let splits = self.routes.get(usize::try_from(route).ok()?)?;
        (0..route).rev().find(|&earlier| {
            let earlier = usize::try_from(earlier).ok().and_then(|earlier| self.routes.get(earlier));
            earlier.is_some_and(|earlier| earlier.iter().all(|split| splits.contains(split)))
        })
    }
}
