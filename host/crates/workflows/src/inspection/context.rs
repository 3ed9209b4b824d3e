//! Reports variables that are read before they are set on some path through the workflow.
//!
//! A variable is known at a task if every path to it sets the variable. A join knows the variables of any of its
//! branches. [`super::known`] computes this.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_expressions::statement::references;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::expressions::{action_and_input, published};
use super::finding::{Finding, Kind, Place, Unknown};
use super::known::{Rules, Set, settle};
use super::semantics::Graph;
use super::walked::{Edge, Walked};
use crate::definition::inline;
use crate::definition::shape::{self, RESERVED};

pub(super) fn inspect(definition: &Value, known: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let surroundings: BTreeSet<String> = known.iter().map(|name| (*name).to_owned()).collect();
    let mut names = Names::within(&surroundings);
    for property in ["input", "vars"] {
        check_setting(definition.get(property), &Place::root(property), &mut names, &mut findings);
    }
    let mut everywhere: BTreeSet<String> = names.set_here;
    everywhere.extend(surroundings);
    let mut in_the_end = Names::within(&everywhere);
    if let Some(tasks) = shape::tasks(definition) {
        in_the_end.set_here = inspect_tasks(tasks, &everywhere, &mut findings);
    }
    check_setting(definition.get("output"), &Place::root("output"), &mut in_the_end, &mut findings);
    findings
}

/// The variables that are known at one point.
struct Names<'a> {
    /// Variables known everywhere, such as inputs.
    everywhere: &'a BTreeSet<String>,
    /// Variables set on the paths to this point, and the numbers of all such variables.
    on_the_way: Option<(&'a Set, &'a BTreeMap<String, usize>)>,
    set_here: BTreeSet<String>,
}

impl<'a> Names<'a> {
    fn within(everywhere: &'a BTreeSet<String>) -> Self {
        Self { everywhere, on_the_way: None, set_here: BTreeSet::new() }
    }

    fn contains(&self, name: &str) -> bool {
        let is_on_the_way = || {
            let (set, numbers) = self.on_the_way?;
            Some(set.contains(*numbers.get(name)?))
        };
        self.everywhere.contains(name) || self.set_here.contains(name) || is_on_the_way().unwrap_or(false)
    }
}

/// The variables that the transitions of a workflow set.
struct Setting<'a> {
    tasks: &'a Map<String, Value>,
    everywhere: &'a BTreeSet<String>,
    numbers: BTreeMap<String, usize>,
    /// The variables set by each transition, apart from those known everywhere.
    gains: Vec<Set>,
    /// For each task, by number, whether it is a join.
    joins: Vec<bool>,
}

impl<'a> Setting<'a> {
    /// The successors of a task, each with the number of its entry in `gains`.
    fn next(&mut self, name: &str) -> Vec<(&'a str, usize)> {
        let (tasks, everywhere) = (self.tasks, self.everywhere);
        let mut next = Vec::new();
        for transition in tasks.get(name).into_iter().flat_map(shape::transitions) {
            let mut gain = Set::default();
            let published = published(transition);
            for variable in published.iter().filter_map(Value::as_array).flatten().filter_map(name_set) {
                if !everywhere.contains(variable) {
                    let number = self.numbers.len();
                    gain.insert(*self.numbers.entry(variable.to_owned()).or_insert(number));
                }
            }
            let label = self.gains.len();
            self.gains.push(gain);
            let is_there = |target: &&str| tasks.contains_key(*target) || RESERVED.contains(target);
            next.extend(
                shape::targets(transition).into_iter().filter(is_there).map(|target| (target, label)),
            );
        }
        next
    }
}

impl Rules for Setting<'_> {
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
        true
    }

    fn gathers(&self, task: usize) -> bool {
        self.joins.get(task).copied().unwrap_or(false)
    }
}

