//! Trigger types, the triggers that rules listen to, and the accepted events.

use std::borrow::Cow;

use petrel_model::parameters::Parameters;
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{EnforcementId, Object, Payload, Ref, Timestamp, TraceId, TriggerInstanceId, trigger};
use serde::{Deserialize, Serialize};

use crate::{Enforcement, Item, Secrets};

/// A kind of event that a pack declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerType<'a> {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// The JSON Schema of the parameters that a rule gives.
    #[serde(default)]
    pub parameters_schema: Cow<'a, Object>,
    /// The JSON Schema of the payload of events.
    #[serde(default)]
    pub payload_schema: Cow<'a, Object>,
    /// The reference again.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// The name without the pack.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The name of the pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// `trigger_type:pack:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// The user who has made it by hand; absent from one in the files of its pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<Cow<'a, str>>,
    /// How often rules listen to it.
    #[serde(default)]
    pub listeners: usize,
    /// Some of the rules that do, in the view of one trigger type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Cow<'a, str>>>,
    /// The time of its last event, in the view of one trigger type, if it is among the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_at: Option<Timestamp>,
}

impl<'a> TriggerType<'a> {
    /// The view of a trigger type to which rules listen this often.
    pub fn of(kind: &'a trigger::TriggerType, listeners: usize) -> Self {
        Self { listeners, ..Self::from(kind) }
    }
}

impl<'a> From<&'a trigger::TriggerType> for TriggerType<'a> {
    fn from(kind: &'a trigger::TriggerType) -> Self {
        let (pack, name) = (kind.reference.pack(), kind.reference.name());
        Self {
            reference: Cow::Borrowed(kind.reference.as_str()),
            description: Cow::Borrowed(&kind.description),
            parameters_schema: Cow::Borrowed(&kind.parameters_schema),
            payload_schema: Cow::Borrowed(&kind.payload_schema),
            id: Cow::Borrowed(kind.reference.as_str()),
            name: Cow::Borrowed(name),
            pack: Cow::Borrowed(pack),
            uid: Cow::Owned(format!("trigger_type:{pack}:{name}")),
            made_by: kind.made_by.as_deref().map(Cow::Borrowed),
            listeners: 0,
            rules: None,
            last_event_at: None,
        }
    }
}

/// A trigger: a trigger type with the parameters of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger<'a> {
    /// The reference of the trigger type.
    #[serde(rename = "type")]
    pub kind: Cow<'a, str>,
    /// The parameters, such as the `url` of a webhook.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
    /// The reference again.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// `trigger:pack:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The name of the pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// The name without the pack.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The description, in one line; absent unless it was made by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
    /// The user who has made it by hand; absent from one that comes with the rules that listen to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<Cow<'a, str>>,
    /// How often rules listen to it, where triggers are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners: Option<usize>,
}

impl<'a> Trigger<'a> {
    /// The view of the trigger with this reference. Values that `schemas` declare secret are masked unless secrets
    /// are to be shown.
    pub fn of(
        reference: &'a Ref,
        trigger: &'a trigger::Trigger,
        schemas: Option<&Parameters>,
        secrets: Secrets,
    ) -> Self {
        let (pack, name) = (reference.pack(), reference.name());
        Self {
            kind: Cow::Borrowed(trigger.kind.as_str()),
            parameters: secrets.among(&trigger.parameters, schemas),
            id: Cow::Borrowed(reference.as_str()),
            uid: Cow::Owned(format!("trigger:{pack}:{name}")),
            reference: Cow::Borrowed(reference.as_str()),
            pack: Cow::Borrowed(pack),
            name: Cow::Borrowed(name),
            description: None,
            made_by: None,
            listeners: None,
        }
    }
}

/// An accepted event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerInstance<'a> {
    /// The id of the event.
    pub id: TriggerInstanceId,
    /// The reference of the trigger.
    pub trigger: Cow<'a, str>,
    /// The reference of the trigger type.
    pub trigger_type: Cow<'a, str>,
    /// The time of the event.
    pub occurrence_time: Timestamp,
    /// The payload, as its JSON text.
    #[serde(default)]
    pub payload: Payload,
    /// The progress of the event through the rules.
    pub status: TriggerInstanceStatus,
    /// The trace in the log lines about it. Absent from a host without traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The event that it repeats, if it is a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<TriggerInstanceId>,
    /// The enforcements of the event, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcements: Option<Enforcements<'a>>,
}

/// The answer to a request to send a stored event once more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReEmitted<'a> {
    /// The outcome, in one line.
    pub message: Cow<'a, str>,
    /// The payload.
    #[serde(default)]
    pub payload: Payload,
    /// The id of the new event.
    pub trigger_instance: TriggerInstanceId,
}

/// The enforcements of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Enforcements<'a> {
    /// Ids only, in lists.
    Ids(Cow<'a, [EnforcementId]>),
    /// Whole enforcements, in the view of one event.
    Whole(Vec<Item<'a, Enforcement<'a>>>),
}

