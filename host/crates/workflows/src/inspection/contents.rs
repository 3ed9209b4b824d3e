//! Compares a workflow with the actions that it calls: missing actions, unexpected inputs and missing inputs. The
//! caller provides the actions through [`Actions`].
//!
//! Source of the checks and of their words: `inspect_task_contents` in StackStorm's `services/workflows.py`, and
//! `validate_action_parameters`. StackStorm does not check chains, which run until they reach the failing task; so
//! findings in a chain are notes.

use std::collections::BTreeSet;

use petrel_expressions::Statement;
use petrel_model::names::WITHOUT_OWN_PACK;
use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::certain::Certain;
use super::expressions::action_and_input;
use super::finding::{Finding, Kind, Place};
use super::literals::{self, Literal};
use super::syntax;
use crate::chain::{ChainDefinition, Node};
use crate::definition::shape;

/// Largest number of findings that [`inspect`] reports; one more shows that there are others. A workflow may call
/// thousands of actions that do not exist.
pub const MOST_FINDINGS: usize = 1_000;

/// The knowledge about an action.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// It exists and takes these parameters, including those of its runner.
    Takes(&'a Parameters),
    /// It exists or may exist, and its parameters are unknown.
    Unclear,
    /// Neither it nor its pack exists, but the pack may be registered later.
    Later,
    /// It does not exist, and its pack is one of the host's own that this version does not have: nobody can add it.
    Kept,
    /// It does not exist.
    Missing,
}

/// A source of knowledge about actions.
pub trait Actions {
    /// Looks up the action with this reference.
    fn find(&self, reference: &str) -> Known<'_>;

    /// The remedy for a call by this reference, which does not exist: a sentence.
    fn remedy(&self, _reference: &str) -> Option<String> {
        None
    }
}

/// Knows no action, so that nothing is reported.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoActions;

impl Actions for NoActions {
    fn find(&self, _reference: &str) -> Known<'_> {
        Known::Unclear
    }
}

/// A call of an action, as far as it is known before the workflow runs.
#[derive(Debug, Clone)]
pub struct Call {
    /// The reference of the action.
    action: String,
    /// The place of that reference.
    action_place: Place,
    /// The inputs. `None` if they come from an expression as a whole.
    inputs: Option<Inputs>,
    /// The place of the inputs.
    input_place: Place,
    /// Whether the call belongs to a chain.
    is_of_chain: bool,
    /// Whether every run makes it.
    is_certain: bool,
}

/// The inputs of a call.
#[derive(Debug, Clone, Default)]
struct Inputs {
    names: BTreeSet<String>,
    /// The values that are known before a run.
    literals: Vec<(String, Literal)>,
    /// Whether there are further inputs, with names from expressions.
    has_more: bool,
}

impl Inputs {
    fn of(object: &Map<String, Value>) -> Self {
        let (names, open): (Vec<_>, Vec<_>) = object.keys().partition(|name| is_literal(name));
        let literals = literals::of_inputs(object);
        Self { names: names.into_iter().cloned().collect(), literals, has_more: !open.is_empty() }
    }
}

/// The calls of a workflow. Calls whose action comes from an expression are left out.
pub fn calls(definition: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    if !syntax::overlong(definition).is_empty() {
        // Each finding in a task repeats the task's name, so very long names would multiply.
        return calls;
    }
    let certain = Certain::of(definition);
    for (name, task) in shape::tasks(definition).into_iter().flatten() {
        let Some(task) = task.as_object() else { continue };
        let (action, input) = action_and_input(task);
        let Some(action) = action.as_ref().and_then(Value::as_str).filter(|action| is_called(action)) else {
            continue;
        };
        let inputs = match &input {
            None | Some(Value::Null) => Some(Inputs::default()),
            Some(Value::String(text)) if text.is_empty() => Some(Inputs::default()),
            Some(Value::Object(object)) => Some(Inputs::of(object)),
            Some(_) => None,
        };
        let place = Place::task(name);
        calls.push(Call {
            action: action.to_owned(),
            action_place: place.property("action"),
            inputs,
            input_place: place.property("input"),
            is_of_chain: false,
            is_certain: certain.calls(name),
        });
    }
    calls
}

/// The calls of a chain.
pub fn calls_of_chain(chain: &ChainDefinition) -> Vec<Call> {
    let call = |(number, node): (usize, &Node)| {
        let place = Place::root("chain").item(number);
        Call {
            action: node.action.to_string(),
            action_place: place.property("ref"),
            inputs: Some(Inputs::of(&node.parameters)),
            input_place: place.property("parameters"),
            is_of_chain: true,
            is_certain: false,
        }
    };
    chain.nodes.iter().enumerate().map(call).collect()
}

