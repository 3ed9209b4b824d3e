//! Every part that is read is present; parts that nobody reads take no memory.

use std::sync::Arc;

use petrel_model::Rule;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::parameters::{live, scope};
use crate::{CompiledRule, Occurrence, evaluate};

fn reads(criteria: &Value, parameters: &Value) -> Reads {
    let mut reads = Reads::default();
    rule(criteria, parameters).add_reads(&mut reads);
    reads
}

fn rule(criteria: &Value, parameters: &Value) -> CompiledRule {
    let rule: Rule = serde_json::from_value(json!({
        "id": "000000000000000000000001", "ref": "p.r", "enabled": true,
        "trigger": {"type": "p.t"}, "criteria": criteria,
        "action": {"ref": "core.noop", "parameters": parameters},
    }))
    .unwrap();
    CompiledRule::new(Arc::new(rule))
}

fn text() -> String {
    json!({
        "headers": {"a": "1"},
        "body": {"name": "main", "numbers": [1, 2, 3], "deep": {"er": {"n": 1, "m": [{"k": 1}]}}, "text": "long"},
    })
    .to_string()
}

#[test]
fn only_what_is_read_becomes_values() {
    let none = json!({});
    let only = |path: &str| json!({path: {"type": "equals", "pattern": 1}});
    for (criteria, parameters, expected) in [
        (none.clone(), none.clone(), json!({"headers": {"a": "1"}})),
        (only("trigger.body.name"), none.clone(), json!({"headers": {"a": "1"}, "body": {"name": "main"}})),
        (
            only("trigger.body.numbers"),
            none.clone(),
            json!({"headers": {"a": "1"}, "body": {"name": "m", "numbers": [1, 2, 3]}}),
        ),
        (
            only("trigger.body.numbers.x"),
            none.clone(),
            json!({"headers": {"a": "1"}, "body": {"name": "m", "numbers": [1]}}),
        ),
        (
            only("trigger.body.deep.er.m[0].k"),
            none.clone(),
            json!({"headers": {"a": "1"}, "body": {"name": "m", "deep": {"er": {"n": 1, "m": [{"k": 1}]}}}}),
        ),
        (
            json!({"trigger.body.numbers": {"type": "exists", "pattern": 1}}),
            none.clone(),
            json!({"headers": {"a": "1"}, "body": {"name": "m", "numbers": [1]}}),
        ),
        (
            none.clone(),
            json!({"a": "{{ trigger.body.name.upper() }}"}),
            json!({"headers": {"a": "1"}, "body": {"name": "main"}}),
        ),
        (
            none.clone(),
            json!({"a": "{{ trigger.body.deep.keys() }}"}),
            json!({"headers": {"a": "1"}, "body": {"name": "m", "deep": {"er": {"n": 1, "m": [{"k": 1}]}}}}),
        ),
        (only("system.key"), json!({"a": "trigger.body"}), json!({"headers": {"a": "1"}})),
    ] {
        let found = reads(&criteria, &parameters).take(&text()).unwrap();
        assert_eq!(found, expected, "{criteria} {parameters}");
    }
}

#[test]
fn whatever_is_in_doubt_is_read_as_a_whole() {
    let whole: Value = serde_json::from_str(&text()).unwrap();
    for criteria in
        ["trigger", "trigger..name", "$.trigger.body.name", "*", "trigger.body.name|x", "trigger.*.name"]
    {
        let criteria = json!({criteria: {"type": "equals", "pattern": 1}});
        assert_eq!(reads(&criteria, &json!({})).take(&text()).unwrap(), whole, "{criteria}");
    }
    for template in [
        "{{ trigger }}",
        "{{ trigger['body'] }}",
        "{{ trigger | to_json_string }}",
        "{% set t = trigger %}{{ t.body.name }}",
        "{{ (trigger).body }}",
        "{{ trigger .body }}",
        "{{ trigger.items() }}",
    ] {
        let parameters = json!({"a": [template]});
        assert_eq!(reads(&json!({}), &parameters).take(&text()).unwrap(), whole, "{template}");
    }
    let sliced = reads(&json!({}), &json!({"a": "{{ trigger.body.numbers[1:] }}"})).take(&text()).unwrap();
    assert_eq!(sliced["body"]["numbers"], whole["body"]["numbers"]);
}