impl<'a> TriggerInstance<'a> {
    /// The view of `event` with this `payload`, in which secrets are masked already.
    pub fn of(event: &'a trigger::TriggerInstance, payload: Payload) -> Self {
        let enforcements = Enforcements::Ids(Cow::Borrowed(&event.enforcements));
        Self {
            id: event.id,
            trigger: Cow::Borrowed(event.trigger.as_str()),
            trigger_type: Cow::Borrowed(event.trigger_type.as_str()),
            occurrence_time: event.occurrence_time,
            payload,
            status: event.status,
            trace: Some(event.trace_id()),
            replay_of: event.replay_of,
            enforcements: Some(enforcements).filter(|_| !event.enforcements.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    const ID: &str = "65a000000000000000000001";

    #[test]
    fn a_trigger_type_shows_its_schemas() {
        let stored: trigger::TriggerType = noun(json!({
            "ref": "core.st2.webhook", "description": "d", "parameters_schema": {"url": {}},
            "payload_schema": {"type": "object"},
        }));
        assert_shown_as::<TriggerType<'static>>(
            &TriggerType::from(&stored),
            &json!({
                "ref": "core.st2.webhook",
                "description": "d",
                "parameters_schema": {"url": {}},
                "payload_schema": {"type": "object"},
                "id": "core.st2.webhook",
                "name": "st2.webhook",
                "pack": "core",
                "uid": "trigger_type:core:st2.webhook",
                "listeners": 0,
            }),
        );
    }

    #[test]
    fn a_trigger_shows_its_parameters_with_secrets_masked() {
        let stored: trigger::Trigger =
            noun(json!({"type": "core.x", "parameters": {"url": "u", "key": "k"}}));
        let reference = "core.x.0a".parse().unwrap();
        let schemas = noun(json!({"url": {}, "key": {"secret": true}}));
        assert_shown_as::<Trigger<'static>>(
            &Trigger::of(&reference, &stored, Some(&schemas), Secrets::Masked),
            &json!({
                "type": "core.x",
                "parameters": {"url": "u", "key": "********"},
                "id": "core.x.0a",
                "uid": "trigger:core:x.0a",
                "ref": "core.x.0a",
                "pack": "core",
                "name": "x.0a",
            }),
        );
    }

    #[test]
    fn the_payload_of_an_event_is_written_as_it_stands() {
        let text = format!(
            r#"{{"id":"{ID}","trigger":"core.x","trigger_type":"core.x","occurrence_time":"2026-11-20T12:00:00.000000Z","payload":{{"b":[1,  2.50],"a":"\u0041","a":1e2}},"status":"processed","trace":"4bf92f3577b34da6a3ce929d0e0e4736"}}"#
        );
        let stored: trigger::TriggerInstance = serde_json::from_str(&text).unwrap();
        let shown = TriggerInstance::of(&stored, stored.payload.clone());
        assert_eq!(serde_json::to_string(&shown).unwrap(), text);
    }

    #[test]
    fn an_event_that_is_sent_once_more_tells_its_new_id() {
        assert_shown_as::<ReEmitted<'static>>(
            &ReEmitted {
                message: "m".into(),
                payload: Payload::from(&json!({"n": 1})),
                trigger_instance: ID.parse().unwrap(),
            },
            &json!({"message": "m", "payload": {"n": 1}, "trigger_instance": ID}),
        );
    }

    #[test]
    fn an_event_shows_what_came_of_it() {
        let stored: trigger::TriggerInstance = noun(json!({
            "id": ID, "trigger": "core.x", "trigger_type": "core.x", "occurrence_time": "2026-11-20T12:00:00Z",
            "payload": {"n": 1}, "status": "processing_failed", "enforcements": [ID], "replay_of": ID,
        }));
        let shown = TriggerInstance::of(&stored, stored.payload.clone());
        let mut expected = json!({
            "id": ID,
            "trigger": "core.x",
            "trigger_type": "core.x",
            "occurrence_time": "2026-11-20T12:00:00.000000Z",
            "payload": {"n": 1},
            "status": "processing_failed",
            "trace": format!("00000000{ID}"),
            "replay_of": ID,
            "enforcements": [ID],
        });
        assert_shown_as::<TriggerInstance<'static>>(&shown, &expected);
        let lost = crate::Lost::new(ID, "why", "do this");
        let whole = Enforcements::Whole(vec![Item::Lost(lost)]);
        expected["enforcements"] = json!([{"id": ID, "error": "cannot be read: why", "hint": "do this"}]);
        let shown = TriggerInstance { enforcements: Some(whole), ..shown };
        assert_shown_as::<TriggerInstance<'static>>(&shown, &expected);
        expected["enforcements"] = json!([]);
        let shown = TriggerInstance { enforcements: Some(Enforcements::Whole(Vec::new())), ..shown };
        assert_shown_as::<TriggerInstance<'static>>(&shown, &expected);
    }
}
