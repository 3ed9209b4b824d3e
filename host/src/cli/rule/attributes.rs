//! The output of rules for people: a row in a list, or the attributes of one with its trigger and action.

use petrel_api_types::rule::RuleTrigger;
use petrel_api_types::{Item, Rule};
use serde_json::Value;

use crate::cli::trigger;
use crate::print::{Attributes, Listing};

/// The list of rules.
pub(super) fn table<'r>(rules: &'r [Item<'r, Rule<'r>>]) -> Listing<'r, Rule<'r>> {
    Listing::of(rules)
        .whole("RULE", |rule| rule.reference.to_string())
        .text("TRIGGER", |rule| listens_to(&rule.trigger))
        .text("ACTION", |rule| rule.action.reference.to_string())
        .whole("ENABLED", |rule| if is_paused(rule) { "paused".to_owned() } else { rule.enabled.to_string() })
        .text("DESCRIPTION", |rule| rule.description.to_string())
}

/// The trigger of a rule in a list: the trigger type, and the URL of a webhook.
fn listens_to(trigger: &RuleTrigger<'_>) -> String {
    let url = trigger.parameters.get("url").and_then(Value::as_str);
    trigger::named(&trigger.kind, url.unwrap_or_default())
}

/// A rule with its trigger, criteria and action.
pub(super) fn attributes(rule: &Rule<'_>) -> Attributes {
    let shown = Attributes::default()
        .text("id", rule.id)
        .text("ref", &rule.reference)
        .text("description", &rule.description)
        .text("enabled", rule.enabled);
    // Most rules apply always.
    let shown = if rule.kind.reference == "standard" { shown } else { shown.value("type", &rule.kind) };
    let shown =
        shown.value("trigger", &rule.trigger).value("criteria", &rule.criteria).value("action", &rule.action);
    let shown = match &rule.circuit_breaker {
        Some(breaker) => shown.value("circuit_breaker", breaker),
        None => shown,
    };
    match &rule.breaker {
        Some(breaker) if breaker.until.is_some() => shown.value("breaker", breaker),
        _ => shown,
    }
}

/// Whether the circuit breaker of a rule keeps it from firing.
fn is_paused(rule: &Rule<'_>) -> bool {
    rule.enabled && rule.breaker.as_ref().is_some_and(|breaker| breaker.state == "open")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "65a000000000000000000001";

    /// A rule for `trigger`, as a host sends it.
    fn answered(trigger: &Value) -> Value {
        json!({
            "id": ID,
            "ref": "mine.r",
            "description": "d",
            "enabled": true,
            "type": {"ref": "standard", "parameters": {}},
            "trigger": trigger,
            "criteria": {},
            "action": {"ref": "core.local", "parameters": {"cmd": "ls"}},
            "name": "r",
            "pack": "mine",
            "uid": "rule:mine:r",
        })
    }

    pub(in crate::cli::rule) fn rule(trigger: &Value) -> Rule<'static> {
        serde_json::from_value(answered(trigger)).unwrap()
    }

    #[test]
    fn a_rule_says_which_webhook_it_listens_to() {
        for (trigger, expected) in [
            (json!({"type": "core.st2.webhook", "parameters": {"url": "github"}}), "webhook /github"),
            (json!({"type": "core.st2.webhook", "parameters": {}}), "core.st2.webhook"),
            (json!({"type": "mine.event", "parameters": {"url": "github"}}), "mine.event"),
            (json!({"type": "mine.event", "parameters": {}}), "mine.event"),
        ] {
            assert_eq!(listens_to(&rule(&trigger).trigger), expected, "{trigger}");
        }
    }

    #[test]
    fn a_list_has_a_line_for_each_rule() {
        let webhook = json!({"type": "core.st2.webhook", "parameters": {"url": "github"}});
        let rules: Vec<Item<'static, Rule<'static>>> =
            serde_json::from_value(json!([answered(&webhook), answered(&json!({"type": "mine.event"}))]))
                .unwrap();
        assert_eq!(
            table(&rules).lines(None, false),
            [
                "RULE    TRIGGER          ACTION      ENABLED  DESCRIPTION",
                "mine.r  webhook /github  core.local  true     d",
                "mine.r  mine.event       core.local  true     d",
            ]
        );
    }

    #[test]
    fn a_rule_is_shown_with_what_it_listens_to_and_what_it_runs() {
        let trigger = json!({"type": "mine.event", "parameters": {}, "ref": "mine.event"});
        assert_eq!(
            attributes(&rule(&trigger)).lines(false),
            [
                "id:          65a000000000000000000001",
                "ref:         mine.r",
                "description: d",
                "enabled:     true",
                "trigger:",
                "  {",
                "    \"type\": \"mine.event\",",
                "    \"parameters\": {},",
                "    \"ref\": \"mine.event\"",
                "  }",
                "action:",
                "  {",
                "    \"ref\": \"core.local\",",
                "    \"parameters\": {",
                "      \"cmd\": \"ls\"",
                "    }",
                "  }",
            ]
        );
    }
}
