//! What is found in calls of actions.

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
        (json!({"action": "core.local", "input": {"{{ ctx('n') }}": 1, "cmds": 2}}), &[("input.cmds", CMDS)]),
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
fn a_value_that_every_run_fails_at_is_an_error_and_any_other_is_a_note() {
    let definition = json!({"tasks": {
        "a": {"action": "core.local cmd=\"date\" timeout=\"10m\"", "next": [{"do": "b"}]},
        "b": {"action": "core.local", "input": {"cmd": "date", "timeout": "abc", "env": "<% ctx().x %>"}},
        "c": {"action": "core.local", "with": "<% ctx().xs %>", "input": {"cmd": "date", "env": 5}},
    }});
    let found = told(inspect(&calls(&definition), &actions()));
    let says = |what: &str, value: &str| format!("Action \"core.local\" takes {what}, and {value} is none.");
    let expected = [
        ("tasks.a.input.timeout", says("a whole number as \"timeout\"", "\"10m\"")),
        ("tasks.b.input.timeout", format!("note: {}", says("a whole number as \"timeout\"", "\"abc\""))),
        ("tasks.c.input.env", format!("note: {}", says("a mapping as \"env\"", "5"))),
    ];
    assert_eq!(found, expected.map(|(place, message)| (place.to_owned(), message)));
}

#[test]
fn of_very_many_wrong_calls_no_more_is_made_than_is_told() {
    for (count, found) in [(10, 10), (MOST_FINDINGS, MOST_FINDINGS), (20_000, MOST_FINDINGS + 1)] {
        let task = |number: usize| (format!("t{number}"), json!({"action": format!("core.zorg{number}")}));
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
