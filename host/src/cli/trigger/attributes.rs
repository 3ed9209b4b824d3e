//! The output of events and trigger types for people: a row in a list, or the attributes of one.

use petrel_api_types::{Item, Trigger, TriggerInstance, TriggerType};
use petrel_model::trigger::WEBHOOK;
use serde_json::Value;

use crate::print::{Attributes, Listing, to_the_second};

/// The name of a trigger in tables: its type, and the URL of a webhook.
pub(in crate::cli) fn named(kind: &str, url: &str) -> String {
    if kind == WEBHOOK && !url.is_empty() { format!("webhook /{url}") } else { kind.to_owned() }
}

/// The list of trigger types.
pub(super) fn kinds<'r>(kinds: &'r [Item<'r, TriggerType<'r>>]) -> Listing<'r, TriggerType<'r>> {
    Listing::of(kinds)
        .whole("TRIGGER", |kind| kind.reference.to_string())
        .whole("LISTENERS", |kind| kind.listeners.to_string())
        .text("DESCRIPTION", |kind| kind.description.to_string())
}

/// The list of triggers with their parameters.
pub(super) fn triggers<'r>(triggers: &'r [Item<'r, Trigger<'r>>]) -> Listing<'r, Trigger<'r>> {
    let listeners =
        |trigger: &Trigger<'_>| trigger.listeners.map_or_else(String::new, |listeners| listeners.to_string());
    Listing::of(triggers)
        .whole("TRIGGER", |trigger| trigger.reference.to_string())
        .whole("LISTENERS", listeners)
        .text("PARAMETERS", |trigger| Value::Object(trigger.parameters.clone().into_owned()).to_string())
}

/// The list of events, those of `webhooks` with their URLs. The URL is unknown once no rule listens to the webhook any
/// more.
pub(super) fn events<'r>(
    events: &'r [Item<'r, TriggerInstance<'r>>],
    webhooks: &[Trigger<'_>],
) -> Listing<'r, TriggerInstance<'r>> {
    let trigger = |event: &TriggerInstance<'_>| {
        if event.trigger_type != WEBHOOK {
            return event.trigger.to_string();
        }
        let webhook = webhooks.iter().find(|webhook| webhook.reference == event.trigger);
        let url = webhook.and_then(|webhook| webhook.parameters.get("url")).and_then(Value::as_str);
        named(WEBHOOK, url.unwrap_or_default())
    };
    Listing::of(events)
        .whole("ID", |event| event.id.to_string())
        .text("TRIGGER", trigger)
        .whole("OCCURRED", |event| to_the_second(event.occurrence_time))
        .status("STATUS", |event| event.status.as_str().to_owned())
}

/// A trigger type with the schemas of its parameters and of its payload.
pub(super) fn kind(kind: &TriggerType<'_>) -> Attributes {
    let rules = kind.rules.as_ref().filter(|rules| !rules.is_empty()).map(|rules| rules.join(", "));
    Attributes::default()
        .text("ref", &kind.reference)
        .text("description", &kind.description)
        .text_if_any("made_by", kind.made_by.as_deref())
        .text("listeners", kind.listeners)
        .text_if_any("rules", rules)
        .time("last_event_at", kind.last_event_at)
        .value("parameters_schema", &kind.parameters_schema)
        .value("payload_schema", &kind.payload_schema)
}

/// A trigger with its parameters.
pub(super) fn trigger(trigger: &Trigger<'_>) -> Attributes {
    Attributes::default()
        .text("ref", &trigger.reference)
        .text("type", &trigger.kind)
        .text_if_any("description", trigger.description.as_deref().filter(|text| !text.is_empty()))
        .text_if_any("made_by", trigger.made_by.as_deref())
        .text_if_any("listeners", trigger.listeners)
        .value("parameters", &trigger.parameters)
}

/// An event with its enforcements.
pub(super) fn event(event: &TriggerInstance<'_>) -> Attributes {
    Attributes::default()
        .text("id", event.id)
        .text("trigger", &event.trigger)
        .time("occurrence_time", event.occurrence_time)
        .status("status", event.status.as_str())
        .text_if_any("trace", event.trace)
        .value("payload", &event.payload)
        .value("enforcements", &event.enforcements)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "65a000000000000000000001";

    /// An event as a host sends it.
    fn answered(trigger: &str, kind: &str) -> Value {
        json!({
            "id": ID,
            "trigger": trigger,
            "trigger_type": kind,
            "occurrence_time": "2026-11-20T12:00:00.123456Z",
            "payload": {"n": 1},
            "status": "processed",
        })
    }

    #[test]
    fn a_list_of_events_says_which_webhook_it_was_as_far_as_that_is_known() {
        let answer = json!([
            answered("core.st2.webhook.0a", WEBHOOK),
            answered("core.st2.webhook.0b", WEBHOOK),
            answered("mine.event", "mine.event"),
            {"id": "65a000000000000000000002", "error": "cannot be read: why", "hint": "do this"},
        ]);
        let listed: Vec<Item<'static, TriggerInstance<'static>>> = serde_json::from_value(answer).unwrap();
        let webhook = json!({"ref": "core.st2.webhook.0a", "type": WEBHOOK, "parameters": {"url": "github"}});
        let webhooks: [Trigger<'static>; 1] = [serde_json::from_value(webhook).unwrap()];
        assert_eq!(
            events(&listed, &webhooks).lines(None, false),
            [
                "ID                        TRIGGER           OCCURRED              STATUS",
                "65a000000000000000000001  webhook /github   2026-11-20T12:00:00Z  processed",
                "65a000000000000000000001  core.st2.webhook  2026-11-20T12:00:00Z  processed",
                "65a000000000000000000001  mine.event        2026-11-20T12:00:00Z  processed",
                "65a000000000000000000002",
            ]
        );
    }

    #[test]
    fn an_event_is_shown_with_what_came_of_it() {
        let mut answer = answered("mine.event", "mine.event");
        answer["enforcements"] = json!([]);
        let shown = event(&serde_json::from_value(answer).unwrap());
        assert_eq!(
            shown.lines(false),
            [
                "id:              65a000000000000000000001",
                "trigger:         mine.event",
                "occurrence_time: 2026-11-20T12:00:00Z",
                "status:          processed",
                "payload:",
                "  {",
                "    \"n\": 1",
                "  }",
                "enforcements:",
                "  []",
            ]
        );
    }

    #[test]
    fn a_kind_of_events_is_shown_with_its_schemas() {
        let answer = json!({
            "ref": "mine.event", "description": "d", "parameters_schema": {},
            "payload_schema": {"type": "object"}, "made_by": "ada", "listeners": 2, "rules": ["mine.a", "mine.b"],
            "last_event_at": "2026-11-20T12:00:00.123456Z",
        });
        let listed: Vec<Item<'static, TriggerType<'static>>> =
            serde_json::from_value(json!([answer])).unwrap();
        assert_eq!(
            kinds(&listed).lines(None, false),
            ["TRIGGER     LISTENERS  DESCRIPTION", "mine.event  2          d"]
        );
        assert_eq!(
            kind(&serde_json::from_value(answer).unwrap()).lines(false),
            [
                "ref:               mine.event",
                "description:       d",
                "made_by:           ada",
                "listeners:         2",
                "rules:             mine.a, mine.b",
                "last_event_at:     2026-11-20T12:00:00Z",
                "payload_schema:",
                "  {",
                "    \"type\": \"object\"",
                "  }",
            ]
        );
    }
}
