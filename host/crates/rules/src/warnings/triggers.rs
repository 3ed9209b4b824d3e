//! Warnings about the triggers of a rule, and those of the further events of a correlation: templates that nobody renders, URLs
//! to which nobody can post, timers that are due every second, and events that are never made.

use petrel_expressions::is_template;
use petrel_model::quoted::quoted;
use petrel_model::trigger::{CRON_TIMER, WEBHOOK, not_made};
use petrel_model::{Rule, Trigger, texts};
use serde_json::Value;

/// The path that a webhook's URL follows.
const HOOKS: &str = "/api/v1/webhooks/";

/// The warnings about the name and the triggers of `rule`.
pub(super) fn strange(rule: &Rule) -> Vec<String> {
    let mut found: Vec<_> = named_twice(rule).into_iter().collect();
    for trigger in rule.triggers() {
        found.extend(not_made(trigger.kind.as_str()));
        if let Some(place) = template(trigger) {
            found.push(format!(
                "the parameter {place} of its trigger {} holds a template, which nobody renders, since it says what to listen \
                 to before any event; write the value itself",
                quoted(trigger.kind.as_str())
            ));
            continue;
        }
        found.extend(unreachable(trigger));
        found.extend(every_second(trigger));
    }
    found.into_iter().map(|said| format!("rule {}: {said}", rule.reference)).collect()
}

/// The warning about a name that begins with the pack, as a reference does.
fn named_twice(rule: &Rule) -> Option<String> {
    let (pack, name) = (rule.reference.pack(), rule.reference.name());
    let own = name.strip_prefix(pack)?.strip_prefix('.').filter(|own| !own.is_empty())?;
    Some(format!(
        "its name names the pack, which stands before it anyway; write name: {} for {pack}.{own}",
        quoted(own)
    ))
}

/// The place of the first parameter of a trigger with a template.
fn template(trigger: &Trigger) -> Option<String> {
    let mut found = None;
    for (name, value) in &trigger.parameters {
        texts::each(value, &quoted(name), &mut |place: &str, text: &str| {
            let is_yaql = text.split_once("<%").is_some_and(|(_, behind)| behind.contains("%>"));
            if found.is_none() && (is_template(text) || is_yaql) {
                found = Some(place.to_owned());
            }
        });
    }
    found
}

/// The warning about the URL of a webhook to which nobody posts, since it is more than the rest of the path.
fn unreachable(trigger: &Trigger) -> Option<String> {
    if trigger.kind.as_str() != WEBHOOK {
        return None;
    }
    let url = trigger.parameters.get("url").and_then(Value::as_str)?.trim_matches('/');
    if url.is_empty() {
        return None;
    }
    let (path, is_address) = match url.split_once("://") {
        // Without the host.
        Some((_, rest)) => (rest.split_once('/').map_or("", |(_, path)| path), true),
        None => (url, false),
    };
    let behind = [HOOKS, "/v1/webhooks/", "/webhooks/"].iter().find_map(|hooks| {
        let path = format!("/{path}");
        path.strip_prefix(hooks).filter(|_| is_address || *hooks != "/webhooks/").map(str::to_owned)
    });
    let meant =
        behind.as_deref().unwrap_or(path).split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let why = if is_address {
        "is an address, and the url of a webhook is the rest of the path only"
    } else if behind.is_some() {
        "holds the beginning of the path, and the url of a webhook is the rest only"
    } else if url.contains(['?', '#']) {
        "holds more than a path, and what follows ? or # in a request is not looked for"
    } else if url.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some(format!(
            "its webhook's url {} has a part that is empty or dots, which clients leave out of a path; write it without",
            quoted(url)
        ));
    } else {
        return None;
    };
    let remedy = if meant.is_empty() {
        format!("write what follows {HOOKS} in what is posted to")
    } else {
        format!("write url: {} for {HOOKS}{}", quoted(meant), quoted(meant))
    };
    Some(format!("its webhook's url {} {why}; {remedy}", quoted(url)))
}

