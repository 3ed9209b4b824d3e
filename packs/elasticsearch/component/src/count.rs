//! The sensor `count`: asks how many documents a search finds (`_count`), and has an event when there are more than a threshold.
//!
//! It counts for each trigger that a rule listens to, by the query that the rule gives; for a rule that gives none, by that of
//! the configuration. Its cursor says where they were more the last time, so that one rise is one event.

use std::collections::BTreeSet;

use petrel_pack_sdk::{Error, ErrorKind, Polled, SensorContext, Trigger, TriggerType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::server::{Config, send};

/// The payload of an event.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// The number of hits.
    pub count: u64,
    /// The number that it is above.
    pub threshold: u64,
}

/// The parameters that a rule gives to the trigger.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Counted {
    /// The query as JSON. Default is that of the configuration.
    pub query: Option<String>,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
struct Answer {
    count: u64,
}

/// The cursor.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Last {
    /// The triggers whose count was above the threshold.
    #[serde(default)]
    above: BTreeSet<String>,
}

/// The trigger type of what the sensor notices.
pub const COUNT: TriggerType<Count, Counted> =
    TriggerType::new("count_event").description("A search finds more than the threshold.").with_parameters();

/// Counts once for each trigger. One that cannot be counted is tried again at the next poll, and keeps no other from its event.
///
/// # Errors
///
/// If the pack is not configured, or nothing could be counted: the address is not granted, or the server does not answer
/// with a count.
pub fn count(ctx: &SensorContext, last: Option<Last>) -> Result<Polled<Last>, Error> {
    let config: Config = ctx.config()?;
    let last = last.unwrap_or_default();
    let (mut events, mut now, mut failed) = (Vec::new(), Last::default(), None);
    let triggers = ctx.triggers_of(&COUNT);
    let mut counted = 0;
    for trigger in &triggers {
        let was_above = last.above.contains(&trigger.id);
        let is_above = match count_one(ctx, &config, trigger) {
            Ok(count) => {
                counted += 1;
                let (id, threshold) = (&trigger.id, config.threshold);
                ctx.info(format!("{count} found for {id}; the threshold is {threshold}"));
                if count > threshold && !was_above {
                    events.push(COUNT.event(&Count { count, threshold })?.of_trigger(trigger));
                }
                count > threshold
            }
            Err(error) => {
                ctx.warn(format!("cannot count for {}: {}", trigger.id, error.message));
                failed = failed.or(Some(error));
                was_above
            }
        };
        if is_above {
            now.above.insert(trigger.id.clone());
        }
    }
    match failed {
        Some(error) if counted == 0 => Err(error),
        _ => Ok(Polled::new(events, now)),
    }
}

/// What the search for a trigger finds.
fn count_one(ctx: &SensorContext, config: &Config, trigger: &Trigger<Counted>) -> Result<u64, Error> {
    let index = config.index.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Misconfigured, "no index is configured")
            .code("elasticsearch.no_index")
            .hint("set index by `petrel pack configure elasticsearch -`")
    })?;
    let given = trigger.parameters.query.as_deref().map(serde_json::from_str).transpose();
    let given: Option<Value> = given.map_err(|error| {
        Error::invalid_input(format!("the query is not JSON: {error}"))
            .hint("correct `query` in the trigger of the rule")
    })?;
    let query = given.or_else(|| config.query.clone()).unwrap_or_else(|| json!({"match_all": {}}));
    let request = config.request("POST", [index, "_count"])?.json(&json!({"query": query}))?;
    let Answer { count } = send(ctx, &request)?;
    Ok(count)
}

#[cfg(test)]
mod tests;
