//! Warnings about fields of the event that the schema of its payload does not declare. Such a field is null for a criterion,
//! and fails a parameter that reads it. Of a rule that correlates events each event has a schema of its own, and its
//! parameters see the event as which it fires: see [`firing`](super::firing).

use petrel_expressions::words::each_plain_expression;
use petrel_model::quoted::quoted;
use petrel_model::texts;
use serde_json::Value;

use crate::compiled::CompiledRule;
use crate::criteria::Operator;
use crate::pattern::Pattern;
use crate::reads::Reads;

/// The beginning of the trigger types whose events have more than their schemas say, as in StackStorm.
const LOOSE: &str = "core.st2.sensor.";

/// Warnings about the fields that `rule`, or a further event of one, reads and that are not in `payload`, the whole schema
/// of its event. The parameters for which `is_secret` holds are not looked at.
pub fn field_warnings(rule: &CompiledRule, payload: &Value, is_secret: impl Fn(&str) -> bool) -> Vec<String> {
    let mut read = Read::default();
    read.add_criteria(rule);
    if let Some(grouping) = rule.grouping() {
        grouping.add_reads(&mut read.all);
        grouping.template().into_iter().for_each(|by| read.add_certain(by.source()));
    } else {
        read.add_parameters(rule, is_secret);
    }
    let (reference, kind) = (&rule.rule().reference, rule.kind());
    let mut found = read.all.undeclared(payload);
    if !kind.as_str().starts_with(LOOSE) {
        let at_root = read.certain.undeclared_at_root(payload);
        let is_told = |place: &String| found.iter().any(|(told, _)| told == place);
        let more: Vec<_> = at_root.into_iter().filter(|(place, _)| !is_told(place)).collect();
        found.extend(more);
    }
    let kind = quoted(kind.as_str());
    let told = found.into_iter().map(|(place, remedy)| {
        format!("rule {reference}: trigger.{place} is not in the payload_schema of {kind}; {remedy}")
    });
    told.collect()
}

/// What a rule reads of its event.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// All that looks like it, by which misspelt names are found.
    pub(super) all: Reads,
    /// What is read for its value, in expressions that do not provide for its absence.
    pub(super) certain: Reads,
}

impl Read {
    fn add_criteria(&mut self, rule: &CompiledRule) {
        rule.add_reads_of_criteria(&mut self.all);
        for criterion in rule.criteria() {
            let asks = matches!(criterion.operator, Some(Ok(Operator::Exists | Operator::NotExists)));
            if let Ok(path) = &criterion.path
                && !asks
            {
                self.certain.add_path(path, false);
            }
            if let Pattern::Rendered { text, .. } = &criterion.pattern {
                self.add_certain(text.source());
            }
        }
    }

    /// Adds what the parameters of a rule read, except for those for which `is_secret` holds.
    pub(super) fn add_parameters(&mut self, rule: &CompiledRule, is_secret: impl Fn(&str) -> bool) {
        for (_, value) in rule.rule().action.parameters.iter().filter(|(name, _)| !is_secret(name)) {
            texts::each(value, "", &mut |_: &str, text: &str| {
                if petrel_expressions::is_template(text) {
                    self.all.add_template(text);
                    self.add_certain(text);
                }
            });
        }
    }

