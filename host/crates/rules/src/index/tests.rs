//! The index loses no rule, and enforcement keeps its two passes.

use petrel_model::rule::RuleKind;
use petrel_model::{Id, Rule};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Decision, Enforced, Occurrence, enforce, evaluate};

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
        let failed = if enforced.decision == Decision::Matched { "" } else { " failed" };
        format!("{}{failed}", enforced.rule.rule().reference.name())
    };
    enforced.iter().map(shown).collect()
}

#[test]
fn what_waits_for_a_value_of_the_datastore_is_a_candidate_whatever_comes() {
    let mut index = RuleIndex::new();
    for (number, key, pattern) in
        [(1, "trigger.a", "{{ st2kv.system.x }}"), (2, "system.x", "x"), (3, "st2kv.system.x", "x")]
    {
        index.insert(rule(number, &json!({"criteria": {key: {"type": "equals", "pattern": pattern}}})));
    }
    let trigger: Ref = "p.t".parse().unwrap();
    let datastore = petrel_expressions::Datastore::shared([("x".to_owned(), "x".to_owned())].into());
    let happened = |value: &str| occurrence(json!({"a": value})).with_datastore(Arc::new(datastore.clone()));
    assert_eq!(names(&enforce(&index, &trigger, &happened("x"))), ["r1", "r2", "r3"]);
    assert_eq!(names(&enforce(&index, &trigger, &happened("{{ st2kv.system.x }}"))), ["r2", "r3"]);
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

/// `count` rules with one criterion each, made from a number, which the events of the tests never meet.
fn in_vain(count: u64, criteria: impl Fn(u64) -> Value) -> RuleIndex {
    let mut index = RuleIndex::new();
    for number in 0..count {
        index.insert(rule(number, &json!({"criteria": criteria(number)})));
    }
    index
}

#[test]
fn a_rule_that_cannot_match_is_not_looked_at() {
    let payload = json!({"body": {"name": "other", "n": 7, "list": [1]}});
    for (what, criteria) in [
        ("another value", json!({"trigger.body.name": {"type": "equals", "pattern": "N"}})),
        ("a missing field", json!({"trigger.body.N": {"type": "equals", "pattern": 1}})),
        ("a field that must be there", json!({"trigger.body.N": {"type": "exists", "pattern": ""}})),
        ("a field that must not", json!({"trigger.body.name": {"type": "nexists", "pattern": "N"}})),
        ("another start", json!({"trigger.body.name": {"type": "startswith", "pattern": "oN"}})),
        ("another start in any case", json!({"trigger.body.name": {"type": "istartswith", "pattern": "oN"}})),
        ("another text in any case", json!({"trigger.body.name": {"type": "iequals", "pattern": "oN"}})),
        ("not in the list", json!({"trigger.body.name": {"type": "in", "pattern": ["N", "xN"]}})),
        ("not in a list of numbers", json!({"trigger.body.n": {"type": "in", "pattern": ["N", 8]}})),
        ("not in the object", json!({"trigger.body.name": {"type": "inside", "pattern": {"N": 1}}})),
        ("no pattern", json!({"trigger.body.N": {"type": "regex"}})),
        ("no operator", json!({"trigger.body.N": {"pattern": 1}})),
        (
            "a field that must be there, and how it starts",
            json!({
                "trigger.body.N": {"type": "exists", "pattern": ""},
                "trigger.body.N#2": {"type": "startswith", "pattern": "x"},
            }),
        ),
        (
            "the narrowest of several",
            json!({
                "trigger.body.name": {"type": "exists", "pattern": ""},
                "trigger.body.name#2": {"type": "nin", "pattern": ["x"]},
                "trigger.body.name#3": {"type": "equals", "pattern": "N"},
                "trigger.body.name#4": {"type": "regex", "pattern": "("},
            }),
        ),
    ] {
        let criteria = criteria.to_string();
        let index = in_vain(100, |number| {
            serde_json::from_str(&criteria.replace('N', &format!("no{number}"))).unwrap()
        });
        assert_eq!(index.candidates(&"p.t".parse().unwrap(), &payload).len(), 0, "{what}");
    }
}

#[test]
fn what_cannot_be_checked_is_looked_at() {
    for criteria in [
        json!({"trigger.missing": {"type": "startswith", "pattern": "x"}}),
        json!({"trigger.missing": {"type": "iequals", "pattern": "x"}}),
        json!({"trigger.missing": {"type": "in", "pattern": "x"}}),
        json!({"trigger.missing": {"type": "regex", "pattern": "("}}),
        json!({"trigger.a": {"type": "inside", "pattern": {"b": 1}}}),
        json!({"trigger.a": {"type": "nope", "pattern": 1}}),
        json!({"trigger.a": {"type": "gt", "pattern": 1}, "trigger.missing": {"type": "equals", "pattern": 1}}),
        json!({"trigger.missing": {"type": "equals", "pattern": "{{ trigger.zz }}"}}),
    ] {
        let index = in_vain(1, |_| criteria.clone());
        let trigger = "p.t".parse().unwrap();
        let enforced = enforce(&index, &trigger, &occurrence(json!({"a": {"b": 1}})));
        assert_eq!(names(&enforced), ["r0 failed"], "{criteria}");
    }
}

#[test]
fn a_text_leads_to_all_that_it_starts_with() {
    let starts = ["", "r", "re", "release/", "release/1", "release/10", "rex", "s", "é", "éa"];
    let index = in_vain(
        starts.len() as u64,
        |number| json!({"trigger.a": {"type": "startswith", "pattern": starts[usize::try_from(number).unwrap()]}}),
    );
    for text in ["", "r", "release/1.2", "release/10", "rest", "rf", "zzz", "éa", "è", "release/1é"] {
        let candidates = index.candidates(&"p.t".parse().unwrap(), &json!({"a": text}));
        let found: Vec<_> =
            candidates.iter().map(|rule| rule.rule().criteria.0[0].1.pattern.clone().unwrap()).collect();
        let expected: Vec<_> =
            starts.iter().filter(|start| text.starts_with(**start)).map(|&start| json!(start)).collect();
        assert_eq!(found, expected, "{text}");
    }
}

fn value() -> impl Strategy<Value = Value> {
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
        Just(json!("X")),
        Just(json!("xy")),
        Just(json!("")),
        Just(json!([])),
        Just(json!([1])),
        Just(json!(["x", 1, null])),
        Just(json!(["xy", {"b": 1}])),
        Just(json!({"b": 1})),
        Just(json!({"x": "xy"})),
    ]
}

