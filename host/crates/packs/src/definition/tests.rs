//! Files of packs: valid ones, and the problems of others.

use petrel_model::rule::RuleKind;
use serde_json::{Value, json};

use super::*;

fn told<T: std::fmt::Debug>(result: Result<T, Vec<Problem>>) -> Vec<String> {
    result.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn an_action_is_read() {
    let text = "name: greet\nid: x\nuid: y\nref: demo.greet\nmetadata_file: z\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {default: echo, immutable: yes}\n  who:\n    type: string\n    position: 0\n";
    let action = read_action("actions/greet.yaml", text, "demo").unwrap();
    assert_eq!((action.reference.as_str(), action.enabled, action.idempotent), ("demo.greet", true, false));
    assert_eq!(action.parameters.get("cmd"), Some(&json!({"default": "echo", "immutable": true})));
}

#[test]
fn an_action_is_read_strictly() {
    let text = "name: greet\npack: other\nrunner_typ: x\nenabled: maybe\nparameters:\n  a-b: {typ: string}\n  b: {type: [string, integer], immutable: true}\n  c: {type: strin, position: 1}\n  d: {type: object, properties: {e: {defualt: 1}}, position: 3}\n";
    assert_eq!(
        told(read_action("a.yaml", text, "demo")),
        [
            "a.yaml:1:1: an action needs a field runner_type; rename runner_typ, if that is meant, or add it",
            "a.yaml:2:7: an action says that its pack is other, but it is in the pack demo; remove the field pack",
            "a.yaml:3:1: an action has no field runner_typ; did you mean runner_type?",
            "a.yaml:4:10: enabled of an action must be true or false, and is a text; correct the value",
            "a.yaml:6:3: `a-b` is not a name for a parameter; use letters, digits and _",
            "a.yaml:6:3: positions are 1, 3; number them without gaps, as in 0, 1, 2",
            "a.yaml:6:9: parameter a-b has no field typ; did you mean type?",
            "a.yaml:7:13: type of parameter b must be a single one; write one of array, boolean, integer, null, number, object, string",
            "a.yaml:7:43: parameter b is immutable and has no default; add a default",
            "a.yaml:8:13: `strin` is not a type; did you mean string?",
        ]
    );
    assert_eq!(
        told(read_action("a.yaml", "- a", "demo")),
        ["a.yaml:1:1: an action must be a mapping of names to values, and is a list; write name: value"]
    );
    assert_eq!(told(read_action("a.yaml", "a: 'b", "demo")).len(), 1);
}

#[test]
fn a_rule_is_read_from_yaml_and_json() {
    let yaml = "name: r\ntrigger: {type: core.st2.webhook, parameters: {url: sample}}\ncriteria:\n  trigger.z: {type: equals, pattern: yes}\n  trigger.a: {type: exists}\ntype: {ref: backstop}\naction: {ref: core.local, parameters: {cmd: date}}\n";
    let rule = read_rule("r.yaml", yaml, None).unwrap();
    assert_eq!(
        (rule.reference().as_str(), rule.enabled, rule.kind),
        ("default.r", false, RuleKind::Backstop)
    );
    let criteria: Vec<_> =
        rule.criteria.iter().map(|(path, criterion)| (path, criterion.pattern.clone())).collect();
    assert_eq!(criteria, [("trigger.z", Some(json!(true))), ("trigger.a", None)]);

    let json = r#"{"id": "x", "uid": "y", "ref": "p.r", "metadata_file": "", "warnings": ["mind it"], "name": "r", "pack": "p", "enabled": true,
        "trigger": {"type": "core.t", "ref": "core.t", "description": null, "parameters": {}}, "tags": [{"name": "a", "value": "b"}],
        "criteria": {"trigger.n": {"type": "gt", "pattern": 1e3}, "trigger.e": {"type": "eq", "pattern": "\ud83c\udf89\/"}},
        "action": {"ref": "core.local", "description": "", "parameters": {}}}"#;
    let rule = read_rule("body", json, None).unwrap();
    let patterns: Vec<_> =
        rule.criteria.iter().map(|(_, criterion)| criterion.pattern.clone().unwrap()).collect();
    assert_eq!((rule.reference().as_str(), patterns), ("p.r", vec![json!(1000.0), json!("🎉/")]));
}

#[test]
fn a_rule_is_read_strictly() {
    let text = "name: r\nenable: true\ntype: sometimes\ntrigger: {typ: core.t}\naction: {ref: local, paramters: {}}\ncriteria:\n  trigger.a: {type: equals, patern: 1}\n  trigger.b: 5\n";
    assert_eq!(
        told(read_rule("r.yaml", text, Some("demo"))),
        [
            "r.yaml:2:1: a rule has no field enable; did you mean enabled?",
            "r.yaml:3:7: type of a rule: unknown rule type \"sometimes\"; write standard or backstop, or correlation with parameters",
            "r.yaml:4:10: the trigger of a rule needs a field type; rename typ, if that is meant, or add it",
            "r.yaml:5:22: the action of a rule has no field paramters; did you mean parameters?",
            "r.yaml:7:29: the criterion trigger.a has no field patern; did you mean pattern?",
            "r.yaml:8:14: the criterion trigger.b must be a mapping of names to values, and is a number; write trigger.b: {type: equals, pattern: 5}",
        ]
    );
}

