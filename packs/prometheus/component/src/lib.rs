//! The component of the pack `prometheus`: the alerts that an Alertmanager reports, and queries to a Prometheus.
//!
//! [`alerts`] is the sensor that takes Alertmanager's requests, [`query`] the action that asks.

use petrel_pack_sdk::{Action, WebhookSensor, export_pack};

pub mod alerts;
pub mod query;

export_pack! {
    actions: [
        Action::new("query", query::query).description("Asks a Prometheus for values at one time.").idempotent(),
    ],
    webhook_sensors: [
        WebhookSensor::new("alertmanager", alerts::receive)
            .description("Takes the alerts of an Alertmanager.")
            .emits(&alerts::ALERT),
    ],
}