fn pattern() -> impl Strategy<Value = Value> {
    let template =
        prop_oneof![Just(json!("{{ trigger.a }}")), Just(json!("{{ trigger.zz }}")), Just(json!("("))];
    prop_oneof![8 => value(), 1 => template]
}

fn criteria() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        3 => Just("trigger.a"),
        2 => Just("trigger.a.b"),
        2 => Just("trigger.c"),
        1 => Just("trigger.a#2"),
        1 => Just("trigger.c#2"),
        1 => Just("trigger.c.b.d"),
        1 => Just("trigger[0]"),
        1 => Just("trigger.a[0]"),
        1 => Just("trigger"),
        1 => Just("system.key"),
        1 => Just("other.a"),
        1 => Just("trigger..b"),
    ];
    let every = proptest::sample::select(crate::criteria::Operator::NAMES);
    let operator = prop_oneof![
        2 => Just("equals").prop_map(str::to_owned),
        9 => every.prop_map(str::to_owned),
        1 => Just("EQ").prop_map(str::to_owned),
        1 => Just("nope").prop_map(str::to_owned),
    ];
    let criterion =
        (proptest::option::weighted(0.95, operator), pattern()).prop_map(|(operator, pattern)| {
            let mut criterion = json!({"pattern": pattern, "condition": "any"});
            if let Some(operator) = operator {
                criterion["type"] = json!(operator);
            }
            criterion
        });
    proptest::collection::vec((path, criterion), 0..4).prop_map(|criteria| {
        criteria.into_iter().map(|(path, criterion)| (path.to_owned(), criterion)).collect()
    })
}

/// The result without an index: every rule is evaluated.
fn enforced_one_by_one(index: &RuleIndex, occurrence: &Occurrence) -> Vec<String> {
    let mut rules: Vec<_> = index.iter().filter(|rule| rule.rule().enabled).collect();
    rules.sort_by_key(|rule| rule.rule().reference.clone());
    let pass = |kind: RuleKind| {
        let of_kind = rules.iter().filter(move |rule| rule.rule().kind == kind);
        let shown = of_kind.filter_map(|rule| {
            let verdict = evaluate(rule, occurrence);
            let name = rule.rule().reference.name();
            match (verdict.matched, verdict.failure()) {
                (true, _) => Some(name.to_owned()),
                (false, Some(_)) => Some(format!("{name} failed")),
                (false, None) => None,
            }
        });
        shown.collect::<Vec<_>>()
    };
    let mut all = pass(RuleKind::Standard);
    if all.iter().all(|name| name.ends_with(" failed")) {
        all.extend(pass(RuleKind::Backstop));
    }
    all
}

proptest! {
    #[test]
    fn the_index_changes_nothing_but_the_time_it_takes(
        rules in proptest::collection::vec((criteria(), 0..10_u8, any::<bool>()), 0..20),
        payload in prop_oneof![
            9 => (value(), value()).prop_map(|(a, c)| json!({"a": a, "c": c})),
            2 => value().prop_map(|c| json!({"c": c, "d": 1, "e": 2, "f": 3, "g": 4})),
            1 => value(),
        ],
    ) {
        let mut index = RuleIndex::new();
        for (number, (criteria, kind, _)) in rules.iter().enumerate() {
            let more = json!({
                "criteria": criteria,
                "enabled": *kind != 0,
                "type": if *kind == 1 { "backstop" } else { "standard" },
            });
            index.insert(rule(number as u64, &more));
        }
        let (trigger, occurrence) = ("p.t".parse().unwrap(), occurrence(payload));
        prop_assert_eq!(names(&enforce(&index, &trigger, &occurrence)), enforced_one_by_one(&index, &occurrence));
        // A removed rule is gone from every part of the index, and no other rule is.
        for (number, (_, _, stays)) in rules.iter().enumerate() {
            if !stays {
                index.remove(Id::from_parts(1, number as u64).into());
            }
        }
        prop_assert_eq!(names(&enforce(&index, &trigger, &occurrence)), enforced_one_by_one(&index, &occurrence));
        for number in 0..rules.len() {
            index.remove(Id::from_parts(1, number as u64).into());
        }
        prop_assert!(index.triggers.is_empty());
    }
}