#[test]
fn a_mistake_in_a_circuit_breaker_is_told_once_and_in_plain_words() {
    for (breaker, expected) in [
        (
            "{failures: 5, within: 10m, pause: 15m, reset: 1h}",
            "r.yaml:4:57: the circuit breaker of a rule has no field reset; known are failures, within, pause",
        ),
        (
            "{failures: '5', within: 10m, pause: 15m}",
            "r.yaml:4:18: circuit_breaker: \"5\" is a text, and a whole number is needed; write {failures: 5, within: 10m, pause: 15m}",
        ),
    ] {
        let text =
            format!("name: r\ntrigger: {{type: a.b}}\naction: {{ref: a.b}}\ncircuit_breaker: {breaker}\n");
        assert_eq!(told(read_rule("r.yaml", &text, Some("demo"))), [expected]);
    }
}

#[test]
fn what_is_no_mapping_in_a_rule_is_told_how_it_is_written() {
    const WEBHOOK: &str = "{type: core.st2.webhook}";
    const ACTION: &str = "{ref: core.local}";
    let rule = |trigger: &str, criteria: &str, action: &str| {
        format!("name: r\ntrigger: {trigger}\ncriteria: {criteria}\naction: {action}\n")
    };
    for (text, says) in [
        (rule(WEBHOOK, "{}", "core.echo"), "and is a text; write action: {ref: core.echo}"),
        (rule(WEBHOOK, "{}", "[a]"), "and is a list; write action: {ref: core.local}"),
        (
            rule("core.st2.CronTimer", "{}", ACTION),
            "and is a text; write trigger: {type: core.st2.CronTimer}",
        ),
        (rule("webhook", "{}", ACTION), "and is a text; write trigger: {type: core.st2.webhook}"),
        (rule(WEBHOOK, "{trigger.x: test}", ACTION), "; write trigger.x: {type: equals, pattern: \"test\"}"),
        (rule(WEBHOOK, "{trigger.x: true}", ACTION), "; write trigger.x: {type: equals, pattern: true}"),
        (
            rule(WEBHOOK, "{trigger.x: [{type: exists}]}", ACTION),
            "is a list; write trigger.x#1: {type: equals, pattern: value}, and trigger.x#2 for a further condition on it",
        ),
        (
            rule(WEBHOOK, "[{type: exists}]", ACTION),
            "; write criteria: {trigger.body.name: {type: equals, pattern: value}}",
        ),
        (
            rule(WEBHOOK, "{trigger.x: {type: exists}, trigger.x: {type: exists}}", ACTION),
            "the key trigger.x is written twice; keep one of them, or write trigger.x#1 and trigger.x#2 for two conditions",
        ),
    ] {
        let refused = told(read_rule("r.yaml", &text, None));
        assert!(refused.len() == 1 && refused[0].contains(says), "{text}: {refused:?}");
    }
    let text = rule("{type: core.st2.webhook, url: x}", "{}", ACTION);
    let notes = read_rule("r.yaml", &text, None).unwrap().notes;
    let says = "known are type, parameters, and what the trigger takes stands below parameters";
    assert!(notes.len() == 1 && notes[0].message.ends_with(says), "{notes:?}");
}

#[test]
fn what_stackstorm_ignores_in_a_rule_is_a_note() {
    let text = |trigger: &str, criterion: &str, action: &str| {
        format!(
            "name: r\nenabled: true\ntrigger: {{type: a.b{trigger}}}\ncriteria: {{trigger.a: {{type: eq{criterion}}}}}\naction: {{ref: a.b{action}}}\n"
        )
    };
    for (trigger, criterion, expected) in [
        (", ref: x, description: y", ", pattern: 1, condition: any", &[][..]),
        // As in the pack st2cd of StackStorm.
        (
            ", pack: a",
            ", pattern: 1",
            &[
                "r.yaml:3:22: the trigger of a rule has no field pack, so it is ignored; known are type, parameters",
            ],
        ),
        (
            ", paramters: {}",
            ", pattern: 1, conditon: any",
            &[
                "r.yaml:3:22: the trigger of a rule has no field paramters, so it is ignored; did you mean parameters?",
                "r.yaml:4:46: the criterion trigger.a has no field conditon, so it is ignored; did you mean condition?",
            ],
        ),
    ] {
        let rule = read_rule("r.yaml", &text(trigger, criterion, ""), Some("demo")).unwrap();
        let notes: Vec<_> = rule.notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes, expected, "{trigger} {criterion}");
    }
    // What it refuses is refused.
    for (criterion, action, says) in [
        (
            ", patern: 1",
            "",
            "r.yaml:4:34: the criterion trigger.a has no field patern; did you mean pattern?",
        ),
        (", pattern: 1", ", params: {}", "the action of a rule has no field params"),
    ] {
        let refused = told(read_rule("r.yaml", &text("", criterion, action), None));
        assert!(refused.len() == 1 && refused[0].contains(says), "{refused:?}");
    }
}

