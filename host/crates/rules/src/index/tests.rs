//! The index loses no rule, and enforcement keeps the two passes.

use petrel_model::{Id, Rule};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Enforced, Occurrence, What, enforce, evaluate};

fn rule(number: u64, more: &Value) -> Arc<CompiledRule> {
    let mut whole = json!({
        "id": Id::from_parts(1, number), "ref": format!("p.r{number}"), "enabled": true,
        "trigger": {"type": "p.t"}, "action": {"ref": "core.noop"},
    });
    whole.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    Arc::new(CompiledRule::new(Arc::new(serde_json::from_value::<Rule>(whole).unwrap())))
}

fn occurrence(payload: Value) -> Occurrence {
    Occurrence::new(Arc::new(payload), petrel_model::Timestamp::default(), Arc::default())
}

fn names(enforced: &[Enforced]) -> Vec<String> {
    let shown = |enforced: &Enforced| {
        let failed = if enforced.what == What::Matched { "" } else { " failed" };
        format!("{}{failed}", enforced.rule.rule().reference.name())
    };
    enforced.iter().map(shown).collect()
}

#[test]
fn enforcement_has_two_passes() {
    let equals = |value: &str| json!({"trigger.a": {"type": "equals", "pattern": value}});
    let mut index = RuleIndex::new();
    for rule in [
        rule(1, &json!({"criteria": equals("x")})),
        rule(2, &json!({"criteria": equals("y")})),
        rule(3, &json!({"type": "backstop"})),
        rule(4, &json!({"criteria": {"trigger.a": {"type": "gt", "pattern": 1}}})),
        rule(5, &json!({"enabled": false})),
        rule(6, &json!({"trigger": {"type": "p.t", "parameters": {"n": 1}}})),
    ] {
        index.insert(rule);
    }
    let trigger: Ref = "p.t".parse().unwrap();
    let matched = |index: &RuleIndex, payload| names(&enforce(index, &trigger, &occurrence(payload)));
    assert_eq!(matched(&index, json!({"a": "x"})), ["r1", "r4 failed"]);
    assert_eq!(matched(&index, json!({"a": "z"})), ["r4 failed", "r3"]);
    assert_eq!(matched(&index, json!({"a": 2})), ["r4"]);
    let id = Id::from_parts(1, 1).into();
    assert_eq!(index.remove(id).map(|rule| rule.rule().id), Some(id));
    index.insert(rule(4, &json!({"criteria": equals("x")})));
    assert_eq!(matched(&index, json!({"a": "x"})), ["r4"]);
    for number in 2..=6 {
        index.remove(Id::from_parts(1, number).into());
    }
    assert!(index.is_empty() && index.triggers.is_empty());
}

#[test]
fn an_equality_leads_straight_to_its_rules() {
    let mut index = RuleIndex::new();
    for number in 0..1000 {
        index.insert(rule(
            number,
            &json!({"criteria": {"trigger.body.name": {"type": "equals", "pattern": format!("n{number}")}}}),
        ));
    }
    let trigger = "p.t".parse().unwrap();
    let candidates = index.candidates(&trigger, &json!({"body": {"name": "n7"}}));
    assert_eq!(candidates.iter().map(|rule| rule.rule().reference.to_string()).collect::<Vec<_>>(), ["p.r7"]);
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(false)),
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(1.0)),
        Just(json!(0.5)),
        Just(json!("1")),
        Just(json!("x")),
        Just(json!("")),
        Just(json!([1])),
        Just(json!({"b": 1})),
    ]
}

fn criteria() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        Just("trigger.a"),
        Just("trigger.a.b"),
        Just("trigger.c"),
        Just("trigger.c#2"),
        Just("trigger[0]"),
        Just("trigger")
    ];
    let operator = prop_oneof![3 => Just("equals"), 1 => Just("EQ"), 1 => Just("nequals"), 1 => Just("exists"), 1 => Just("gt"), 1 => Just("nope")];
    proptest::collection::vec((path, operator, scalar()), 0..4).prop_map(|criteria| {
        criteria
            .into_iter()
            .map(|(path, operator, pattern)| (path.to_owned(), json!({"type": operator, "pattern": pattern})))
            .collect()
    })
}

proptest! {
    #[test]
    fn candidates_hold_all_that_matches_or_fails(
        rules in proptest::collection::vec(criteria(), 0..20),
        payload in (scalar(), scalar()).prop_map(|(a, c)| json!({"a": a, "c": c})),
    ) {
        let mut index = RuleIndex::new();
        for (number, criteria) in rules.into_iter().enumerate() {
            index.insert(rule(number as u64, &json!({"criteria": criteria})));
        }
        let occurrence = occurrence(payload);
        let candidates = index.candidates(&"p.t".parse().unwrap(), occurrence.payload());
        for rule in index.iter() {
            let verdict = evaluate(rule, &occurrence);
            if verdict.matched || verdict.failure().is_some() {
                let id = rule.rule().id;
                prop_assert!(candidates.iter().any(|candidate| candidate.rule().id == id), "{}: {verdict}", rule.rule().reference);
            }
        }
    }
}
