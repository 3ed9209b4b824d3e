//! Warnings about fields of the event that the schema of its payload does not declare. Such a field is null for a criterion,
//! and fails a parameter that reads it.

use petrel_model::quoted::quoted;
use serde_json::Value;

use crate::compiled::CompiledRule;
use crate::reads::Reads;

/// Warnings about the fields that `rule` reads and that are likely misspelt by `payload`, the whole schema of its event. The
/// parameters for which `is_secret` holds are not looked at.
pub fn field_warnings(rule: &CompiledRule, payload: &Value, is_secret: impl Fn(&str) -> bool) -> Vec<String> {
    let mut reads = Reads::default();
    rule.add_reads_of_criteria(&mut reads);
    let rule = rule.rule();
    for (_, value) in rule.action.parameters.iter().filter(|(name, _)| !is_secret(name)) {
        let text = value.to_string();
        if text.contains("{{") || text.contains("{%") {
            reads.add_template(&text);
        }
    }
    let told = reads.undeclared(payload).into_iter().map(|(place, remedy)| {
        let (reference, kind) = (&rule.reference, quoted(rule.trigger.kind.as_str()));
        format!("rule {reference}: trigger.{place} is not in the payload_schema of {kind}; {remedy}")
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_is_likely_misspelt_is_told() {
        let schema = json!({"type": "object", "properties": {
            "status": {"type": "string"},
            "result": {"type": "object", "properties": {"stdout": {}}, "additionalProperties": false},
            "parameters": {},
            "id": {"type": "string"},
            "either": {"anyOf": [{"properties": {"other": {}}}], "properties": {"number": {}}},
        }});
        let open = json!({"type": "object"});
        for (key, parameter, schema, says) in [
            ("trigger.status", "{{ trigger.result.stdout }} {{ trigger.status.upper() }}", &schema, None),
            (
                "trigger.stauts",
                "x",
                &schema,
                Some("trigger.stauts is not in the payload_schema of p.t; did you mean status?"),
            ),
            (
                "trigger.status",
                "{{ trigger.reslt.stdout }}",
                &schema,
                Some("trigger.reslt is not in the payload_schema of p.t; did you mean result?"),
            ),
            (
                "trigger.status",
                "{{ trigger.result.exit }}",
                &schema,
                Some("trigger.result.exit is not in the payload_schema of p.t; it has stdout"),
            ),
            // It allows others, and these are near to none.
            ("trigger.colour", "{{ trigger.parameters.anything }}", &schema, None),
            ("trigger.ib", "{{ trigger.either.numbr }}", &schema, None),
            ("trigger.status", "it says trigger.stauts", &schema, None),
            ("trigger.stauts", "x", &open, None),
            ("system.stauts", "{{ st2kv.system.stauts }}", &schema, None),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "p.t"},
                "criteria": {key: {"type": "exists"}},
                "action": {"ref": "core.noop", "parameters": {"a": parameter, "pin": "{{ trigger.statsu }}"}},
            });
            let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
            let told = field_warnings(&rule, schema, |name| name == "pin");
            assert_eq!(told.len(), usize::from(says.is_some()), "{key} {parameter}: {told:?}");
            assert!(says.is_none_or(|says| told[0] == format!("rule p.r: {says}")), "{told:?}");
        }
    }
}
