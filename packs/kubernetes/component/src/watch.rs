//! The sensor `watch`: follows the objects that rules name, and has an event for each change of one.
//!
//! Each trigger is watched from the moment at which the sensor begins. A watch that ends goes on from the version that it has
//! come to; of several triggers each has its turn for a few seconds, and misses nothing meanwhile. What changes while the host is
//! not there is not told.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use petrel_pack_sdk::{
    Error, ErrorKind, Event, Request, SensorContext, Trigger, TriggerType, beginning, warn,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::{Config, Kind, send, without_managed_fields};

/// Seconds for which a watch goes on: the only one, and each of several.
const ALONE: u32 = 240;
const IN_TURN: u32 = 5;
/// After so many failures in a row a watch is left alone for a while. If that is so of all of them, the sensor ends, and its host
/// shows the error and waits longer.
const ATTEMPTS: u32 = 5;
/// So long is a watch left alone that the cluster refuses or does not serve, while others go on.
const REST: Duration = Duration::from_mins(1);
/// The pause after a failure, unless the cluster asks for another one, and after a watch that has brought nothing.
const PAUSE: Duration = Duration::from_secs(3);
const SHORT_PAUSE: Duration = Duration::from_millis(500);
/// The longest line, in bytes: an object has 1.5 MiB at most, in another form.
const LONGEST_LINE: usize = 4 << 20;
/// An object in a longer line is not in its event, since a host takes payloads of 1 MiB.
const LARGEST_OBJECT: usize = 768 << 10;
/// The longest key that a host takes, in bytes.
const LONGEST_KEY: usize = 255;
/// The most of a list that is only read for its version.
const LARGEST_LIST: usize = 4 << 20;

/// The changes of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It has changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// The payload of an event.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// What has happened to the object.
    pub change: ChangeKind,
    /// The kind of the object, as Pod.
    pub kind: String,
    /// The namespace of the object, if it is in one.
    pub namespace: Option<String>,
    /// The name of the object.
    pub name: String,
    /// The version of the object.
    pub resource_version: String,
    /// The object, without the record of who has set which field; null if it has more than 768 KiB.
    pub object: Value,
}

/// The parameters that a rule gives to the trigger.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Watched {
    /// The kind of the objects, in the plural, as in `kubectl api-resources`.
    #[serde(default = "pods")]
    pub resource: String,
    /// The version of the kind, as v1 or apps/v1.
    #[serde(default = "v1")]
    pub api_version: String,
    /// The namespace. Default is all.
    pub namespace: Option<String>,
    /// The labels that the objects have, as app=web,tier!=cache.
    pub label_selector: Option<String>,
}

fn pods() -> String {
    "pods".to_owned()
}

fn v1() -> String {
    "v1".to_owned()
}

/// The trigger type of changes.
pub const CHANGE: TriggerType<Change, Watched> =
    TriggerType::new("change").description("An object of a cluster has changed.").with_parameters();

/// A line of a watch.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// Watches for as long as the host lets it.
///
/// # Errors
///
/// If the pack is not configured, or no watch can go on: the address is not granted, the cluster refuses it or cannot be reached
/// for a while, or the host does not take an event.
pub fn changes(ctx: &SensorContext) -> Result<(), Error> {
    let config: Config = ctx.config()?;
    let mut watches: Vec<_> = ctx.triggers_of(&CHANGE).into_iter().map(Watch::new).collect();
    let seconds = if watches.len() == 1 { ALONE } else { IN_TURN };
    loop {
        if watches.is_empty() {
            // The host begins it anew when there is a rule.
            thread::sleep(Duration::from_hours(1));
        }
        for watch in watches.iter_mut().filter(|watch| !watch.is_resting()) {
            match watch.turn(ctx, &config, seconds) {
                Ok(()) => (watch.failed, watch.rest) = (0, None),
                Err(error) => watch.recover(ctx, error),
            }
        }
        // One that a rule has named wrongly keeps no other from its events.
        if watches.iter().all(|watch| watch.rest.is_some())
            && let Some((_, error)) = watches.iter_mut().find_map(|watch| watch.rest.take())
        {
            return Err(error);
        }
    }
}

/// The watch of a trigger.
struct Watch {
    trigger: Trigger<Watched>,
    /// The version up to which changes were told. None before the first turn, and when the cluster no longer knows it.
    version: Option<String>,
    /// The failures in a row.
    failed: u32,
    /// The end of the time for which it is left alone, and why. None once it goes on.
    rest: Option<(Instant, Error)>,
}

impl Watch {
    fn new(trigger: Trigger<Watched>) -> Self {
        Self { trigger, version: None, failed: 0, rest: None }
    }

    fn is_resting(&self) -> bool {
        self.rest.as_ref().is_some_and(|(end, _)| Instant::now() < *end)
    }