/// All problems of `calls`, or one more than [`MOST_FINDINGS`] of them. Sorted by kind and place.
pub fn inspect(calls: &[Call], actions: &dyn Actions) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        calls.iter().flat_map(|call| call.inspect(actions)).take(MOST_FINDINGS + 1).collect();
    findings.sort();
    findings
}

impl Call {
    /// The reference of the action, as in the source.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The pack of what is called.
    fn pack(&self) -> &str {
        self.action.split('.').next().unwrap_or_default()
    }

    fn inspect(&self, actions: &dyn Actions) -> Vec<Finding> {
        let action = quoted(&self.action);
        let at_action = |message| vec![self.finding(&self.action_place, message)];
        if !self.action.contains('.') {
            return at_action(format!("The action reference \"{action}\" is not formatted correctly."));
        }
        match actions.find(&self.action) {
            Known::Takes(parameters) => self.compared(parameters),
            Known::Unclear => Vec::new(),
            Known::Missing => {
                let message = format!("The action \"{action}\" is not registered in the database.");
                let hint = actions.remedy(&self.action);
                vec![Finding { hint, ..self.finding(&self.action_place, message) }]
            }
            Known::Kept => {
                let pack = quoted(self.pack());
                at_action(format!(
                    "The action \"{action}\" is not registered in the database; the pack \"{pack}\" is not part of this \
                     version of petrel, and its name is kept for a later one. Until then {WITHOUT_OWN_PACK}."
                ))
            }
            Known::Later => {
                let pack = quoted(self.pack());
                let message = format!(
                    "The action \"{action}\" is not registered in the database; register the pack \"{pack}\" before \
                     the workflow is run."
                );
                at_action(message).into_iter().map(Finding::noted).collect()
            }
        }
    }

    /// Compares the inputs with the parameters of the action.
    fn compared(&self, parameters: &Parameters) -> Vec<Finding> {
        let Some(inputs) = &self.inputs else { return Vec::new() };
        let action = quoted(&self.action);
        let unexpected = inputs.names.iter().filter(|name| !parameters.contains_key(*name)).map(|name| {
            let message = format!("Action \"{action}\" has unexpected input \"{}\".", quoted(name));
            let hint = Some(taken(name, parameters));
            Finding { hint, ..self.finding(&self.input_place.entry(name), message) }
        });
        let is_given = |name: &String| inputs.has_more || inputs.names.contains(name);
        let is_needed = |schema: &Value| {
            let schema = Schema::of(schema);
            schema.is_required() && schema.default().is_none() && !schema.is_immutable()
        };
        let missing = parameters.iter().filter(|&(name, schema)| is_needed(schema) && !is_given(name));
        let missing = missing.map(|(name, _)| {
            let message = format!("Action \"{action}\" is missing required input \"{name}\".");
            self.finding(&self.input_place, message)
        });
        missing.chain(unexpected).chain(self.misfits(inputs, parameters)).collect()
    }

    /// The values that cannot be cast to the type that the action declares. The run fails where it comes to them.
    fn misfits<'a>(
        &'a self,
        inputs: &'a Inputs,
        parameters: &'a Parameters,
    ) -> impl Iterator<Item = Finding> + 'a {
        inputs.literals.iter().filter_map(move |(name, literal)| {
            let (message, hint) = literal.mistake(&self.action, name, parameters.get(name)?)?;
            let found = self.finding(&self.input_place.entry(name), message);
            let found = if self.is_certain { found } else { found.noted() };
            Some(Finding { hint: Some(hint), ..found })
        })
    }

    fn finding(&self, place: &Place, message: String) -> Finding {
        let finding = Finding::new(Kind::Content, place, message);
        if self.is_of_chain { finding.noted() } else { finding }
    }
}

/// The remedy for an input that the action does not take.
fn taken(name: &str, parameters: &Parameters) -> String {
    /// The number of names that are told.
    const MOST: usize = 12;
    if let Some(near) = nearest(name, parameters.keys().map(String::as_str)) {
        return format!("Did you mean \"{}\"?", quoted(near));
    }
    let names: Vec<_> = parameters.keys().take(MOST).map(|name| quoted(name)).collect();
    match parameters.len().saturating_sub(MOST) {
        _ if names.is_empty() => "It takes no input.".to_owned(),
        0 => format!("It takes {}.", names.join(", ")),
        more => format!("It takes {} and {more} more.", names.join(", ")),
    }
}

/// Whether `action` names one action rather than being an expression.
fn is_called(action: &str) -> bool {
    !action.is_empty() && is_literal(action)
}

fn is_literal(text: &str) -> bool {
    Statement::compile(Value::from(text)).is_literal()
}

#[cfg(test)]
mod tests;
