//! The component of the example pack `feed`: a sensor that polls a JSON feed (<https://jsonfeed.org>).
//!
//! Its cursor has the version of the feed, so that an unchanged one is not sent again, and the ids of the entries in
//! it, so that each is told once.

use std::collections::HashSet;

use petrel_pack_sdk::{Error, PollSensor, Polled, Request, SensorContext, TriggerType, export_poll_sensors};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The payload of an event: an entry of the feed.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Entry {
    /// The id of the entry in its feed.
    pub id: String,
    /// The title of the entry.
    pub title: Option<String>,
    /// The address of its page.
    pub url: Option<String>,
}

/// A feed, as its server sends it. The newest entry is the first.
#[derive(Debug, Deserialize)]
struct Feed {
    items: Vec<Entry>,
}

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
struct Config {
    url: String,
}

/// The cursor: how far the sensor has come.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Seen {
    /// The version of the feed, as its server names it.
    version: Option<String>,
    /// The ids of the entries in it.
    ids: Vec<String>,
}

const ENTRY: TriggerType<Entry> = TriggerType::new("entry").description("A new entry of the feed.");

/// Ids that the cursor has at most: a host keeps cursors of 64 KiB, and an id is often the address of a page.
const MOST_IDS: usize = 200;

/// Polls the feed once.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the server does not answer with a feed.
pub fn entries(ctx: &SensorContext, seen: Option<Seen>) -> Result<Polled<Seen>, Error> {
    let Config { url } = ctx.config()?;
    let seen = seen.unwrap_or_default();
    let mut request = Request::get(url).header("accept", "application/feed+json, application/json");
    if let Some(version) = &seen.version {
        request = request.header("if-none-match", version);
    }
    let answer = ctx.fetch(&request)?;
    if answer.status == 304 {
        return Ok(Polled::nothing());
    }
    let answer = answer.success()?;
    let version = answer.header("etag").map(str::to_owned);
    let mut feed: Feed = answer.json()?;
    feed.items.truncate(MOST_IDS);
    let known: HashSet<&str> = seen.ids.iter().map(String::as_str).collect();
    let new = feed.items.iter().rev().filter(|entry| !known.contains(entry.id.as_str()));
    let events: Result<Vec<_>, Error> =
        new.map(|entry| Ok(ENTRY.event(entry)?.dedup_key(entry.id.as_str()))).collect();
    let events = events?;
    ctx.info(format!("{} entries, of which {} are new", feed.items.len(), events.len()));
    Ok(Polled::new(events, Seen { version, ids: feed.items.into_iter().map(|entry| entry.id).collect() }))
}

export_poll_sensors![
    PollSensor::new("entries", entries).description("Watches a JSON feed.").every(60).emits(&ENTRY),
];

#[cfg(test)]
mod tests;
