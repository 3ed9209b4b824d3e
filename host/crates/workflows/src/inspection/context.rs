//! Variables that are read before they are set, on some way through the workflow.
//!
//! Each way is followed from the first tasks on with the names that are known on it. A join knows what any
//! of its branches brought.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petrel_expressions::Statement;
use serde_json::{Map, Value};

use super::expressions::{action_and_input, published};
use super::semantics::Graph;
use super::{Finding, Kind, Place};
use crate::definition::inline;
use crate::definition::shape::{self, RESERVED};

/// The names that are known at some point.
type Names = BTreeSet<String>;

/// How often tasks are looked at, in all: a bound for graphs made to have very many ways.
const MOST_VISITS: usize = 20_000;

pub(super) fn inspect(definition: &Value, known: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut names: Names = known.iter().map(|name| (*name).to_owned()).collect();
    for property in ["input", "vars"] {
        check_setting(definition.get(property), &Place::root(property), &mut names, &mut findings);
    }
    if let Some(tasks) = shape::tasks(definition) {
        names = Walk { tasks, findings: &mut findings, all: names.clone() }.walk(&names);
    }
    check_setting(definition.get("output"), &Place::root("output"), &mut names, &mut findings);
    findings
}

struct Walk<'a> {
    tasks: &'a Map<String, Value>,
    findings: &'a mut Vec<Finding>,
    /// The names that are known on any way.
    all: Names,
}

impl Walk<'_> {
    /// Follows all ways; gives the names that are known on any of them.
    fn walk(mut self, known: &Names) -> Names {
        let tasks = self.tasks;
        let graph = Graph::new(tasks);
        let mut queue: VecDeque<(&str, Option<Names>)> =
            graph.starts().into_iter().map(|start| (start, Some(known.clone()))).collect();
        let mut joined: BTreeMap<&str, Names> = BTreeMap::new();
        let mut queued: BTreeMap<&str, Names> = BTreeMap::new();
        let mut looked_at: BTreeSet<(&str, Names)> = BTreeSet::new();
        let mut traversed: BTreeSet<&str> = BTreeSet::new();
        while let Some((name, names)) = queue.pop_front() {
            traversed.insert(name);
            let names = names.unwrap_or_else(|| joined.get(name).cloned().unwrap_or_default());
            let is_new = looked_at.insert((name, names.clone()));
            // What leads to a command of the engine, or nowhere, is known in the end too.
            self.all.extend(names.iter().cloned());
            let Some(task) = tasks.get(name).and_then(Value::as_object).filter(|_| is_new) else { continue };
            if looked_at.len() > MOST_VISITS {
                break;
            }
            for (target, names) in self.task(name, task, &names) {
                if traversed.contains(target) || !(tasks.contains_key(target) || RESERVED.contains(&target)) {
                    continue;
                }
                if tasks.get(target).is_some_and(|task| task.get("join").is_some()) {
                    joined.entry(target).or_default().extend(names);
                    queue.push_back((target, None));
                } else if queued.get(target) != Some(&names) {
                    queued.insert(target, names.clone());
                    queue.push_back((target, Some(names)));
                }
            }
        }
        self.all
    }

    /// Looks at a task that knows `names`; gives where it leads, with the names that are known there.
    fn task<'t>(&mut self, name: &str, task: &'t Map<String, Value>, names: &Names) -> Vec<(&'t str, Names)> {
        let place = Place::task(name);
        let (action, input) = action_and_input(task);
        let with = |property| task.get("with").and_then(|with| with.get(property));
        self.check(task.get("delay"), &place.property("delay"), names);
        self.check(with("items"), &place.property("with").property("items"), names);
        self.check(with("concurrency"), &place.property("with").property("concurrency"), names);
        self.check(action.as_ref(), &place.property("action"), names);
        self.check(input.as_ref(), &place.property("input"), names);
        let list = task.get("next").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut branches = Vec::new();
        for (number, transition) in list.iter().enumerate() {
            let Some(transition) = transition.as_object() else { continue };
            let place = place.transition(number);
            let mut known = names.clone();
            self.check(transition.get("when"), &place.property("when"), &known);
            let published = published(transition);
            check_setting(published.as_ref(), &place.property("publish"), &mut known, self.findings);
            self.check(transition.get("do"), &place.property("do"), &known);
            branches.extend(shape::targets(transition).into_iter().map(|target| (target, known.clone())));
        }
        branches
    }

    fn check(&mut self, value: Option<&Value>, place: &Place, names: &Names) {
        let Some(value) = value else { return };
        let pairs = value.as_str().map(inline::parameters).filter(|pairs| !pairs.is_empty());
        match pairs {
            // A text that holds parameters is looked at as those.
            Some(pairs) => {
                for (number, pair) in pairs.into_iter().enumerate() {
                    let pair = Value::Object(Map::from_iter([pair]));
                    check(&pair, &place.item(number), names, self.findings);
                }
            }
            None => check(value, place, names, self.findings),
        }
    }
}

/// Looks at a list that sets variables, each seeing those before it.
fn check_setting(value: Option<&Value>, place: &Place, names: &mut Names, findings: &mut Vec<Finding>) {
    let Some(list) = value.and_then(Value::as_array) else { return };
    for (number, item) in list.iter().enumerate() {
        check(item, &place.item(number), names, findings);
        match item {
            Value::String(name) => {
                names.insert(name.clone());
            }
            Value::Object(pair) if pair.len() == 1 => names.extend(pair.keys().cloned()),
            _ => {}
        }
    }
}

fn check(value: &Value, place: &Place, names: &Names, findings: &mut Vec<Finding>) {
    for reference in Statement::compile(value.clone()).references() {
        let name = &reference.name;
        let mut messages = Vec::new();
        if name.starts_with("__") {
            messages.push(format!(
                "Variable \"{name}\" that is prefixed with double underscores is considered a private \
                 variable and cannot be referenced."
            ));
        }
        if !names.contains(name) {
            messages.push(format!("Variable \"{name}\" is referenced before assignment."));
        }
        for message in messages {
            let mut finding = Finding::new(Kind::Context, place, message);
            finding.language = Some(reference.language);
            finding.expression = Some(reference.expression.clone());
            findings.push(finding);
        }
    }
}
