//! Rehearses a workflow without running any action: a script has the results of the actions and the expectations.
//! [`play`] returns what happened, [`first_difference`] compares.

mod script;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use petrel_expressions::KeyScope;
use petrel_expressions::workflow::{Keys, Moment};
use petrel_model::WorkflowLimits;
use serde_json::{Map, Value};

pub use script::{Expectation, Planned, Script, parse};

use crate::conducted::{Conducted, Source};
use crate::conductor::{Event, Report, Start, World};
use crate::status::Status;

/// Number of actions after which a workflow is taken to be endless.
const MOST_ACTIONS: usize = 100_000;

/// The results of a rehearsal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Played {
    /// The final status of the workflow.
    pub status: Status,
    /// Its output.
    pub output: Value,
    /// Its errors, as texts.
    pub errors: Vec<String>,
    /// The tasks in the order in which they started, with the variables that they saw.
    pub tasks: Vec<(Arc<str>, Value)>,
    /// The final variables.
    pub variables: Value,
}

/// The datastore of a script.
#[derive(Debug)]
struct ScriptedKeys(BTreeMap<String, String>);

impl Keys for ScriptedKeys {
    fn get(&self, scope: KeyScope, name: &str, _decrypt: bool) -> Result<Option<String>, String> {
        Ok(match scope {
            KeyScope::System => self.0.get(name).cloned(),
            KeyScope::User => self.0.get(&format!("user.{name}")).cloned(),
        })
    }

    /// What a script gives is never encrypted, so that decryption leaves it as it is.
    fn open(&self, sealed: &str) -> Result<Option<String>, String> {
        Ok(self.0.values().find(|value| *value == sealed).cloned())
    }
}

/// An action that has been started.
struct Running {
    task: Arc<str>,
    route: u32,
    item: Option<usize>,
}

/// Rehearses `source` by `script`. Actions end in the order in which they were started.
pub fn play(source: &Source, script: &Script) -> Played {
    let world = World {
        moment: Moment { micros: script.now_micros, seed: 1 },
        keys: Some(Arc::new(ScriptedKeys(script.keys.clone()))),
        records: None,
        secrets: None,
    };
    let mut workflow =
        Conducted::new(source, &script.input, &script.context, &world).with_limits(WorkflowLimits::default());
    let mut played = Played::default();
    let mut queue = VecDeque::new();
    let mut taken: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    if workflow.status() != Status::Failed {
        // A new workflow can always be started.
        let starts = workflow.apply(&Event::Request(Status::Running), &world).unwrap_or_default();
        take(&workflow, starts, &mut queue, &mut played);
    }
    let mut actions = 0;
    while let Some(running) = queue.pop_front().filter(|_| actions < MOST_ACTIONS) {
        actions += 1;
        let number = taken.entry(Arc::clone(&running.task)).or_default();
        let planned = script.planned(&running.task, *number);
        *number += 1;
        let Running { task, route, item } = running;
        let report =
            Report { task, route, item, status: planned.status, result: planned.result, execution: None };
        let starts = workflow.apply(&Event::Report(report), &world).unwrap_or_default();
        take(&workflow, starts, &mut queue, &mut played);
    }
    finish(&workflow, actions, played)
}

fn take(workflow: &Conducted, starts: Vec<Start>, queue: &mut VecDeque<Running>, played: &mut Played) {
    for start in starts {
        // Further items of a task that has begun before.
        let goes_on =
            start.items.is_some() && start.actions.first().is_some_and(|action| action.item > Some(0));
        if !goes_on {
            played.tasks.push((Arc::clone(&start.task), workflow.known_to(start.number)));
        }
        for action in start.actions {
            queue.push_back(Running { task: Arc::clone(&start.task), route: start.route, item: action.item });
        }
    }
}