/// Checks all reachable tasks. Returns the variables that are set on any path.
fn inspect_tasks(
    tasks: &Map<String, Value>,
    everywhere: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> BTreeSet<String> {
    let mut setting =
        Setting { tasks, everywhere, numbers: BTreeMap::new(), gains: Vec::new(), joins: Vec::new() };
    let walked = Walked::new(Graph::new(tasks).starts(), |name| setting.next(name));
    let has_join = |name: &&str| tasks.get(*name).is_some_and(|task| task.get("join").is_some());
    setting.joins = walked.names.iter().map(has_join).collect();
    let known = settle(&walked, &setting).known;
    let numbers = &setting.numbers;
    for (name, known) in walked.names.iter().zip(&known) {
        if let Some(task) = tasks.get(*name).and_then(Value::as_object) {
            let on_the_way = Some((&known.on_all, numbers));
            let names = Names { everywhere, on_the_way, set_here: BTreeSet::new() };
            Task { names, findings: &mut *findings }.inspect(name, task);
        }
    }
    // A transition to an engine command ends a path, and its variables are known to the output, too.
    let mut all = Set::default();
    known.iter().for_each(|known| all.add(&known.on_any));
    numbers.iter().filter(|(_, number)| all.contains(**number)).map(|(name, _)| name.clone()).collect()
}

/// A task, and the variables that are known at it.
struct Task<'a> {
    names: Names<'a>,
    findings: &'a mut Vec<Finding>,
}

impl Task<'_> {
    fn inspect(mut self, name: &str, task: &Map<String, Value>) {
        let place = Place::task(name);
        let (action, input) = action_and_input(task);
        let with = |property| task.get("with").and_then(|with| with.get(property));
        self.check(task.get("delay"), &place.property("delay"));
        self.check(with("items"), &place.property("with").property("items"));
        self.check(with("concurrency"), &place.property("with").property("concurrency"));
        self.check(action.as_ref(), &place.property("action"));
        self.check(input.as_ref(), &place.property("input"));
        let list = task.get("next").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // Malformed ones are counted as well, so that the place is right.
        for (number, transition) in list.iter().enumerate() {
            let Some(transition) = transition.as_object() else { continue };
            let place = place.transition(number);
            self.check(transition.get("when"), &place.property("when"));
            let published = published(transition);
            check_setting(published.as_ref(), &place.property("publish"), &mut self.names, self.findings);
            self.check(transition.get("do"), &place.property("do"));
            // Each transition starts from the task's variables and does not see those of its siblings.
            self.names.set_here.clear();
        }
    }

    fn check(&mut self, value: Option<&Value>, place: &Place) {
        let Some(value) = value else { return };
        let pairs = value.as_str().map(inline::parameters).filter(|pairs| !pairs.is_empty());
        match pairs {
            // Inline parameters are checked one by one.
            Some(pairs) => {
                for (number, pair) in pairs.into_iter().enumerate() {
                    let pair = Value::Object(Map::from_iter([pair]));
                    check(&pair, &place.item(number), &self.names, self.findings);
                }
            }
            None => check(value, place, &self.names, self.findings),
        }
    }
}

/// Checks a list that sets variables, each of which sees those before it.
fn check_setting(value: Option<&Value>, place: &Place, names: &mut Names<'_>, findings: &mut Vec<Finding>) {
    let Some(list) = value.and_then(Value::as_array) else { return };
    for (number, item) in list.iter().enumerate() {
        check(item, &place.item(number), names, findings);
        names.set_here.extend(name_set(item).map(ToOwned::to_owned));
    }
}

/// The variable that an item of such a list sets.
fn name_set(item: &Value) -> Option<&str> {
    match item {
        Value::String(name) => Some(name),
        Value::Object(pair) if pair.len() == 1 => pair.keys().next().map(String::as_str),
        _ => None,
    }
}

fn check(value: &Value, place: &Place, names: &Names<'_>, findings: &mut Vec<Finding>) {
    for reference in references(value) {
        let name = &reference.name;
        let mut found = Vec::new();
        if name.starts_with("__") {
            let message = format!(
                "Variable \"{}\" that is prefixed with double underscores is considered a private \
                 variable and cannot be referenced.",
                quoted(name)
            );
            found.push(Finding::new(Kind::Context, place, message));
        }
        if !names.contains(name) {
            let message = format!("Variable \"{}\" is referenced before assignment.", quoted(name));
            found.push(Finding::new(Kind::Context, place, message).about(Unknown::Variable(name.clone())));
        }
        for mut finding in found {
            finding.language = Some(reference.language);
            finding.expression = Some(Arc::clone(&reference.expression));
            findings.push(finding);
        }
    }
}
