//! Secret parameters of actions that cannot be evaluated are named and not quoted.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::sync::Arc;

use petrel_workflows::chain::{Chain, ChainDefinition, ChainInput};
use petrel_workflows::conductor::Secrets;
use petrel_workflows::{Conductor, Definition, Event, Status, World};
use serde_json::{Map, Value, json};

/// Marks the pin that opens the vault as the only secret.
#[derive(Debug)]
struct Pins;

impl Secrets for Pins {
    fn is_secret(&self, action: &str, parameter: Option<&str>) -> bool {
        action == "vault.open" && parameter.is_none_or(|name| name == "pin")
    }
}

fn world() -> World {
    World { secrets: Some(Arc::new(Pins)), ..World::default() }
}

/// The errors of a workflow with one task.
fn told(task: &Value) -> String {
    let definition = json!({"version": 1.0, "vars": [{"hush": "hush"}], "tasks": {"a": task}});
    let definition = Arc::new(Definition::compile(&definition).unwrap());
    let mut conductor = Conductor::new(definition, &Map::new(), &Map::new(), &world());
    conductor.apply(&Event::Request(Status::Running), &world()).unwrap();
    assert_eq!(conductor.status(), Status::Failed);
    conductor.result().to_string()
}

#[test]
fn an_expression_of_a_secret_is_not_quoted() {
    const BROKEN: &str = "<% int(ctx().hush) %>";
    for (task, says) in [
        (json!({"action": "vault.open", "input": {"pin": BROKEN}}), "The parameter pin of vault.open cannot"),
        (json!({"action": "vault.open", "input": {"n": 1, "pin": {"deep": [BROKEN]}}}), "The parameter pin"),
        (json!({"action": format!("vault.open pin={BROKEN}")}), "The parameter pin of vault.open"),
        (json!({"action": "vault.open", "input": BROKEN}), "The input of vault.open"),
        (
            json!({"with": {"items": "<% [1, 2] %>"}, "action": "vault.open", "input": {"pin": BROKEN}}),
            "The parameter pin of vault.open",
        ),
        (
            json!({"action": "vault.open", "input": {"pin": "{{ ctx().hush | no_such_filter }}"}}),
            "The parameter pin of vault.open",
        ),
    ] {
        let text = told(&task);
        assert!(text.contains(says) && !text.contains("hush"), "{task}: {text}");
    }
    for task in [
        json!({"action": "vault.open", "input": {"name": BROKEN}}),
        json!({"action": "core.echo", "input": {"pin": BROKEN}}),
    ] {
        let text = told(&task);
        assert!(text.contains("Unable to evaluate expression") && text.contains(BROKEN), "{task}: {text}");
    }
}

#[test]
fn a_template_of_a_secret_in_a_chain_is_not_quoted() {
    for (action, name, is_quoted) in
        [("vault.open", "pin", false), ("vault.open", "name", true), ("core.echo", "pin", true)]
    {
        let node = json!({"name": "a", "ref": action, "parameters": {name: ["{{ hush.hush }}"]}});
        let definition = ChainDefinition::compile(&json!({"chain": [node]})).unwrap();
        let mut chain = Chain::new(&Arc::new(definition), ChainInput::default(), &world());
        chain.apply(&Event::Request(Status::Running), &world()).unwrap();
        let text = chain.result().to_string();
        assert!(text.contains("Failed rendering value for") && text.contains(name), "{text}");
        assert_eq!(text.contains("hush"), is_quoted, "{text}");
    }
}
