//! The component of the pack `elasticsearch`: a sensor that counts what a search finds, and actions that write and search. An
//! `OpenSearch` answers to the same calls.
//!
//! [`server`] has the configuration and the calls, [`count`] the sensor, [`documents`] the actions.

use petrel_pack_sdk::{Action, PollSensor, export_pack};

pub mod count;
pub mod documents;
mod server;

export_pack! {
    actions: [
        Action::new("index", documents::index).description("Writes a document to an index."),
        Action::new("search", documents::search).description("Searches an index.").idempotent(),
    ],
    poll_sensors: [
        PollSensor::new("count", count::count)
            .description("Counts what searches find.")
            .every(60)
            .emits(&count::COUNT),
    ],
}
