//! Dictionaries into which several branches publish. The cases in `dictionaries/cases.json` have the `vars` of a
//! workflow, and the `next` of each of its tasks. `gives` has two values, recorded from Orquesta: `d` at the end, and
//! `d` as seen by the task `look`, which joins all tasks that lead to it. `gave` is the result for workflows that
//! began before tasks shared dictionaries, and must not change either.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::collections::VecDeque;
use std::sync::Arc;

use petrel_workflows::conductor::{Event, Report};
use petrel_workflows::{Conductor, Definition, EDITION, Status, World, inspect};
use serde_json::{Map, Value, json};

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("dictionaries/cases.json")).unwrap()
}

fn definition(case: &Value) -> Value {
    let mut vars = case["vars"].as_array().cloned().unwrap_or_default();
    vars.push(json!({"seen": null}));
    let next = case["next"].as_object().cloned().unwrap_or_default();
    let leads_to_look = next.values().any(|next| next["do"] == "look");
    let mut tasks: Map<String, Value> =
        next.into_iter().map(|(name, next)| (name, json!({"action": "core.noop", "next": [next]}))).collect();
    if leads_to_look {
        let keeps = json!([{"publish": [{"seen": "<% ctx().get(d) %>"}], "do": "noop"}]);
        tasks.insert("look".to_owned(), json!({"join": "all", "action": "core.noop", "next": keeps}));
    }
    let output = json!([{"d": "<% ctx().get(d) %>"}, {"seen": "<% ctx().seen %>"}]);
    json!({"version": 1.0, "vars": vars, "tasks": tasks, "output": output})
}

/// The result if all actions succeed, in the order of their starts.
fn given(case: &Value, edition: u32) -> Value {
    let (source, world) = (definition(case), World::default());
    assert_eq!(inspect(&source, &[]), [], "{case}");
    let compiled = Arc::new(Definition::compile(&source).unwrap());
    let conductor = Conductor::new(compiled, &Map::new(), &Map::new(), &world);
    let mut conductor = conductor.with_edition(edition);
    let mut running: VecDeque<_> = conductor.apply(&Event::Request(Status::Running), &world).unwrap().into();
    while let Some(start) = running.pop_front() {
        let (task, route, result) = (start.task, start.route, Arc::default());
        let report = Report { task, route, item: None, status: Status::Succeeded, result, execution: None };
        running.extend(conductor.apply(&Event::Report(report), &world).unwrap());
    }
    assert!(conductor.status().is_completed(), "{case}");
    let output = conductor.output().unwrap();
    json!([output["d"], output["seen"]])
}

#[test]
fn dictionaries_that_several_branches_publish_into_are_merged_as_the_original_does() {
    for case in cases() {
        assert_eq!(given(&case, EDITION), case["gives"], "{}", case["what"]);
    }
}

#[test]
fn a_log_of_before_is_read_by_the_rules_of_then() {
    for case in cases() {
        assert_eq!(given(&case, 0), case["gave"], "{}", case["what"]);
    }
}