    /// Waits after a failure that may pass. After any other one it rests.
    fn recover(&mut self, ctx: &SensorContext, error: Error) {
        self.failed += 1;
        warn!(ctx, trigger = self.trigger.id, "{}", error.message);
        let after = match error.kind {
            ErrorKind::Transient(after) | ErrorKind::RateLimited(after) if self.failed < ATTEMPTS => after,
            ErrorKind::Timeout if self.failed < ATTEMPTS => None,
            _ => {
                self.failed = 0;
                self.rest = Some((Instant::now() + REST, error));
                return;
            }
        };
        thread::sleep(after.unwrap_or(PAUSE));
    }

    fn request(&self, config: &Config) -> Result<Request, Error> {
        let Watched { resource, api_version, namespace, label_selector } = &self.trigger.parameters;
        let kind = Kind { api_version, resource, namespace: namespace.as_deref() };
        let request = config.request("GET", &kind)?;
        Ok(match label_selector {
            Some(labels) => request.query("labelSelector", labels),
            None => request,
        })
    }

    /// The version of the cluster at this moment.
    fn present(&self, ctx: &SensorContext, config: &Config) -> Result<String, Error> {
        let request = self.request(config)?.query("limit", &1).largest_answer(LARGEST_LIST);
        let version = |list: &Value| text(list, "/metadata/resourceVersion");
        let list = send(ctx, &request)?.json_where(|list: &Value| version(list).is_some())?;
        Ok(version(&list).unwrap_or_default())
    }

    /// Watches for so many seconds, or until the connection breaks.
    fn turn(&mut self, ctx: &SensorContext, config: &Config, seconds: u32) -> Result<(), Error> {
        let from = match self.version.take() {
            Some(version) => version,
            None => self.present(ctx, config)?,
        };
        let request = self
            .request(config)?
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("timeoutSeconds", &seconds)
            .query("resourceVersion", &from)
            .largest_answer(LONGEST_LINE);
        let answer = ctx.fetch(&request);
        // It is kept over a failure, unless the cluster says that it is too old.
        if !answer.as_ref().is_ok_and(|answer| answer.status == 410) {
            self.version = Some(from);
        }
        let answer = answer?;
        if answer.status == 410 {
            self.tell_of_gap(ctx);
            return Ok(());
        }
        // Whether there is a pause before the next turn.
        let mut is_idle = true;
        for line in answer.success()?.lines() {
            match line {
                Ok(line) if line.is_empty() => {}
                Ok(line) => {
                    is_idle = false;
                    if !self.take(ctx, &line)? {
                        break;
                    }
                }
                // It would come again and again.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.version = None;
                    warn!(ctx, trigger = self.trigger.id, "changes were missed: {error}");
                    is_idle = true;
                    break;
                }
                Err(_broken) => {
                    is_idle = true;
                    break;
                }
            }
        }
        if is_idle {
            thread::sleep(SHORT_PAUSE);
        }
        Ok(())
    }

    fn tell_of_gap(&self, ctx: &SensorContext) {
        warn!(ctx, trigger = self.trigger.id, "changes were missed: the cluster no longer knows them");
    }

    /// Takes a line. Says whether there may be more.
    fn take(&mut self, ctx: &SensorContext, line: &str) -> Result<bool, Error> {
        let Line { kind, object } = serde_json::from_str(line).map_err(|error| {
            let begins = beginning(line);
            Error::transient(format!(
                "a line of the watch is no change of an object, or not whole ({error}): `{begins}`"
            ))
            .code("kubernetes.watch")
        })?;
        let change = match kind.as_str() {
            "ADDED" => ChangeKind::Added,
            "MODIFIED" => ChangeKind::Modified,
            "DELETED" => ChangeKind::Deleted,
            // It only says how far the watch has come.
            "BOOKMARK" => {
                self.version = text(&object, "/metadata/resourceVersion").or_else(|| self.version.take());
                return Ok(true);
            }
            _ if object.get("code") == Some(&Value::from(410)) => {
                self.version = None;
                self.tell_of_gap(ctx);
                return Ok(false);
            }
            _ => {
                let why = beginning(&text(&object, "/message").unwrap_or_default());
                return Err(Error::transient(format!("the watch ended: {why}")).code("kubernetes.watch"));
            }
        };
        let version = text(&object, "/metadata/resourceVersion").unwrap_or_default();
        // If the host has no room for it now, the watch goes on from here.
        ctx.emit(&self.event(change, &version, object, line.len())?)?;
        self.version = Some(version);
        Ok(true)
    }

    fn event(&self, change: ChangeKind, version: &str, object: Value, length: usize) -> Result<Event, Error> {
        let at = |pointer: &str| text(&object, pointer);
        let (uid, namespace) = (at("/metadata/uid").unwrap_or_default(), at("/metadata/namespace"));
        let (kind, name) = (at("/kind").unwrap_or_default(), at("/metadata/name").unwrap_or_default());
        let object = if length > LARGEST_OBJECT { Value::Null } else { without_managed_fields(object) };
        let resource_version = version.to_owned();
        let payload = Change { change, kind, namespace, name, resource_version, object };
        // A version of an object comes again when a connection breaks before its successor.
        let key = format!("{uid}/{version}/{change:?}");
        let event = CHANGE.event(&payload)?.of_trigger(&self.trigger);
        Ok(if key.len() <= LONGEST_KEY { event.dedup_key(key) } else { event })
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests;
