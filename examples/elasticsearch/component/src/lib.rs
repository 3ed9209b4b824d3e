//! The component of the example pack `elasticsearch`: a sensor that asks how many documents a search finds (`_count`),
//! and has an event when there are more than a threshold.
//!
//! Its cursor says whether they were more the last time, so that one rise is one event.

use petrel_pack_sdk::{Error, PollSensor, Polled, Request, SensorContext, TriggerType, export_poll_sensors};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The payload of an event.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// The number of hits.
    pub count: u64,
    /// The number that it is above.
    pub threshold: u64,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
struct Counted {
    count: u64,
}

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
struct Config {
    url: String,
    query: Option<Value>,
    threshold: u64,
}

/// The cursor.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Last {
    /// Whether the count was above the threshold.
    is_above: bool,
}

const COUNT: TriggerType<Count> =
    TriggerType::new("count_event").description("A search finds more than the threshold.");

/// Counts once.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the server does not answer with a count.
pub fn count(ctx: &SensorContext, last: Option<Last>) -> Result<Polled<Last>, Error> {
    let Config { url, query, threshold } = ctx.config()?;
    let query = query.unwrap_or_else(|| json!({"match_all": {}}));
    let request = Request::post_json(url, &json!({"query": query}))?;
    let Counted { count } = ctx.fetch(&request)?.success()?.json()?;
    let is_above = count > threshold;
    let was_above = last.unwrap_or_default().is_above;
    ctx.info(format!("{count} found; the threshold is {threshold}"));
    let mut events = Vec::new();
    if is_above && !was_above {
        events.push(COUNT.event(&Count { count, threshold })?);
    }
    Ok(Polled::new(events, Last { is_above }))
}

export_poll_sensors![
    PollSensor::new("count", count).description("Counts what a search finds.").every(60).emits(&COUNT),
];

#[cfg(test)]
mod tests;
