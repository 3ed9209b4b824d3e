//! Warnings about a rule that correlates events: a key that is no template, and parameters that look for the event of its
//! trigger where they see the event as which the rule fires.

use petrel_expressions::is_template;
use petrel_expressions::words::each_plain_expression;
use petrel_model::correlation::CorrelationKind;
use petrel_model::quoted::quoted;
use petrel_model::{Correlation, texts};
use serde_json::json;

use super::fields::Read;
use crate::compiled::CompiledRule;

/// The fields of an event in `events`.
const OF_EVENT: [&str; 4] = ["trigger", "trigger_instance_id", "occurrence_time", "payload"];

/// Largest number of warnings about one rule.
const MOST: usize = 20;

/// Warnings about the keys and the parameters of `rule`, if it correlates events. The parameters for which `is_secret` holds
/// are not looked at.
pub fn firing_warnings(rule: &CompiledRule, is_secret: impl Fn(&str) -> bool) -> Vec<String> {
    let Some(correlation) = rule.rule().correlation() else { return Vec::new() };
    let mut found = without_template(correlation);
    found.extend(strange_fields(rule, &is_secret));
    let parameters = rule.rule().action.parameters.iter().filter(|(name, _)| !is_secret(name));
    for (_, value) in parameters {
        texts::each(value, "", &mut |_: &str, text: &str| {
            if is_template(text) {
                each_plain_expression(text, &mut |expression: &str| strange_items(expression, &mut found));
            }
        });
    }
    found.dedup();
    found.into_iter().map(|said| format!("rule {}: {said}", rule.rule().reference)).collect()
}

/// The warnings about keys that are the same for all events.
fn without_template(correlation: &Correlation) -> Vec<String> {
    let own = correlation.by.as_deref().map(|by| (String::from("by"), by));
    let events = correlation.events.iter().enumerate();
    let further =
        events.filter_map(|(place, event)| Some((format!("events[{place}].by"), event.by.as_deref()?)));
    let constant = own.into_iter().chain(further).filter(|(_, by)| !is_template(by) && !by.trim().is_empty());
    let told = constant.map(|(at, by)| {
        let comes_of_it = match correlation.kind {
            CorrelationKind::OnceWithin | CorrelationKind::OnceAfter => "so one event keeps back all others",
            _ => "so all events belong together",
        };
        let meant = if by.starts_with("trigger.") { by.trim() } else { "trigger.body.host" };
        format!(
            "{at} of its correlation has no template, and is the key {} of every event, {comes_of_it}; write \"{{{{ {} }}}}\", or \
             leave it out if that is meant",
            quoted(by),
            quoted(meant)
        )
    });
    told.collect()
}

/// The warnings about fields that the event as which `rule` fires does not have.
fn strange_fields(rule: &CompiledRule, is_secret: impl Fn(&str) -> bool) -> Vec<String> {
    let mut read = Read::default();
    read.add_parameters(rule, is_secret);
    // As `Firing::payload` makes it.
    let schema = json!({"properties": {
        "rule": {}, "kind": {}, "key": {}, "count": {}, "first_at": {}, "last_at": {}, "events": {},
    }});
    let strange = read.certain.undeclared_at_root(&schema).into_iter();
    let near = read.all.undeclared(&schema);
    let told = strange.map(|(place, there)| {
        let remedy = near.iter().find(|(known, _)| *known == place).map_or_else(
            || format!("{there}, and of the first event trigger.events[0].payload.{place}"),
            |(_, near)| near.clone(),
        );
        format!("trigger.{place} is not in the event as which a correlation fires; {remedy}")
    });
    told.collect()
}

