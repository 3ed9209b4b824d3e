//! Warnings about words in the templates of a rule that mean nothing there: such a criterion cannot be checked, and such
//! a parameter fails every match. StackStorm says so only when an event arrives. And about expressions of YAQL, which a
//! rule takes for plain text.

use std::collections::BTreeSet;

use petrel_expressions::DATASTORE;
use petrel_expressions::words::{Seen, strays};
use petrel_model::parameters::Parameters;
use petrel_model::quoted::quoted;
use petrel_model::rule::{Criteria, Criterion, Ordered};
use petrel_model::secrets::has_secret;
use petrel_model::{Rule, texts};
use serde_json::Value;

use super::{Target, criteria};
use crate::pattern::SYSTEM;

/// The names that patterns see.
const OF_PATTERNS: [&str; 3] = ["trigger", DATASTORE, SYSTEM];

/// The names that patterns inside a search see.
const OF_SEARCHES: [&str; 3] = ["item", DATASTORE, SYSTEM];

/// The names that the key of a correlation sees.
const OF_KEYS: [&str; 1] = ["trigger"];

/// The names that parameters see besides each other and the other parameters of the action.
const OF_PARAMETERS: [&str; 4] = ["trigger", DATASTORE, "action_context", "config_context"];

/// A warning for each word that means nothing in a pattern, a key or a parameter of `rule`.
pub(super) fn meaningless(rule: &Rule, target: Option<Target<'_>>) -> Vec<String> {
    let mut found = Vec::new();
    for (of, key, criterion) in criteria::all(rule) {
        in_criterion((&quoted(key), &of), criterion, &OF_PATTERNS, &mut found);
    }
    if let Some(correlation) = rule.correlation() {
        let events = correlation.events.iter().enumerate();
        let further = events.map(|(place, event)| (format!("events[{place}].by"), event.by.as_deref()));
        for (at, by) in std::iter::once((String::from("by"), correlation.by.as_deref())).chain(further) {
            in_key(&format!("{at} of its correlation"), by.unwrap_or_default(), &mut found);
        }
    }
    in_parameters(rule, target, &mut found);
    found.into_iter().map(|said| format!("rule {}: {said}", rule.reference)).collect()
}

/// Adds the warnings about the key `by` of a correlation.
fn in_key(place: &str, by: &str, found: &mut Vec<String>) {
    let by = Value::from(by);
    let seen = Seen { fixed: &OF_KEYS, own: &BTreeSet::new(), is_whole: true, may_be_absent: true };
    let strays = strays(&by, seen).into_iter();
    found.extend(strays.map(|stray| format!("{place} cannot be made: {}", stray.message)));
    yaql(place, &by, found);
}

/// Adds a warning for each text of `value` with an expression of YAQL.
fn yaql(place: &str, value: &Value, found: &mut Vec<String>) {
    texts::each(value, place, &mut |place: &str, text: &str| {
        let behind = text.split_once("<%").map(|(_, behind)| behind);
        if behind.is_some_and(|behind| behind.contains("%>")) {
            found.push(format!(
                "{place} holds <% … %>, which is YAQL, and stays as it is: rules have templates of Jinja only; write \
                 {{{{ trigger… }}}} for it"
            ));
        }
    });
}

fn in_criterion((path, of): (&str, &str), criterion: &Criterion, fixed: &[&str], found: &mut Vec<String>) {
    let Some(pattern) = &criterion.pattern else { return };
    // Only a text is a template, see `Pattern`.
    if pattern.is_string() {
        let place = format!("the criterion {path}{of}");
        let seen = Seen { fixed, own: &BTreeSet::new(), is_whole: true, may_be_absent: true };
        let strays = strays(pattern, seen).into_iter();
        found.extend(strays.map(|stray| format!("{place} cannot be checked: {}", stray.message)));
        // A regular expression may hold anything.
        if !criterion.operator.as_deref().is_some_and(|operator| operator.contains("regex")) {
            yaql(&format!("the pattern of {place}"), pattern, found);
        }
    }
    if criterion.operator.as_deref() == Some("search") {
        let children: Option<Criteria> = serde_json::from_value(pattern.clone()).ok();
        for (key, child) in children.iter().flat_map(Ordered::iter) {
            in_criterion((&format!("{path}.{}", quoted(key)), of), child, &OF_SEARCHES, found);
        }
    }
}