fn finish(workflow: &Conducted, actions: usize, played: Played) -> Played {
    let result = workflow.result();
    let mut errors: Vec<String> = match result.get("errors") {
        Some(Value::Array(errors)) => errors.iter().map(message).collect(),
        _ => result.get("error").map(message).into_iter().collect(),
    };
    if actions >= MOST_ACTIONS {
        errors.push(format!(
            "the workflow has not ended after {MOST_ACTIONS} actions; give its cycle a condition to end"
        ));
    }
    let output = result.get("output").or_else(|| result.get("published")).cloned().unwrap_or_default();
    Played { status: workflow.status(), output, errors, variables: workflow.variables(), ..played }
}

fn message(error: &Value) -> String {
    let text = error.get("message").unwrap_or(error);
    text.as_str().map_or_else(|| text.to_string(), str::to_owned)
}

/// A difference between expectation and result.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The part that differs: `status`, `tasks[2]`, `output.greeting` ...
    pub what: String,
    /// The expected value.
    pub expected: Value,
    /// The actual value.
    pub actual: Value,
    /// The variables at that point.
    pub context: Value,
}

/// The first difference between expectation and result, in the order of events: tasks, status, errors, output,
/// variables. Parts without an expectation are not compared.
pub fn first_difference(expected: &Expectation, played: &Played) -> Option<Difference> {
    tasks(expected, played)
        .or_else(|| {
            let status = expected.status.filter(|status| *status != played.status)?;
            let actual = Value::from(played.status.as_str());
            Some(in_the_end("status", &Value::from(status.as_str()), &actual, played))
        })
        .or_else(|| errors(expected, played))
        .or_else(|| {
            let output = expected.output.as_ref()?;
            within("output", output, &played.output, true, played)
        })
        .or_else(|| {
            let variables = Value::Object(expected.variables.clone());
            within("variables", &variables, &played.variables, false, played)
        })
}

fn in_the_end(what: &str, expected: &Value, actual: &Value, played: &Played) -> Difference {
    Difference {
        what: what.to_owned(),
        expected: expected.clone(),
        actual: actual.clone(),
        context: played.variables.clone(),
    }
}

fn tasks(expected: &Expectation, played: &Played) -> Option<Difference> {
    let expected = expected.tasks.as_ref()?;
    let longest = expected.len().max(played.tasks.len());
    (0..longest).find_map(|number| {
        let wanted = expected.get(number).map(String::as_str);
        let actual = played.tasks.get(number);
        if wanted == actual.map(|(name, _)| &**name) {
            return None;
        }
        let before = number.checked_sub(1).and_then(|before| played.tasks.get(before));
        let context = actual.or(before).map_or(&played.variables, |(_, context)| context);
        Some(Difference {
            what: format!("tasks[{number}]"),
            expected: Value::from(wanted),
            actual: Value::from(actual.map(|(name, _)| &**name)),
            context: context.clone(),
        })
    })
}

/// The first expected text that occurs in no error.
fn errors(expected: &Expectation, played: &Played) -> Option<Difference> {
    let is_there = |text: &&String| played.errors.iter().any(|error| error.contains(text.as_str()));
    let missing = expected.errors.iter().find(|text| !is_there(text))?;
    let actual = Value::from(played.errors.clone());
    Some(in_the_end("errors", &Value::from(missing.clone()), &actual, played))
}

/// The first part of `actual` that differs from `expected`. With `whole`, additional parts count as well.
fn within(path: &str, expected: &Value, actual: &Value, whole: bool, played: &Played) -> Option<Difference> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            let none = Value::Null;
            let different = expected.iter().find_map(|(name, value)| {
                let inner = format!("{path}.{name}");
                match actual.get(name) {
                    Some(other) => within(&inner, value, other, true, played),
                    None => Some(in_the_end(&inner, value, &none, played)),
                }
            });
            different.or_else(|| {
                let (name, value) = actual.iter().find(|(name, _)| whole && !expected.contains_key(*name))?;
                Some(in_the_end(&format!("{path}.{name}"), &none, value, played))
            })
        }
        (Value::Object(expected), Value::Null) if expected.is_empty() => None,
        _ if expected == actual => None,
        _ => Some(in_the_end(path, expected, actual, played)),
    }
}

/// A mapping of names to values. Empty if there is none.
type Object = Map<String, Value>;