#[test]
fn a_schema_reads_what_it_speaks_of() {
    let webhook = json!({
        "type": "object",
        "required": ["body"],
        "properties": {"headers": {"type": "object"}, "body": {"anyOf": [{"type": "array"}, {"type": "object"}]}},
    });
    for (schema, numbers) in [
        (webhook, json!(null)),
        (json!({"properties": {"body": {"properties": {"numbers": {"type": "array"}}}}}), json!([1])),
        (
            json!({"properties": {"body": {"required": true, "properties": {
                "numbers": {"type": "array", "required": true, "secret": true}}}}}),
            json!([1]),
        ),
        (json!({"properties": {"body": {"properties": {"numbers": {"maxItems": 3}}}}}), json!([1, 2, 3])),
        (json!({"additionalProperties": false}), json!([1, 2, 3])),
    ] {
        let mut reads = Reads::default();
        reads.add_schema(&schema);
        assert_eq!(reads.take(&text()).unwrap()["body"]["numbers"], numbers, "{schema}");
    }
}

#[test]
fn a_survey_counts_what_is_read_and_finds_what_is_wrong() {
    let (numbers, whole) = (format!("[{}1]", "1,".repeat(999)), Reads::whole());
    assert_eq!(whole.survey(&numbers, 0).unwrap().bytes, 1001 * VALUE_BYTES);
    assert_eq!(Reads::default().survey(&numbers, 0).unwrap().bytes, VALUE_BYTES);
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (depth, is_too_deep) in [(98, false), (99, false), (100, true), (127, true), (100_000, true)] {
        assert_eq!(whole.survey(&nested(depth), 1).unwrap().is_too_deep, is_too_deep, "{depth}");
    }
    for wrong in ["", "[1,]", "{\"a\":1", "[1e999]", r#"["\ud800"]"#, "[1] 2", "[01]"] {
        assert!(Reads::default().survey(wrong, 0).is_err(), "{wrong}");
    }
}

fn payload() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!("x")), Just(json!("")), Just(json!(true))];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![Just("a"), Just("b"), Just("c"), Just("items")].prop_map(str::to_owned);
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => proptest::collection::vec((name, inner), 0..4)
                .prop_map(|entries| entries.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    /// Rules give the same result for the parts that they read as for the whole payload.
    #[test]
    fn nobody_sees_less_than_there_is(
        payload in payload(),
        path in proptest::sample::select(vec![
            "trigger.a", "trigger.a.b", "trigger.a.b.c", "trigger.a[0]", "trigger.a[*].b", "trigger..b",
            "trigger.*.b", "trigger", "trigger.a.items", "$", "$.trigger.a", "trigger.a|b",
        ]),
        operator in proptest::sample::select(crate::criteria::Operator::NAMES),
        pattern in proptest::sample::select(vec![
            json!(null), json!(1), json!("x"), json!([1]), json!("{{ trigger.a.b }}"), json!("{{ trigger.a }}"),
        ]),
        template in proptest::sample::select(vec![
            "{{ trigger.a }}", "{{ trigger.a.b }}", "{{ trigger.a.items() }}", "{{ trigger.a['b'] }}",
            "{{ trigger.a.b.c.upper() }}", "{{ trigger.b | length }}", "{{ trigger.a[0:1] }}{{ trigger.b.c }}",
            "{% for x in trigger.a %}{{ x }}{% endfor %}", "{{ trigger.a is defined }}", "{{ trigger.a.items }}",
            "{{ trigger.a.b is mapping }}",
        ]),
    ) {
        let criteria = json!({path: {"type": operator, "pattern": pattern, "condition": "any"}});
        let rule = rule(&criteria, &json!({"a": template}));
        let mut reads = Reads::default();
        rule.add_reads(&mut reads);
        let [part, whole] = [reads.take(&payload.to_string()).unwrap(), payload].map(Arc::new);
        let seen = |payload: &Arc<Value>| {
            let occurrence = Occurrence::new(Arc::clone(payload), petrel_model::Timestamp::default(), Arc::default());
            let verdict = evaluate(&rule, &occurrence);
            let scope = scope(json!({}), json!({}), Arc::default()).with("trigger", Arc::clone(payload));
            let rendered = live(rule.parameters(), &crate::parameters::Signature::default(), &scope);
            (verdict.matched, verdict.failure().cloned(), rendered.map_err(|error| error.to_string()))
        };
        prop_assert_eq!(seen(&part), seen(&whole), "{} of {}", part, whole);
    }
}