fn in_parameters(rule: &Rule, target: Option<Target<'_>>, found: &mut Vec<String>) {
    let none = Parameters::new();
    let (given, declared) = (&rule.action.parameters, target.map_or(&none, |target| target.declared));
    let own: BTreeSet<&str> = given.keys().chain(declared.keys()).map(String::as_str).collect();
    let is_whole = target.is_some_and(|target| target.is_whole);
    // A parameter may not ask whether a name exists: the whole call is refused.
    let seen = Seen { fixed: &OF_PARAMETERS, own: &own, is_whole, may_be_absent: false };
    for (name, value) in given {
        let strays = strays(value, seen);
        let shown = quoted(name);
        yaql(&format!("parameter {shown}"), value, found);
        // The secrets of a missing action are not known, and an unknown name may be misspelled.
        let may_be_secret = match declared.get(name) {
            Some(schema) => has_secret(schema),
            None => target.is_none() || declared.values().any(has_secret),
        };
        if may_be_secret && !strays.is_empty() {
            found.push(format!(
                "parameter {shown} fails every match: it uses a name, function or filter that does not exist; correct it \
                 (it may hold a secret, so its text is not shown)"
            ));
            continue;
        }
        let told = strays
            .into_iter()
            .map(|stray| format!("parameter {shown}{} fails every match: {}", stray.place, stray.message));
        found.extend(told);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(criteria: &Value, parameters: &Value) -> Rule {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "criteria": criteria, "action": {"ref": "core.local", "parameters": parameters},
        });
        serde_json::from_value(rule).unwrap()
    }

    #[test]
    fn a_pattern_that_cannot_be_rendered_is_warned_about() {
        for (criterion, says) in [
            (json!({"type": "equals", "pattern": "{{ trigger.a | upper }}"}), None),
            (json!({"type": "equals", "pattern": "{{ st2kv.system.a }}{{ system.b }}"}), None),
            (json!({"type": "equals", "pattern": ["{{ triger }}"]}), None),
            (json!({"type": "equals", "pattern": "{{ x | default('y') }}"}), None),
            (
                json!({"type": "equals", "pattern": "{{ trigger.a | uper }}"}),
                Some("unknown filter \"uper\"; did you mean \"upper\"?"),
            ),
            (
                json!({"type": "equals", "pattern": "{{ triger.a }}"}),
                Some("unknown name \"triger\"; did you mean \"trigger\"?"),
            ),
            (
                json!({"type": "search", "condition": "any",
                    "pattern": {"item.a": {"type": "equals", "pattern": "{{ itm.b }}"}}}),
                Some("trigger.body.item.a cannot be checked: unknown name \"itm\"; did you mean \"item\"?"),
            ),
        ] {
            let said = meaningless(&rule(&json!({"trigger.body": criterion}), &json!({})), None);
            assert_eq!(said.len(), usize::from(says.is_some()), "{criterion}: {said:?}");
            let begin = "rule p.r: the criterion trigger.body";
            assert!(said.iter().all(|said| said.starts_with(begin)), "{said:?}");
            assert!(says.is_none_or(|says| said[0].contains(says)), "{criterion}: {said:?}");
        }
    }

    #[test]
    fn yaql_is_told_where_a_rule_takes_it_for_text() {
        let eq = |pattern: &str| json!({"trigger.body": {"type": "equals", "pattern": pattern}});
        let regex = json!({"trigger.body": {"type": "iregex", "pattern": "<%.*%>"}});
        for (criteria, parameters, says) in [
            (json!({}), json!({"cmd": "echo {{ trigger.body.name }} <b> 5%>4"}), None),
            (json!({}), json!({"cmd": "echo <% trigger.body.name %>"}), Some("parameter cmd holds <% … %>")),
            (
                json!({}),
                json!({"cmd": "echo <%trigger.body.name%>"}),
                Some("rules have templates of Jinja only"),
            ),
            (json!({}), json!({"env": {"A": ["<% $.a %>"]}}), Some("parameter env.A[0] holds <% … %>")),
            (eq("<% $.a %>"), json!({}), Some("the pattern of the criterion trigger.body holds <% … %>")),
            (regex, json!({}), None),
        ] {
            let said = meaningless(&rule(&criteria, &parameters), None);
            assert_eq!(said.len(), usize::from(says.is_some()), "{criteria} {parameters}: {said:?}");
            assert!(says.is_none_or(|says| said[0].contains(says)), "{criteria} {parameters}: {said:?}");
        }
    }

    #[test]
    fn a_parameter_that_cannot_be_rendered_is_warned_about() {
        const UNSHOWN: &str = "it uses a name, function or filter that does not exist";
        let declared =
            json!({"cmd": {"type": "string"}, "host": {"type": "string"}, "pin": {"secret": true}});
        let declared = declared.as_object().unwrap();
        let target = |is_whole: bool| Some(Target { runner_type: "noop", declared, is_whole });
        for (parameters, target, says) in [
            (json!({"cmd": "{{ trigger.body.x }}{{ host }}{{ config_context.y }}"}), target(true), None),
            (
                json!({"cmd": "{{ triger.body.x }}"}),
                target(true),
                Some("parameter cmd fails every match: unknown name \"triger\"; did you mean \"trigger\"?"),
            ),
            (
                json!({"cmd": "{{ colour }}"}),
                target(true),
                Some("unknown name \"colour\"; known are trigger"),
            ),
            // The runner may bring more parameters.
            (json!({"cmd": "{{ colour }}"}), target(false), None),
            (
                json!({"cmd": ["{{ host | uper }}"]}),
                target(false),
                Some("parameter cmd[0] fails every match"),
            ),
            (json!({"cmd": ["{{ st2kv.system.x | decrypt_kv }}"]}), target(true), None),
            (json!({"pin": "{{ hush | hushed }}"}), target(true), Some(UNSHOWN)),
            (json!({"cmd": "{{ host | uper }}"}), None, Some(UNSHOWN)),
        ] {
            let said = meaningless(&rule(&json!({}), &parameters), target);
            assert_eq!(said.len(), usize::from(says.is_some()), "{parameters}: {said:?}");
            assert!(says.is_none_or(|says| said[0].contains(says)), "{parameters}: {said:?}");
            assert!(said.iter().all(|said| !said.contains("hush")), "{said:?}");
        }
    }
}
