//! Dictionaries that several branches publish into, and how long a step with them takes. What is expected was
//! recorded from Orquesta.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

#[path = "random/running.rs"]
mod running;

use std::collections::VecDeque;
use std::sync::Arc;

use petrel_model::WorkflowLimits;
use petrel_workflows::conductor::Event;
use petrel_workflows::{Conductor, Definition, EDITION, Status, World, inspect};
use running::{apply, ended};
use serde_json::{Map, Value, json};

/// A workflow that was given nothing and may take anything, by the rules of an edition.
fn begun(definition: &Value, edition: u32) -> Conductor {
    assert_eq!(inspect(definition, &[]), [], "{definition}");
    let definition = Arc::new(Definition::compile(definition).unwrap());
    Conductor::new(definition, &Map::new(), &Map::new(), &World::default()).with_edition(edition)
}

/// Plays it; all actions end well, in the order in which they were started.
fn played(mut conductor: Conductor) -> Conductor {
    let mut queue = VecDeque::new();
    let mut next = Event::Request(Status::Running);
    loop {
        let mut started = Vec::new();
        apply(&mut conductor, &next, &mut started);
        queue.extend(started);
        let Some(action) = queue.pop_front() else { return conductor };
        next = ended(action, Status::Succeeded, Value::Null);
    }
}

/// A workflow with these variables and tasks that gives `d` at its end, and what its task `look` saw of `d`.
fn workflow(vars: &Value, tasks: &Value) -> Value {
    let mut vars = vars.as_array().cloned().unwrap_or_default();
    vars.push(json!({"seen": null}));
    json!({"version": 1.0, "vars": vars, "tasks": tasks, "output": [{"d": "<% ctx().get(d) %>"}, {"seen": "<% ctx().seen %>"}]})
}

/// A task that publishes into `d` and leads on.
fn puts(value: &Value, next: &str) -> Value {
    json!({"action": "core.noop", "next": [{"publish": [{"d": value}], "do": next}]})
}

/// A task that does nothing but lead on.
fn leads(next: &str) -> Value {
    json!({"action": "core.noop", "next": [{"do": next}]})
}

/// A task that keeps what it sees of `d`.
fn look() -> Value {
    json!({"action": "core.noop", "next": [{"publish": [{"seen": "<% ctx().get(d) %>"}], "do": "noop"}]})
}

fn join(mut task: Value) -> Value {
    task["join"] = json!("all");
    task
}

fn given(definition: &Value, edition: u32) -> Value {
    let conductor = played(begun(definition, edition));
    assert!(conductor.status().is_completed(), "{definition} {:?}", conductor.errors());
    let output = conductor.output().unwrap();
    json!([output["d"], output["seen"]])
}

/// What it is about, the workflow, and what it gives: `d` at the end and what `look` saw, as the original has it and
/// as it was before dictionaries were in common.
fn cases() -> Vec<(&'static str, Value, Value, Value)> {
    let one = json!([{"d": {"k": 1}}]);
    let none = json!([]);
    vec![
        (
            "what one branch puts in, another sees once a task behind it was looked at",
            workflow(
                &one,
                &json!({"a": puts(&json!({"m": 2}), "a2"), "a2": leads("noop"), "b": leads("b2"), "b2": leads("look"), "look": look()}),
            ),
            json!([{"k": 1, "m": 2}, {"k": 1, "m": 2}]),
            json!([{"k": 1, "m": 2}, {"k": 1}]),
        ),
        (
            "it stays when the branch that put it in has not come to its end",
            workflow(
                &one,
                &json!({"a": puts(&json!({"m": 2}), "a2"), "a2": leads("noop"), "b": leads("fail")}),
            ),
            json!([{"k": 1, "m": 2}, null]),
            json!([{"k": 1}, null]),
        ),
        (
            "of two that put the same key in, the later one stays, and at every depth",
            workflow(
                &json!([{"d": {"k": {"x": 0, "y": 0}}}]),
                &json!({
                    "a": puts(&json!({"k": {"x": 1}}), "j"), "b": puts(&json!({"k": {"x": 2, "z": 2}}), "j"),
                    "j": join(look()),
                }),
            ),
            json!([{"k": {"x": 2, "y": 0, "z": 2}}, {"k": {"x": 2, "y": 0, "z": 2}}]),
            json!([{"k": {"x": 2, "y": 0, "z": 2}}, {"k": {"x": 2, "y": 0, "z": 2}}]),
        ),
        (
            "a dictionary that was made before a fork is not put back at the join",
            workflow(
                &none,
                &json!({
                    "a": puts(&json!({"k": 0, "m": 0}), "p"), "p": leads("b, c"), "b": puts(&json!({"k": 1}), "j"),
                    "c": puts(&json!({"m": 1}), "j"), "j": join(look()),
                }),
            ),
            json!([{"k": 1, "m": 1}, {"k": 1, "m": 1}]),
            json!([{"k": 0, "m": 1}, {"k": 0, "m": 1}]),
        ),
        (
            "two branches make dictionaries of one name, which become one",
            workflow(
                &none,
                &json!({
                    "a": puts(&json!({"k": 1}), "j"), "b": puts(&json!({"m": 1}), "j"),
                    "j": join(look()),
                }),
            ),
            json!([{"k": 1, "m": 1}, {"k": 1, "m": 1}]),
            json!([{"k": 1, "m": 1}, {"k": 1, "m": 1}]),
        ),
        (
            "what is no dictionary ends one, and the next is another",
            workflow(
                &one,
                &json!({
                    "a": puts(&json!(5), "a2"), "a2": puts(&json!({"m": 2}), "a3"), "a3": puts(&json!({"n": 3}), "look"),
                    "look": look(), "b": puts(&json!({"o": 4}), "b2"), "b2": leads("noop"),
                }),
            ),
            json!([{"k": 1, "o": 4, "m": 2, "n": 3}, {"m": 2, "n": 3}]),
            json!([{"k": 1, "o": 4, "m": 2, "n": 3}, {"m": 2, "n": 3}]),
        ),
        (
            "so it is at a join",
            workflow(
                &one,
                &json!({
                    "a": puts(&json!(5), "a2"), "a2": puts(&json!({"m": 2}), "j"), "b": leads("j"),
                    "j": join(look()),
                }),
            ),
            json!([{"m": 2}, {"m": 2}]),
            json!([{"k": 1, "m": 2}, {"k": 1, "m": 2}]),
        ),
        (
            "lists and texts are those of their branch",
            workflow(
                &json!([{"d": [1]}]),
                &json!({"a": puts(&json!([1, 2]), "a2"), "a2": leads("noop"), "b": leads("b2"), "b2": leads("look"), "look": look()}),
            ),
            json!([[1, 2], [1]]),
            json!([[1, 2], [1]]),
        ),
    ]
}

#[test]
fn dictionaries_that_several_branches_publish_into_are_merged_as_the_original_does() {
    for (what, definition, expected, _) in cases() {
        assert_eq!(given(&definition, EDITION), expected, "{what}");
    }
}

#[test]
fn a_log_of_before_is_read_by_the_rules_of_then() {
    for (what, definition, _, expected) in cases() {
        assert_eq!(given(&definition, 0), expected, "{what}");
    }
}
