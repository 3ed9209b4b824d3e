//! A data-flow analysis: what is known at each task on every path, and on any. It proceeds task by task, since there
//! may be exponentially many paths.
//!
//! The result must be Orquesta's, whose walk ([`Walked`]) visits a task once for each path that reaches it, and
//! ignores what reaches a task after another one was visited. So the analysis needs what the visits of a task *before*
//! the first visit of another know. That is derived from the task's predecessors and cached: see [`Walk::part`].
//! *before* the first one at another know is worked out from the tasks that lead to it, and kept: see [`Walk::part`].

use std::collections::BTreeMap;
use std::rc::Rc;

use super::walked::{Edge, Walked};

/// Largest amount of work for such parts, in words of sets. Beyond it everything counts as known: findings may then be
/// missed, but none is wrong.
const MOST_WORK: usize = 1 << 24;

/// The rules of one analysis. Facts have numbers.
pub(super) trait Rules {
    /// Facts known at the start of the walk.
    fn beginning(&self) -> Set;
    /// Facts that following an edge adds.
    fn gained(&self, edge: Edge) -> Option<&Set>;
    /// The fact that reaching a task adds, on any path.
    fn mark(&self, task: usize) -> Option<usize>;
    /// Whether a task ignores everything after its first visit.
    fn is_closed(&self, task: usize) -> bool;
    /// Whether a task is visited once, with the facts of all paths that have reached it by then.
    fn gathers(&self, task: usize) -> bool;
}

/// A set of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Set(
    /// Bits, without empty words at the end, so that equal sets are equal vectors.
    Vec<u64>,
);

impl Set {
    pub(super) fn insert(&mut self, number: usize) {
        let word = number / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1_u64 << (number % 64);
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| *word & (1_u64 << (number % 64)) != 0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

/// The facts known at a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Facts known on every path to it.
    pub(super) on_all: Set,
    /// Facts known on at least one path to it.
    pub(super) on_any: Set,
}

impl Known {
    /// Merges a path with these facts, and those that it `gained` last, into the paths to one task.
    fn take_in(ways: &mut Option<Self>, on_all: &Set, on_any: &Set, gained: Option<&Set>) {
        let mut way = Self { on_all: on_all.clone(), on_any: on_any.clone() };
        if let Some(gained) = gained {
            way.on_all.add(gained);
            way.on_any.add(gained);
        }
        match ways {
            Some(ways) => {
                ways.on_all.keep(&way.on_all);
                ways.on_any.add(&way.on_any);
            }
            None => *ways = Some(way),
        }
    }
}

/// The result of an analysis: the facts known at each task, by number.
#[derive(Debug)]
pub(super) struct Settled {
    /// The facts.
    pub(super) known: Vec<Rc<Known>>,
    /// Number of edges examined, each as often as it was.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test bounds it"))]
    pub(super) steps: usize,
}

/// Runs the analysis.
pub(super) fn settle(walked: &Walked<'_>, rules: &impl Rules) -> Settled {
    let count = walked.names.len();
    let mut walk = Walk {
        walked,
        rules,
        first: vec![Set::default(); count],
        whole: vec![None; count],
        parts: BTreeMap::new(),
        room: MOST_WORK,
        steps: 0,
    };
    for task in &walked.components.order {
        walk.task(*task);
    }
    Settled { known: walk.whole.into_iter().map(Option::unwrap_or_default).collect(), steps: walk.steps }
}

struct Walk<'w, R> {
    walked: &'w Walked<'w>,
    rules: &'w R,
    /// Facts known at the first visit of a task.
    first: Vec<Set>,
    /// Facts known over all visits of a task.
    whole: Vec<Option<Rc<Known>>>,
    /// Facts known over the visits of the first task before the first visit of the second. `None` if there are none.
    parts: BTreeMap<(usize, usize), Option<Rc<Known>>>,
    room: usize,
    steps: usize,
}