#[test]
fn an_action_without_a_pack_is_one_of_the_pack_that_the_rule_is_in() {
    // As in the pack nagios of StackStorm's Exchange.
    let text = "name: r\nenabled: true\ntrigger: {type: demo.t}\naction: {ref: check_procs}\n";
    let rule = read_rule("r.yaml", text, Some("demo")).unwrap();
    assert_eq!(rule.action.reference.as_str(), "demo.check_procs");
    let notes: Vec<_> = rule.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["r.yaml: the action check_procs names no pack, so demo.check_procs is used; write that"]
    );
    let refused = told(read_rule("rule", text, None));
    assert!(refused[0].contains("`check_procs` is not a reference"), "{refused:?}");
}

#[test]
fn a_pack_is_read() {
    let text = "name: My Pack\ndescription: d\nversion: 1.0\nauthor: a\nkeywords: [x, 1]\nstackstorm_version: '>=3'\nwasm:\n  components:\n    - {name: c, path: wasm/c.wasm, actions: [greet]}\n";
    let PackDefinition { pack, components, .. } = read_pack_definition("pack.yaml", text).unwrap();
    assert_eq!((pack.reference.as_str(), pack.version.as_str()), ("my_pack", "1.0.0"));
    assert_eq!(
        (pack.keywords, pack.other.get("stackstorm_version")),
        (vec!["x".into(), "1".into()], Some(&Value::from(">=3")))
    );
    let component = Component { name: "c".into(), path: "wasm/c.wasm".into(), actions: vec!["greet".into()] };
    assert_eq!(components, [component]);
    assert_eq!(
        told(read_pack_definition("pack.yaml", "name: Ä\nversion: one\ndescription: 5\n")),
        [
            "pack.yaml:1:1: a pack needs a field author; add it",
            "pack.yaml:1:1: `Ä` is not a ref for a pack; write ref with lower-case letters, digits and _",
            "pack.yaml:2:10: `one` is not a semantic version; write it as 1.2.3",
            "pack.yaml:3:14: description of a pack must be a text, and is a number; write \"5\"",
        ]
    );
}

#[test]
fn a_misspelt_field_of_a_pack_is_told_and_any_other_is_the_authors() {
    let whole = "name: mine\ndescription: d\nversion: 1.0.0\nauthor: a\n";
    for (more, expected) in [
        ("runner_type: x\nhomepage: y\npython_versions: ['3']\n", &[][..]),
        ("keyword: [x]\n", &["pack.yaml:5:1: a pack has no field keyword; did you mean keywords?"]),
        (
            "dependancies: [core]\nEmail: a@b.c\n",
            &[
                "pack.yaml:5:1: a pack has no field dependancies; did you mean dependencies?",
                "pack.yaml:6:1: a pack has no field Email; did you mean email?",
            ],
        ),
    ] {
        let read = read_pack_definition("pack.yaml", &format!("{whole}{more}")).unwrap();
        assert_eq!(read.notes, expected, "{more}");
    }
    let refused = whole.replace("1.0.0", "one") + "dependancies: [core]\n";
    assert_eq!(
        told(read_pack_definition("pack.yaml", &refused)),
        [
            "pack.yaml:3:10: `one` is not a semantic version; write it as 1.2.3",
            "pack.yaml:5:1: a pack has no field dependancies; did you mean dependencies?",
        ]
    );
    let refused = told(read_pack_definition("pack.yaml", &whole.replace("description", "descripton")));
    assert_eq!(
        refused,
        ["pack.yaml:1:1: a pack needs a field description; rename descripton, if that is meant, or add it"]
    );
}

#[test]
fn a_pack_goes_by_its_ref_or_by_its_name_made_into_one() {
    let read = |head: &str| {
        let text = format!("{head}description: d\nversion: 1.0.0\nauthor: a\n");
        read_pack_definition("pack.yaml", &text).map(|read| read.pack.reference)
    };
    for (head, reference) in [
        ("ref: mine\nname: Something Else\n", "mine"),
        ("name: My Pack\n", "my_pack"),
        ("name: networking-utils 2\n", "networking_utils_2"),
        ("name: csv\n", "csv"),
        ("name: _x_\n", "_x_"),
    ] {
        assert_eq!(read(head).as_deref(), Ok(reference), "{head}");
    }
    for head in ["ref: My Pack\nname: mine\n", "name: '!'\n", "name: _global\n"] {
        assert!(told(read(head))[0].contains("is not a ref for a pack"), "{head}");
    }
    assert!(told(read("ref: ''\n")).iter().any(|said| said.contains("the pack has no ref, and no name")));
}

#[test]
fn a_trigger_type_is_read() {
    let text = "name: push\npayload_schema: {type: object}\n";
    let kind = read_trigger_type("triggers/push.yaml", text, "demo").unwrap();
    assert_eq!((kind.reference.as_str(), kind.payload_schema.len()), ("demo.push", 1));
}