/// The warning about a cron timer without any field.
fn every_second(trigger: &Trigger) -> Option<String> {
    let is_bare = trigger.parameters.iter().all(|(name, value)| name == "timezone" || value.is_null());
    (trigger.kind.as_str() == CRON_TIMER && is_bare).then(|| {
        format!(
            "its trigger {CRON_TIMER} has no fields, so it is due every second; give one, such as minute: 0 for each hour, or \
             second: \"*\" if that is meant"
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::warnings;

    /// Whether `says` is told of this trigger, as that of a rule and as that of a further event.
    fn is_told(kind: &str, parameters: &Value, says: Option<&str>) {
        let trigger = json!({"type": kind, "parameters": parameters});
        let of_type = json!({"kind": "none_within", "within": "5m", "events": [{"trigger": trigger}]});
        for rule in [
            json!({"trigger": trigger}),
            json!({
                "trigger": {"type": "core.st2.webhook"},
                "type": {"ref": "correlation", "parameters": of_type},
            }),
        ] {
            let mut rule = rule;
            rule["id"] = json!("000000000000000000000001");
            rule["ref"] = json!("p.r");
            rule["action"] = json!({"ref": "core.noop"});
            let told = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(told.len(), usize::from(says.is_some()), "{kind} {parameters}: {told:?}");
            assert!(says.is_none_or(|says| told[0].contains(says)), "{kind} {parameters}: {told:?}");
        }
    }

    #[test]
    fn a_trigger_that_is_likely_a_slip_is_told() {
        const ADDRESS: &str =
            "is an address, and the url of a webhook is the rest of the path only; write url: x for";
        for (kind, parameters, says) in [
            ("core.st2.webhook", json!({"url": "x"}), None),
            ("core.st2.webhook", json!({"url": "github/push"}), None),
            ("core.st2.webhook", json!({"url": "webhooks/x"}), None),
            ("core.st2.webhook", json!({"url": "/x/"}), None),
            ("core.st2.webhook", json!({}), None),
            ("core.st2.webhook", json!({"url": "http://HOST:9101/api/v1/webhooks/x"}), Some(ADDRESS)),
            ("core.st2.webhook", json!({"url": "https://host/v1/webhooks/x?a=1"}), Some(ADDRESS)),
            ("core.st2.webhook", json!({"url": "https://host/x"}), Some(ADDRESS)),
            (
                "core.st2.webhook",
                json!({"url": "https://host"}),
                Some("write what follows /api/v1/webhooks/"),
            ),
            (
                "core.st2.webhook",
                json!({"url": "api/v1/webhooks/x"}),
                Some(
                    "its webhook's url api/v1/webhooks/x holds the beginning of the path, and the url of a webhook is the rest \
                     only; write url: x for /api/v1/webhooks/x",
                ),
            ),
            ("core.st2.webhook", json!({"url": "v1/webhooks/a/b"}), Some("write url: a/b for")),
            (
                "core.st2.webhook",
                json!({"url": "a?b=1"}),
                Some("follows ? or # in a request is not looked for; write url: a for"),
            ),
            ("core.st2.webhook", json!({"url": "a#b"}), Some("write url: a for")),
            ("core.st2.webhook", json!({"url": "a//b"}), Some("has a part that is empty or dots")),
            ("core.st2.webhook", json!({"url": "a/../b"}), Some("has a part that is empty or dots")),
        ] {
            is_told(kind, &parameters, says);
        }
    }

    #[test]
    fn a_template_and_a_timer_without_fields_are_told() {
        for (kind, parameters, says) in [
            (
                "core.st2.webhook",
                json!({"url": "{{ config_context.url }}"}),
                Some("the parameter url of its trigger core.st2.webhook holds a template"),
            ),
            ("core.st2.webhook", json!({"url": "a/<% $.b %>"}), Some("the parameter url of")),
            (
                "p.t",
                json!({"hosts": ["{{ x }}"]}),
                Some("the parameter hosts[0] of its trigger p.t holds a template"),
            ),
            ("p.t", json!({"url": "http://a?b"}), None),
            ("core.st2.CronTimer", json!({}), Some("is due every second; give one, such as minute: 0")),
            ("core.st2.CronTimer", json!({"timezone": "UTC"}), Some("is due every second")),
            ("core.st2.CronTimer", json!({"second": "*"}), None),
            ("core.st2.CronTimer", json!({"day": 1}), None),
        ] {
            is_told(kind, &parameters, says);
        }
    }

    #[test]
    fn a_name_with_the_pack_is_told() {
        for (reference, says) in [
            ("examples.x", None),
            ("examples.example.x", None),
            ("examples.examples", None),
            ("examples.examples.x", Some("write name: x for examples.x")),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": reference, "trigger": {"type": "core.st2.webhook"},
                "action": {"ref": "core.noop"},
            });
            let told = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(told.len(), usize::from(says.is_some()), "{reference}: {told:?}");
            assert!(says.is_none_or(|says| told[0].ends_with(says)), "{reference}: {told:?}");
        }
    }
}