impl<R: Rules> Walk<'_, R> {
    /// Analyses a task. Its predecessors are done, apart from those on a cycle that are discovered later.
    fn task(&mut self, task: usize) {
        let (walked, rules) = (self.walked, self.rules);
        let (mut ways, mut first) = (None, rules.beginning());
        if let Some(by) = walked.first(task) {
            for edge in walked.edges_to(task) {
                self.steps += 1;
                let brought = if rules.is_closed(task) {
                    self.part(edge.from, task)
                } else {
                    self.whole.get(edge.from).cloned().flatten()
                };
                if let Some(known) = brought {
                    Known::take_in(&mut ways, &known.on_all, &known.on_any, rules.gained(*edge));
                }
            }
            first = self.first.get(by.from).cloned().unwrap_or_default();
            if let Some(gained) = rules.gained(by) {
                first.add(gained);
            }
        } else {
            Known::take_in(&mut ways, &first, &first, None);
        }
        let mut whole: Known = ways.unwrap_or_default();
        if let Some(mark) = rules.mark(task) {
            whole.on_any.insert(mark);
            first.insert(mark);
        }
        if rules.gathers(task) {
            whole.on_all = whole.on_any.clone();
            first = whole.on_any.clone();
        }
        if let (Some(place), Some(place_of_first)) = (self.whole.get_mut(task), self.first.get_mut(task)) {
            *place = Some(Rc::new(whole));
            *place_of_first = first;
        }
    }

    /// Facts known over the visits of `task` before the first visit of `before`. `None` if there are none.
    fn part(&mut self, task: usize, before: usize) -> Option<Rc<Known>> {
        let walked = self.walked;
        let mut open = vec![(task, before)];
        while let Some(&(inner, until)) = open.last() {
            let Err(by) = self.look_up(inner, until) else {
                open.pop();
                continue;
            };
            if self.room == 0 {
                return self.lenient(task);
            }
            let missing = walked.edges_to(inner).iter().map(|edge| (edge.from, by.from));
            let missing: Vec<_> =
                missing.filter(|(from, until)| self.look_up(*from, *until).is_err()).collect();
            if missing.is_empty() {
                let part = self.combine(inner, by);
                self.parts.insert((inner, until), part);
                open.pop();
            } else {
                self.steps += missing.len();
                open.extend(missing);
            }
        }
        self.look_up(task, before).unwrap_or_default()
    }

    /// A cached part, or else the edge by which `before` is discovered, from which the part can be derived.
    fn look_up(&self, task: usize, before: usize) -> Result<Option<Rc<Known>>, Edge> {
        if task >= before {
            return Ok(None);
        }
        let whole = self.whole.get(task).cloned().flatten();
        if self.walked.first(task).is_none() || self.rules.gathers(task) {
            return Ok(whole);
        }
        let Some(by) = self.walked.first(before) else { return Ok(None) };
        if self.rules.is_closed(task) && by.from >= task {
            return Ok(whole);
        }
        self.parts.get(&(task, before)).cloned().ok_or(by)
    }

    /// Derives a part from the predecessors of `task`: the visits that were made before `by` was followed.
    fn combine(&mut self, task: usize, by: Edge) -> Option<Rc<Known>> {
        let (walked, rules) = (self.walked, self.rules);
        let mut ways = None;
        for edge in walked.edges_to(task) {
            self.steps += 1;
            let gained = rules.gained(*edge);
            if let Ok(Some(known)) = self.look_up(edge.from, by.from) {
                Known::take_in(&mut ways, &known.on_all, &known.on_any, gained);
            }
            if let Some(first) = self.first.get(by.from).filter(|_| edge.precedes(by)) {
                Known::take_in(&mut ways, first, first, gained);
            }
            let words = ways.as_ref().map_or(0, |ways| ways.on_all.0.len() + ways.on_any.0.len());
            self.room = self.room.saturating_sub(1 + words);
        }
        if let (Some(ways), Some(mark)) = (&mut ways, rules.mark(task)) {
            ways.on_any.insert(mark);
        }
        ways.map(Rc::new)
    }

    /// An upper bound of a part, used when the work is exhausted: facts of the first visit count as known on every
    /// path, and facts of any visit as known on any.
    fn lenient(&self, task: usize) -> Option<Rc<Known>> {
        let (first, whole) = (self.first.get(task)?, self.whole.get(task)?.as_ref()?);
        Some(Rc::new(Known { on_all: first.clone(), on_any: whole.on_any.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules in which each edge sets a variable of its own.
    struct Setting {
        gains: Vec<Set>,
        joins: bool,
        is_closed: bool,
    }

    impl Rules for Setting {
        fn beginning(&self) -> Set {
            Set::default()
        }
        fn gained(&self, edge: Edge) -> Option<&Set> {
            self.gains.get(edge.label)
        }
        fn mark(&self, _task: usize) -> Option<usize> {
            None
        }
        fn is_closed(&self, _task: usize) -> bool {
            self.is_closed
        }
        fn gathers(&self, task: usize) -> bool {
            self.joins && task.is_multiple_of(3)
        }
    }

    #[test]
    fn sets_hold_what_was_put_into_them() {
        let (mut left, mut right) = (Set::default(), Set::default());
        [0, 63, 64, 1000].into_iter().for_each(|number| left.insert(number));
        [63, 65].into_iter().for_each(|number| right.insert(number));
        assert!(left.contains(1000) && !left.contains(999) && !left.contains(100_000));
        let mut both = left.clone();
        both.keep(&right);
        let mut expected = Set::default();
        expected.insert(63);
        assert_eq!(both, expected);
        left.add(&right);
        assert!(left.contains(65) && left.contains(1000));
    }

    #[test]
    fn as_many_steps_are_taken_as_there_are_edges_or_little_more() {
        const TASKS: usize = 2_000;
        let names: Vec<String> = (0..TASKS).map(|number| format!("t{number:04}")).collect();
        // Chains of forks, two parallel paths, broad layers: each task leads to two.
        for (shape, width) in [("fork", 1), ("ladder", 2), ("broad", 40), ("very broad", 900)] {
            for (joins, is_closed) in [(false, true), (true, true), (false, false), (true, false)] {
                let mut edges = 0;
                let walked = Walked::new(names.iter().take(width).map(String::as_str).collect(), |name| {
                    let from: usize = name.trim_start_matches('t').parse().unwrap();
                    let targets = [from + width, from + width + 1];
                    let targets = targets.into_iter().filter_map(|target| names.get(target));
                    targets
                        .map(|target| {
                            (target.as_str(), {
                                edges += 1;
                                edges - 1
                            })
                        })
                        .collect()
                });
                let gain = |number| {
                    let mut gain = Set::default();
                    gain.insert(number);
                    gain
                };
                let gains = (0..edges).map(gain).collect();
                let steps = settle(&walked, &Setting { gains, joins, is_closed }).steps;
                assert!(
                    steps <= 100 * edges,
                    "{shape}, joins {joins}, {is_closed}: {steps} steps, {edges} edges"
                );
            }
        }
    }
}
