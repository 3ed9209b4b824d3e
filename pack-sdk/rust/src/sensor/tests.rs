//! Sensors of each kind, with the stand-in for the host.

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::testing::Host;
use crate::{ErrorKind, Request};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Entry {
    /// The number of the entry.
    id: u64,
}

const ENTRY: TriggerType<Entry> = TriggerType::new("entry").description("A new entry");

fn poll(ctx: &SensorContext, cursor: Option<u64>) -> Result<Polled<u64>, Error> {
    let after = cursor.unwrap_or(0);
    let entries: Vec<Entry> =
        ctx.fetch(&Request::get(format!("https://feed.example/after/{after}")))?.success()?.json()?;
    let Some(last) = entries.last() else { return Ok(Polled::nothing()) };
    let events: Result<_, Error> =
        entries.iter().map(|entry| Ok(ENTRY.event(entry)?.dedup_key(entry.id.to_string()))).collect();
    Ok(Polled::new(events?, last.id))
}

fn sensor() -> PollSensor {
    PollSensor::new("feed", poll).description("Watches").every(60).emits(&ENTRY)
}

#[test]
fn a_poll_goes_on_from_its_cursor() {
    let host = Host::new()
        .answering("GET", "https://feed.example/after/0", 200, "[{\"id\": 3}, {\"id\": 7}]")
        .answering("GET", "https://feed.example/after/7", 200, "[]");
    let context = host.sensor_context("feed");
    let polled = sensor().poll(&context, None).unwrap();
    let keys: Vec<_> = polled.events.iter().map(|event| event.dedup_key.as_deref().unwrap()).collect();
    assert_eq!((keys, polled.cursor.as_deref()), (vec!["3", "7"], Some("7")));
    let again = sensor().poll(&context, polled.cursor.as_deref()).unwrap();
    assert_eq!((again.events.len(), again.cursor), (0, None));
    assert_eq!(sensor().poll(&context, Some("\"x\"")).unwrap_err().code.as_deref(), Some("cursor.invalid"));
    assert_eq!(sensor().poll(&context, None).unwrap_err().kind, ErrorKind::Denied);
}

#[test]
fn sensors_describe_themselves_with_the_schemas_of_their_events() {
    assert_eq!(
        describe(&[sensor()]),
        json!({"sensors": [{
            "name": "feed",
            "description": "Watches",
            "poll_interval": 60,
            "trigger_types": [{
                "name": "entry",
                "description": "A new entry",
                "payload_schema": {
                    "type": "object",
                    "properties": {
                        "id": {
                            "type": "integer",
                            "description": "The number of the entry.",
                            "minimum": 0,
                            "required": true,
                        },
                    },
                },
            }],
        }]})
    );
}

#[test]
fn a_stream_emits_and_reads_the_configuration() {
    let sensor = StreamSensor::new("stream", |ctx| {
        let config: Entry = ctx.config()?;
        ctx.emit(&ENTRY.event(&config)?)?;
        Ok(())
    });
    let host = Host::new();
    let told = sensor.run(&host.sensor_context("stream")).unwrap_err();
    assert_eq!(told.kind, ErrorKind::Misconfigured);
    let host = host.configured("id", 5);
    sensor.run(&host.sensor_context("stream")).unwrap();
    assert_eq!(host.emitted()[0].payload, json!({"id": 5}));
}

#[test]
fn a_webhook_answers() {
    let sensor = WebhookSensor::new("hook", |_, request| {
        let Some(name) = request.header("x-name") else { return Ok(Reply::status(401)) };
        Ok(Reply::accepted(Vec::new()).body(name))
    });
    let context = Host::new().sensor_context("hook");
    let request = |headers| Received {
        method: "POST".into(),
        path: "/".into(),
        query: String::new(),
        headers,
        body: Vec::new(),
    };
    assert_eq!(sensor.receive(&context, request(Vec::new())).unwrap().status, 401);
    let reply = sensor.receive(&context, request(vec![("x-name".into(), b"ann".to_vec())])).unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (202, b"ann".as_slice()));
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Query {
    /// The words to look for.
    words: Option<String>,
}

const FOUND: TriggerType<Entry, Query> = TriggerType::new("found").with_parameters();

#[test]
fn a_sensor_has_events_of_the_triggers_that_rules_listen_to() {
    let host = Host::new()
        .listened("found", json!({"words": "a"}))
        .listened("found", json!({"words": 5}))
        .listened("entry", json!({}))
        .listened("found", json!({}));
    let context = host.sensor_context("feed");
    let triggers = context.triggers_of(&FOUND);
    let words: Vec<_> = triggers.iter().map(|trigger| trigger.parameters.words.as_deref()).collect();
    assert_eq!(words, [Some("a"), None]);
    assert!(
        host.logged()[0].starts_with("WARN the parameters of the trigger test.found."),
        "{:?}",
        host.logged()
    );
    let event = FOUND.event(&Entry { id: 7 }).unwrap();
    assert_eq!((event.trigger.as_str(), &event.parameters), ("found", &None));
    assert_eq!(event.clone().of_trigger(&triggers[1]).trigger, triggers[1].id);
    assert_eq!(event.with_parameters(json!({"words": "a"})).parameters, Some(json!({"words": "a"})));
}

#[test]
fn a_trigger_type_describes_its_parameters() {
    assert_eq!(
        FOUND.to_json()["parameters_schema"],
        json!({
            "type": "object",
            "properties": {"words": {"type": "string", "description": "The words to look for."}},
        })
    );
    assert!(ENTRY.to_json().get("parameters_schema").is_none());
}

#[test]
fn a_component_with_actions_and_sensors_describes_both() {
    let action = crate::Action::new("noop", |_: &crate::Context, (): ()| Ok(()));
    let whole = crate::describe_with(&[action], &[sensor()]);
    assert_eq!(whole["actions"][0]["name"], "noop");
    assert_eq!(whole["sensors"], describe(&[sensor()])["sensors"]);
}
