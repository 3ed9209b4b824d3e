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

use super::expressions::action_and_input;
use super::finding::{Finding, Kind, Place};
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
}

/// The inputs of a call.
#[derive(Debug, Clone, Default)]
struct Inputs {
    names: BTreeSet<String>,
    /// Whether there are further inputs, with names from expressions.
    has_more: bool,
}

impl Inputs {
    fn of(object: &Map<String, Value>) -> Self {
        let (names, open): (Vec<_>, Vec<_>) = object.keys().partition(|name| is_literal(name));
        Self { names: names.into_iter().cloned().collect(), has_more: !open.is_empty() }
    }
}

/// The calls of a workflow. Calls whose action comes from an expression are left out.
pub fn calls(definition: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    if !syntax::overlong(definition).is_empty() {
        // Each finding in a task repeats the task's name, so very long names would multiply.
        return calls;
    }
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
        missing.chain(unexpected).collect()
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
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// A few actions. The pack `later` is not registered yet, and `kept` cannot be.
    struct Few(BTreeMap<&'static str, Parameters>);

    impl Actions for Few {
        fn find(&self, reference: &str) -> Known<'_> {
            match self.0.get(reference) {
                Some(parameters) => Known::Takes(parameters),
                None if reference == "odd.one" => Known::Unclear,
                None if reference.starts_with("later.") => Known::Later,
                None if reference.starts_with("kept.") => Known::Kept,
                None => Known::Missing,
            }
        }
    }

    fn actions() -> Few {
        let parameters = |value: Value| value.as_object().cloned().unwrap();
        Few(BTreeMap::from([
            (
                "core.local",
                parameters(json!({
                    "cmd": {"type": "string", "required": true}, "timeout": {"type": "integer", "default": 60},
                    "env": {"type": "object"}, "fixed": {"required": true, "immutable": true},
                    "shell": {"required": true, "default": null},
                })),
            ),
            ("core.noop", Parameters::new()),
        ]))
    }

    /// Places and messages of findings. Notes are marked.
    fn told(findings: Vec<Finding>) -> Vec<(String, String)> {
        let mark = |finding: &Finding| if finding.is_note() { "note: " } else { "" };
        let told = |finding: Finding| {
            let message = format!("{}{}", mark(&finding), finding.message);
            (finding.spec_path.unwrap_or_default(), message)
        };
        findings.into_iter().map(told).collect()
    }

    #[test]
    fn what_is_not_taken_is_told_with_what_is() {
        for (task, says) in [
            (json!({"action": "core.local cmds=1 cmd=2"}), "Did you mean \"cmd\"?"),
            (json!({"action": "core.local colour=1 cmd=2"}), "It takes cmd, timeout, env, fixed, shell."),
            (json!({"action": "core.noop colour=1"}), "It takes no input."),
        ] {
            let found = inspect(&calls(&json!({"tasks": {"t": task}})), &actions());
            let hints: Vec<_> = found.iter().filter_map(|found| found.hint.as_deref()).collect();
            assert_eq!(hints, [says], "{task}: {found:?}");
        }
    }

    #[test]
    fn a_call_is_compared_with_what_its_action_takes() {
        const MISSING: &str = "Action \"core.local\" is missing required input \"cmd\".";
        const CMDS: &str = "Action \"core.local\" has unexpected input \"cmds\".";
        for (task, expected) in [
            (json!({"action": "core.local", "input": {"cmd": "date", "timeout": 5, "env": {}}}), &[][..]),
            (json!({"action": "core.local cmd=\"date\" timeout=5"}), &[]),
            (json!({"action": "core.local cmd=<% ctx().cmd %>"}), &[]),
            (json!({"action": "core.local"}), &[("input", MISSING)]),
            (json!({"action": "core.local", "input": null}), &[("input", MISSING)]),
            (json!({"action": "core.local", "input": {"timeout": 5}}), &[("input", MISSING)]),
            (json!({"action": "core.local cmds=\"date\""}), &[("input", MISSING), ("input.cmds", CMDS)]),
            (json!({"action": "core.local", "input": {"cmd": 1, "cmds": 2}}), &[("input.cmds", CMDS)]),
            // Inputs from an expression are unknown.
            (json!({"action": "core.local", "input": "<% ctx().all %>"}), &[]),
            (json!({"action": "core.local", "input": {"<% ctx().name %>": 1}}), &[]),
            (
                json!({"action": "core.local", "input": {"{{ ctx('n') }}": 1, "cmds": 2}}),
                &[("input.cmds", CMDS)],
            ),
            (json!({"action": "<% ctx().action %>", "input": {"x": 1}}), &[]),
            (json!({"action": "core.{{ ctx('action') }}"}), &[]),
            (json!({"next": [{"do": "noop"}]}), &[]),
            (json!({"action": "odd.one", "input": {"x": 1}}), &[]),
            (
                json!({"action": "core.noop", "with": "<% [1] %>", "input": {"x": 1}}),
                &[("input.x", "Action \"core.noop\" has unexpected input \"x\".")],
            ),
            (
                json!({"action": "core.nop"}),
                &[("action", "The action \"core.nop\" is not registered in the database.")],
            ),
            (
                json!({"action": "noop"}),
                &[("action", "The action reference \"noop\" is not formatted correctly.")],
            ),
            (
                json!({"action": "later.one x=1"}),
                &[(
                    "action",
                    "note: The action \"later.one\" is not registered in the database; register the pack \"later\" before \
                 the workflow is run.",
                )],
            ),
            (
                json!({"action": "kept.one x=1"}),
                &[(
                    "action",
                    "The action \"kept.one\" is not registered in the database; the pack \"kept\" is not part of this \
                     version of petrel, and its name is kept for a later one. Until then call an action of another pack \
                     in its place, as core.local, or bring yours in a pack of another name.",
                )],
            ),
        ] {
            let found = told(inspect(&calls(&json!({"tasks": {"t": task}})), &actions()));
            let expected: Vec<_> = expected
                .iter()
                .map(|(place, message)| (format!("tasks.t.{place}"), (*message).to_owned()))
                .collect();
            assert_eq!(found, expected, "{task}");
        }
    }

    #[test]
    fn of_very_many_wrong_calls_no_more_is_made_than_is_told() {
        for (count, found) in [(10, 10), (MOST_FINDINGS, MOST_FINDINGS), (20_000, MOST_FINDINGS + 1)] {
            let task =
                |number: usize| (format!("t{number}"), json!({"action": format!("core.zorg{number}")}));
            let tasks: Map<_, _> = (0..count).map(task).collect();
            assert_eq!(inspect(&calls(&json!({"tasks": tasks})), &actions()).len(), found, "{count}");
        }
    }

    #[test]
    fn who_knows_no_action_finds_nothing() {
        let definition = json!({"tasks": {"t": {"action": "core.nop", "input": {"x": 1}}}});
        assert!(inspect(&calls(&definition), &NoActions).is_empty());
    }

    #[test]
    fn what_is_found_in_a_chain_is_a_note() {
        let chain = json!({"chain": [
            {"name": "a", "ref": "core.local", "params": {"cmds": "{{ x }}"}},
            {"name": "b", "ref": "core.nop"},
        ]});
        let found = told(inspect(&calls_of_chain(&ChainDefinition::compile(&chain).unwrap()), &actions()));
        let expected = [
            ("chain[0].parameters", "note: Action \"core.local\" is missing required input \"cmd\"."),
            ("chain[0].parameters.cmds", "note: Action \"core.local\" has unexpected input \"cmds\"."),
            ("chain[1].ref", "note: The action \"core.nop\" is not registered in the database."),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (place, message) in expected {
            assert!(found.contains(&(place.to_owned(), message.to_owned())), "{place}: {found:?}");
        }
    }
}
