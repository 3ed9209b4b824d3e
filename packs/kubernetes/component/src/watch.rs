//! The sensor `watch`: follows the objects that rules name, and has an event for each change of one.
//!
//! Each trigger is watched from the moment at which the sensor begins. A watch that ends goes on from the version that it has
//! come to; of several triggers each has its turn for a few seconds, and misses nothing meanwhile. What changes while the host is
//! not there is not told.

use std::thread;
use std::time::Duration;

use petrel_pack_sdk::{Error, ErrorKind, Event, Request, SensorContext, Trigger, TriggerType, warn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::{Config, Kind, send, without_managed_fields};

/// Seconds for which a watch goes on: the only one, and each of several.
const ALONE: u32 = 240;
const IN_TURN: u32 = 5;
/// So many failures in a row of one watch end the sensor, whose host then shows the error and waits longer.
const ATTEMPTS: u32 = 5;
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
/// If the pack is not configured, the address is not granted, the cluster refuses a watch or cannot be reached for a while, or
/// the host does not take an event.
pub fn changes(ctx: &SensorContext) -> Result<(), Error> {
    let config: Config = ctx.config()?;
    let mut watches: Vec<_> = ctx.triggers_of(&CHANGE).into_iter().map(Watch::new).collect();
    let seconds = if watches.len() == 1 { ALONE } else { IN_TURN };
    loop {
        if watches.is_empty() {
            // The host begins it anew when there is a rule.
            thread::sleep(Duration::from_hours(1));
        }
        for watch in &mut watches {
            match watch.turn(ctx, &config, seconds) {
                Ok(()) => watch.failed = 0,
                Err(error) => thread::sleep(watch.pause_after(ctx, error)?),
            }
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
}

impl Watch {
    fn new(trigger: Trigger<Watched>) -> Self {
        Self { trigger, version: None, failed: 0 }
    }

    /// The pause after a failure from which it may recover.
    fn pause_after(&mut self, ctx: &SensorContext, error: Error) -> Result<Duration, Error> {
        let after = match error.kind {
            ErrorKind::Transient(after) | ErrorKind::RateLimited(after) => after,
            ErrorKind::Timeout => None,
            _ => return Err(error),
        };
        self.failed += 1;
        if self.failed == ATTEMPTS {
            return Err(error);
        }
        warn!(ctx, trigger = self.trigger.id, "{}", error.message);
        Ok(after.unwrap_or(PAUSE))
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
        let list: Value = send(ctx, &request)?.json()?;
        text(&list, "/metadata/resourceVersion").ok_or_else(|| {
            Error::permanent("the answer is no list of objects")
                .code("kubernetes.no_list")
                .hint("set url by `petrel pack configure kubernetes -` to the address of the API")
        })
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
        let mut is_idle = true;
        for line in answer.success()?.lines() {
            let Ok(line) = line else { break };
            if line.is_empty() {
                continue;
            }
            is_idle = false;
            if !self.take(ctx, &line)? {
                break;
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
            Error::transient(format!("a line of the watch is not whole: {error}")).code("kubernetes.watch")
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
                let why = text(&object, "/message").unwrap_or_default();
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
mod tests {
    use petrel_pack_sdk::testing::Host;
    use serde_json::json;

    use super::*;

    const PODS: &str = "https://cluster.example/api/v1/pods";

    fn host() -> Host {
        Host::new().configured("url", "https://cluster.example").listened("change", json!({}))
    }

    /// The address of a watch from a version.
    fn watch(of: &str, seconds: u32, version: &str) -> String {
        let begin = if of.contains('?') { '&' } else { '?' };
        format!(
            "{of}{begin}watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={version}"
        )
    }

    fn list(version: &str) -> String {
        json!({"kind": "PodList", "metadata": {"resourceVersion": version}, "items": []}).to_string()
    }

    fn line(kind: &str, name: &str, version: &str) -> String {
        let metadata = json!({
            "name": name, "namespace": "shop", "uid": format!("u-{name}"), "resourceVersion": version,
            "managedFields": [{}],
        });
        format!("{}\n", json!({"type": kind, "object": {"kind": "Pod", "metadata": metadata}}))
    }

    fn told(host: &Host) -> Vec<(String, String)> {
        let emitted = host.emitted().into_iter();
        emitted.map(|event| (event.trigger, event.dedup_key.unwrap_or_default())).collect()
    }

    /// The last answer of a test is followed by none, which is as if the address were not granted.
    fn end(host: &Host) {
        assert_eq!(changes(&host.sensor_context("watch")).unwrap_err().kind, ErrorKind::Denied);
    }

    #[test]
    fn a_watch_goes_on_from_where_it_has_come_to() {
        let first = format!("{}{}", line("ADDED", "a", "11"), line("BOOKMARK", "", "15"));
        let host = host()
            .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
            .answering("GET", &watch(PODS, ALONE, "10"), 200, first)
            .answering_with("GET", &watch(PODS, ALONE, "15"), (503, &[("retry-after", "0")]), "")
            .answering("GET", &watch(PODS, ALONE, "15"), 200, line("MODIFIED", "a", "16"));
        end(&host);
        let trigger = host.sensor_context("watch").triggers[0].id.clone();
        let expected = ["u-a/11/Added", "u-a/16/Modified"].map(|key| (trigger.clone(), key.to_owned()));
        assert_eq!(told(&host), expected);
        let metadata = json!({"name": "a", "namespace": "shop", "uid": "u-a", "resourceVersion": "11"});
        assert_eq!(
            host.emitted()[0].payload,
            json!({
                "change": "added", "kind": "Pod", "namespace": "shop", "name": "a", "resource_version": "11",
                "object": {"kind": "Pod", "metadata": metadata},
            })
        );
    }

    #[test]
    fn a_version_that_is_too_old_is_told_and_begun_anew() {
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}});
        let host = host()
            .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
            .answering("GET", &watch(PODS, ALONE, "10"), 410, "")
            .answering("GET", &format!("{PODS}?limit=1"), 200, list("20"))
            .answering("GET", &watch(PODS, ALONE, "20"), 200, gone.to_string())
            .answering("GET", &format!("{PODS}?limit=1"), 200, list("30"))
            .answering("GET", &watch(PODS, ALONE, "30"), 200, line("DELETED", "a", "31"));
        end(&host);
        assert_eq!(told(&host)[0].1, "u-a/31/Deleted");
        let gaps = host.logged().iter().filter(|line| line.contains("changes were missed")).count();
        assert_eq!(gaps, 2);
    }

    #[test]
    fn several_triggers_have_their_turns() {
        let parameters = json!({
            "resource": "deployments", "api_version": "apps/v1", "namespace": "shop", "label_selector": "a=b",
        });
        let shop = "https://cluster.example/apis/apps/v1/namespaces/shop/deployments?labelSelector=a%3Db";
        let host = host()
            .listened("change", parameters)
            .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
            .answering("GET", &watch(PODS, IN_TURN, "10"), 200, line("ADDED", "a", "11"))
            .answering("GET", &format!("{shop}&limit=1"), 200, list("12"))
            .answering("GET", &watch(shop, IN_TURN, "12"), 200, line("ADDED", "b", "13"))
            .answering("GET", &watch(PODS, IN_TURN, "11"), 200, line("DELETED", "a", "14"));
        end(&host);
        let ids: Vec<_> =
            host.sensor_context("watch").triggers.into_iter().map(|trigger| trigger.id).collect();
        let expected = [(0, "u-a/11/Added"), (1, "u-b/13/Added"), (0, "u-a/14/Deleted")];
        assert_eq!(told(&host), expected.map(|(trigger, key)| (ids[trigger].clone(), key.to_owned())));
    }

    #[test]
    fn a_large_object_is_told_of_without_itself() {
        let large = json!({"type": "ADDED", "object": {
            "kind": "Pod", "metadata": {"name": "a", "resourceVersion": "11"}, "data": "x".repeat(LARGEST_OBJECT),
        }});
        let host = host().answering("GET", &format!("{PODS}?limit=1"), 200, list("10")).answering(
            "GET",
            &watch(PODS, ALONE, "10"),
            200,
            format!("{large}\n"),
        );
        end(&host);
        let payload = &host.emitted()[0].payload;
        assert_eq!((&payload["name"], &payload["object"]), (&json!("a"), &Value::Null));
    }

    #[test]
    fn a_cluster_that_is_away_for_long_is_an_error() {
        let gone = Error::new(ErrorKind::Transient(Some(Duration::ZERO)), "nobody answers");
        let mut host = host().failing("GET", &format!("{PODS}?limit=1"), gone);
        for _ in 1..ATTEMPTS {
            let away = [("retry-after", "0")];
            host = host.answering_with("GET", &format!("{PODS}?limit=1"), (503, &away), "");
        }
        let error = changes(&host.sensor_context("watch")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient(Some(Duration::ZERO)));
    }
}