    fn add_certain(&mut self, source: &str) {
        each_plain_expression(source, &mut |expression: &str| {
            // Which part of it is provided for is not worth a parser.
            let provides =
                [" if ", "default", "defined", " or "].iter().any(|word| expression.contains(word));
            if !provides {
                self.certain.add_template(expression);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    /// Whether `says` is told of a rule with this criterion and this parameter.
    fn is_told((key, parameter): (&str, &str), schema: &Value, says: Option<&str>) {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "p.t"},
            "criteria": {key: {"type": "equals", "pattern": 1}},
            "action": {"ref": "core.noop", "parameters": {"a": parameter, "pin": "{{ trigger.statsu }}"}},
        });
        let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
        let told = field_warnings(&rule, schema, |name| name == "pin");
        assert_eq!(told.len(), usize::from(says.is_some()), "{key} {parameter}: {told:?}");
        assert!(says.is_none_or(|says| told[0] == format!("rule p.r: {says}")), "{told:?}");
    }

    #[test]
    fn a_field_that_is_likely_misspelt_is_told() {
        let schema = json!({"type": "object", "properties": {
            "status": {"type": "string"},
            "result": {"type": "object", "properties": {"stdout": {}}, "additionalProperties": false},
            "parameters": {},
            "id": {"type": "string"},
            "either": {"anyOf": [{"properties": {"other": {}}}], "properties": {"number": {}}},
        }});
        let with_others = json!({"properties": {"id": {}}, "additionalProperties": true});
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
            (
                "trigger.colour",
                "{{ trigger.parameters.anything }}",
                &schema,
                Some(
                    "trigger.colour is not in the payload_schema of p.t; it has status, result, parameters, id, either",
                ),
            ),
            (
                "trigger.id",
                "{{ trigger.payload.anything }}",
                &schema,
                Some(
                    "trigger.payload is not in the payload_schema of p.t; it has status, result, parameters, id, either",
                ),
            ),
            ("trigger.id", "{{ trigger.payload | default('x') }}", &schema, None),
            (
                "trigger.id",
                "{% if trigger.payload %}{% endif %}./trigger.sh {{ 'trigger.sh' }}",
                &schema,
                None,
            ),
            ("trigger.id", "{{ trigger.items() }} {{ trigger['payload'] }} {{ trigger }}", &schema, None),
            ("trigger.colour", "{{ trigger.payload }}", &with_others, None),
        ] {
            is_told((key, parameter), schema, says);
        }
    }

    #[test]
    fn what_may_be_declared_elsewhere_is_not_told() {
        let open = json!({"type": "object"});
        let schema = json!({"properties": {
            "status": {}, "id": {},
            "either": {"anyOf": [{"properties": {"other": {}}}], "properties": {"number": {}}},
        }});
        for (key, parameter, schema, says) in [
            ("trigger.id", "{{ trigger.either.numbr }}", &schema, None),
            ("trigger.status", "it says trigger.stauts", &schema, None),
            ("trigger.stauts", "x", &open, None),
            ("system.stauts", "{{ st2kv.system.stauts }}", &schema, None),
        ] {
            is_told((key, parameter), schema, says);
        }
    }

    #[test]
    fn each_event_of_a_correlation_is_looked_at_by_its_own_schema() {
        let schema = json!({"properties": {"body": {}, "headers": {}}});
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "p.t"},
            "type": {"ref": "correlation", "parameters": {
                "kind": "none_within", "within": "5m", "by": "{{ trigger.payload.host }}", "events": [{
                    "trigger": {"type": "p.u"}, "by": "{{ trigger.body.host }}",
                    "criteria": {"trigger.bodi.x": {"type": "eq", "pattern": 1}},
                }],
            }},
            "action": {"ref": "core.noop", "parameters": {"a": "{{ trigger.events }}"}},
        });
        let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
        assert_eq!(
            field_warnings(&rule, &schema, |_| false),
            ["rule p.r: trigger.payload is not in the payload_schema of p.t; it has body, headers"]
        );
        assert_eq!(
            field_warnings(&rule.parts()[0], &schema, |_| false),
            ["rule p.r: trigger.bodi is not in the payload_schema of p.u; did you mean body?"]
        );
    }

    #[test]
    fn events_that_have_more_than_their_schema_says_are_known() {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.sensor.process_exit"},
            "action": {"ref": "core.noop", "parameters": {"a": "{{ trigger.exit_code }}"}},
        });
        let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
        assert_eq!(field_warnings(&rule, &json!({"properties": {"object": {}}}), |_| false), [""; 0]);
    }
}
