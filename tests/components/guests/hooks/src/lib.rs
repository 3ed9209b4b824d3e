//! Sensors that take requests.

#![expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the form that sensors have")]

use petrel_pack_sdk::{
    Error, Received, Reply, SensorContext, TriggerType, WebhookSensor, export_webhook_sensors,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The payload of events: the request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Call {
    /// The method, path and query.
    line: String,
    /// The body as text.
    body: String,
}

const CALL: TriggerType<Call> = TriggerType::new("call");

/// An event for a request with the right header.
fn hook(_: &SensorContext, request: Received) -> Result<Reply, Error> {
    if request.header("x-token") != Some("secret") {
        return Ok(Reply::status(401).body("who are you?"));
    }
    let line = format!("{} {}?{}", request.method, request.path, request.query);
    let body = String::from_utf8_lossy(&request.body).into_owned();
    Ok(Reply::accepted(vec![CALL.event(&Call { line, body })?]))
}

fn strange(_: &SensorContext, _: Received) -> Result<Reply, Error> {
    Ok(Reply::status(42))
}

export_webhook_sensors![
    WebhookSensor::new("hook", hook).emits(&CALL),
    WebhookSensor::new("strange", strange)
];
