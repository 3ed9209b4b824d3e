//! Criteria and what enforces them: `{"rule": {...}, "payload": ...}`. Whatever matches by itself is found by the
//! index, and the other way round.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use petrel_model::{Rule, Timestamp};
use petrel_rules::{CompiledRule, Decision, Occurrence, RuleIndex, enforce, evaluate};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(Value::Object(mut case)) = serde_json::from_slice::<Value>(data) else { return };
    let mut rule = json!({
        "id": "000000000000000000000001", "ref": "pack.rule", "enabled": true,
        "trigger": {"type": "pack.trigger"}, "action": {"ref": "core.noop", "parameters": {}},
    });
    if let (Some(rule), Some(Value::Object(given))) = (rule.as_object_mut(), case.remove("rule")) {
        rule.extend(given);
    }
    let Ok(rule) = serde_json::from_value::<Rule>(rule) else { return };
    let rule = Arc::new(CompiledRule::new(Arc::new(rule)));
    let now: Timestamp = "2021-06-15T12:00:00Z".parse().unwrap_or_default();
    let payload = Arc::new(case.remove("payload").unwrap_or_default());
    let occurrence = Occurrence::new(payload, now, Arc::default());

    let verdict = evaluate(&rule, &occurrence);
    let mut index = RuleIndex::new();
    index.insert(Arc::clone(&rule));
    let enforced = enforce(&index, rule.trigger(), &occurrence);
    if rule.rule().enabled {
        let is_found = enforced.iter().any(|one| !matches!(one.decision, Decision::Unverifiable(..)));
        assert_eq!(is_found, verdict.matched, "the index and the verdict differ");
    }
});
