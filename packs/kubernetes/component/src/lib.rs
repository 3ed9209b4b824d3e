//! The component of the pack `kubernetes`: actions that look at objects, scale and restart them, and a sensor that watches them.
//!
//! [`cluster`] has the configuration and the calls, [`calls`] the actions, [`watch`] the sensor, [`time`] writes times.

use petrel_pack_sdk::{Action, StreamSensor, export_pack};

pub mod calls;
mod cluster;
mod time;
pub mod watch;

export_pack! {
    actions: [
        Action::new("get", calls::get).description("Reads an object of a cluster, or a list of them.").idempotent(),
        Action::new("scale", calls::scale).description("Sets the number of replicas.").idempotent(),
        Action::new("rollout_restart", calls::rollout_restart)
            .description("Replaces all pods of an object, as kubectl rollout restart does."),
    ],
    stream_sensors: [
        StreamSensor::new("watch", watch::changes)
            .description("Watches the objects that rules name.")
            .emits(&watch::CHANGE),
    ],
}
