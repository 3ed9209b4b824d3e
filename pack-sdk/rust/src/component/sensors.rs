//! Connects the WIT worlds of sensors with the rest of the SDK.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::{WireError, services};
use crate::sensor::Sensor;
use crate::{
    Error, PollSensor, Polled, Received, Reply, SensorContext, StreamSensor, Trigger, WebhookSensor,
};

pub use poll::exports::petrel::pack::poll_sensor;
pub use poll::petrel::pack::sensor_context::{SensorContext as WireContext, Trigger as WireTrigger};
pub use stream::exports::petrel::pack::stream_sensor;
pub use webhook::exports::petrel::pack::webhook_sensor;

/// Bindings of sensors that poll.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod poll {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/poll-sensor-world",
        pub_export_macro: true,
        with: {
            "petrel:types/types@1.0.0": crate::component::bindings::petrel::types::types,
            "petrel:log/log@1.0.0": crate::component::bindings::petrel::log::log,
            "petrel:config/config@1.0.0": crate::component::bindings::petrel::config::config,
            "petrel:kv/kv@1.0.0": crate::component::bindings::petrel::kv::kv,
            "petrel:secrets/secrets@1.0.0": crate::component::bindings::petrel::secrets::secrets,
            "petrel:secrets/reveal@1.0.0": crate::component::bindings::petrel::secrets::reveal,
            "petrel:trigger/types@1.0.0": crate::component::bindings::petrel::trigger::types,
        },
        generate_all,
    });
}

/// Bindings of sensors that take requests.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod webhook {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/webhook-sensor-world",
        pub_export_macro: true,
        with: {
            "petrel:types/types@1.0.0": crate::component::bindings::petrel::types::types,
            "petrel:log/log@1.0.0": crate::component::bindings::petrel::log::log,
            "petrel:config/config@1.0.0": crate::component::bindings::petrel::config::config,
            "petrel:kv/kv@1.0.0": crate::component::bindings::petrel::kv::kv,
            "petrel:secrets/secrets@1.0.0": crate::component::bindings::petrel::secrets::secrets,
            "petrel:secrets/reveal@1.0.0": crate::component::bindings::petrel::secrets::reveal,
            "petrel:trigger/types@1.0.0": crate::component::bindings::petrel::trigger::types,
            "petrel:pack/sensor-context@1.0.0": crate::component::sensors::poll::petrel::pack::sensor_context,
        },
        generate_all,
    });
}

/// Bindings of sensors that stream.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod stream {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/stream-sensor-world",
        pub_export_macro: true,
        with: {
            "petrel:types/types@1.0.0": crate::component::bindings::petrel::types::types,
            "petrel:log/log@1.0.0": crate::component::bindings::petrel::log::log,
            "petrel:config/config@1.0.0": crate::component::bindings::petrel::config::config,
            "petrel:kv/kv@1.0.0": crate::component::bindings::petrel::kv::kv,
            "petrel:secrets/secrets@1.0.0": crate::component::bindings::petrel::secrets::secrets,
            "petrel:secrets/reveal@1.0.0": crate::component::bindings::petrel::secrets::reveal,
            "petrel:trigger/types@1.0.0": crate::component::bindings::petrel::trigger::types,
            "petrel:trigger/emit@1.0.0": crate::component::bindings::petrel::trigger::emit,
            "petrel:pack/sensor-context@1.0.0": crate::component::sensors::poll::petrel::pack::sensor_context,
        },
        generate_all,
    });
}

/// Polls the sensor that `context` names.
pub fn poll_one(
    sensors: &[PollSensor],
    context: WireContext,
    cursor: Option<&str>,
) -> Result<poll_sensor::Polled, WireError> {
    let polled = found(sensors, &context.name).and_then(|sensor| sensor.poll(&context.into(), cursor));
    flush();
    let Polled { events, cursor, next_poll } = polled?;
    let next_poll_ms = next_poll.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Ok(poll_sensor::Polled { events: events.into_iter().map(Into::into).collect(), cursor, next_poll_ms })
}

/// Gives a request to the sensor that `context` names.
pub fn receive_one(
    sensors: &[WebhookSensor],
    context: WireContext,
    request: webhook_sensor::Request,
) -> Result<webhook_sensor::Reply, WireError> {
    let webhook_sensor::Request { method, path, query, headers, body } = request;
    let request = Received { method, path, query, headers, body };
    let reply = found(sensors, &context.name).and_then(|sensor| sensor.receive(&context.into(), request));
    flush();
    let Reply { events, status, body } = reply?;
    Ok(webhook_sensor::Reply { events: events.into_iter().map(Into::into).collect(), status, body })
}

/// Runs the sensor that `context` names.
pub fn run_one(sensors: &[StreamSensor], context: WireContext) -> Result<(), WireError> {
    let ended = found(sensors, &context.name).and_then(|sensor| sensor.run(&context.into()));
    flush();
    Ok(ended?)
}

fn found<'a, Run: ?Sized>(sensors: &'a [Sensor<Run>], name: &str) -> Result<&'a Sensor<Run>, Error> {
    sensors.iter().find(|sensor| sensor.name() == name).ok_or_else(|| {
        let names: Vec<_> = sensors.iter().map(Sensor::name).collect();
        Error::not_found(format!("this component has no sensor {name}"))
            .code("sensor.unknown")
            .hint(format!("it has {}; class_name in the sensor's metadata names one", names.join(", ")))
    })
}

/// A component has no `main` whose end would flush text without a line end.
fn flush() {
    std::io::stdout().flush().unwrap_or_default();
}

impl From<WireTrigger> for Trigger {
    fn from(wire: WireTrigger) -> Self {
        // The host gives an object.
        let parameters = serde_json::from_str(&wire.parameters).unwrap_or_default();
        Self { id: wire.id, trigger_type: wire.trigger_type, parameters }
    }
}

impl From<WireContext> for SensorContext {
    fn from(wire: WireContext) -> Self {
        let deadline = |ms| UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(UNIX_EPOCH);
        Self {
            name: wire.name,
            pack: wire.pack,
            deadline: wire.deadline_ms.map(deadline),
            triggers: wire.triggers.into_iter().map(Into::into).collect(),
            services: services(),
        }
    }
}