/// Adds a warning for each field of an item of `trigger.events` in `expression` that it does not have.
fn strange_items(expression: &str, found: &mut Vec<String>) {
    for (place, _) in expression.match_indices("trigger.events[") {
        let behind = expression.get(place..).and_then(|rest| rest.split_once(']'));
        let Some(name) = behind.and_then(|(_, behind)| behind.strip_prefix('.')) else { continue };
        let end = name.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        let is_method = name == "get";
        if found.len() < MOST && !name.is_empty() && !is_method && !OF_EVENT.contains(&name) {
            let name = quoted(name);
            found.push(format!(
                "an event in trigger.events has no {name}, but {}; write trigger.events[0].payload.{name}, if its payload is \
                 meant",
                OF_EVENT.join(", ")
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn told(of_type: &Value, parameter: &str) -> Vec<String> {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "type": {"ref": "correlation", "parameters": of_type},
            "action": {"ref": "core.noop", "parameters": {"a": parameter, "pin": "{{ trigger.hush }}"}},
        });
        let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
        firing_warnings(&rule, |name| name == "pin")
    }

    #[test]
    fn a_key_that_is_no_template_is_told() {
        let once = |by: Value| json!({"kind": "once_within", "within": "10m", "by": by});
        let none = |by: Value| {
            let event = json!({"trigger": {"type": "core.st2.webhook"}, "by": by});
            json!({"kind": "none_within", "within": "10m", "by": "{{ trigger.body.a }}", "events": [event]})
        };
        for (of_type, says) in [
            (once(json!("{{ trigger.body.alert }}")), None),
            (once(json!(null)), None),
            (once(json!("")), None),
            (
                once(json!("trigger.body.alert")),
                Some(
                    "by of its correlation has no template, and is the key trigger.body.alert of every event, so one event \
                     keeps back all others; write \"{{ trigger.body.alert }}\", or leave it out if that is meant",
                ),
            ),
            (once(json!("alert")), Some("write \"{{ trigger.body.host }}\"")),
            (none(json!("{{ trigger.body.b }}")), None),
            (
                none(json!("trigger.body.b")),
                Some(
                    "events[0].by of its correlation has no template, and is the key trigger.body.b of every event, so all",
                ),
            ),
        ] {
            let told = told(&of_type, "x");
            assert_eq!(told.len(), usize::from(says.is_some()), "{of_type}: {told:?}");
            assert!(says.is_none_or(|says| told[0].contains(says)), "{of_type}: {told:?}");
        }
    }

    #[test]
    fn parameters_that_look_for_the_event_of_the_trigger_are_told_where_it_is() {
        let of_type = json!({"kind": "accumulate", "within": "10m", "count": 3});
        for (parameter, says) in [
            (
                "{{ trigger.key }} {{ trigger.events[0].payload.body.host }} {{ trigger.events | length }}",
                None,
            ),
            ("{% for e in trigger.events %}{{ e.payload.body.a }}{% endfor %}", None),
            ("{{ trigger.events[-1].payload['x'] }} trigger.body.x", None),
            ("{{ trigger.body.host | default('x') }}", None),
            (
                "{{ trigger.body.host }}",
                Some(
                    "rule p.r: trigger.body is not in the event as which a correlation fires; it has rule, kind, key, count, \
                     first_at, last_at, events, and of the first event trigger.events[0].payload.body",
                ),
            ),
            (
                "{{ trigger.evens }}",
                Some(
                    "rule p.r: trigger.evens is not in the event as which a correlation fires; did you mean events?",
                ),
            ),
            (
                "{{ trigger.events[0].body.host }}",
                Some(
                    "rule p.r: an event in trigger.events has no body, but trigger, trigger_instance_id, occurrence_time, \
                     payload; write trigger.events[0].payload.body, if its payload is meant",
                ),
            ),
        ] {
            let told = told(&of_type, parameter);
            assert_eq!(
                told.iter().map(String::as_str).collect::<Vec<_>>(),
                Vec::from_iter(says),
                "{parameter}"
            );
        }
    }

    #[test]
    fn a_rule_of_another_type_is_not_looked_at() {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "action": {"ref": "core.noop", "parameters": {"a": "{{ trigger.body }}"}},
        });
        let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
        assert_eq!(firing_warnings(&rule, |_| false), [""; 0]);
    }
}
