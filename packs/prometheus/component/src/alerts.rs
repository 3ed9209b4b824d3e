//! The sensor `alertmanager`: takes what an Alertmanager sends to a receiver of the kind `webhook_configs`, and has an event for
//! each alert in it. The Alertmanager shows the token of the configuration: `http_config.authorization.credentials`.

use std::collections::BTreeMap;

use petrel_pack_sdk::{Error, ErrorKind, Event, Received, Reply, SensorContext, TriggerType, info, warn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host takes so many events of a request.
const MOST_ALERTS: usize = 500;

/// The states of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something is wrong.
    Firing,
    /// It no longer is.
    Resolved,
}

/// The payload of an event: an alert.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Alert {
    /// The name of the alert: its label `alertname`.
    pub name: String,
    /// The state.
    pub status: Status,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// The time at which it began, as the Alertmanager writes it.
    pub starts_at: String,
    /// The time at which it ended, if it did.
    pub ends_at: Option<String>,
    /// The page of the query that it came from.
    pub generator_url: String,
    /// What distinguishes it from other alerts.
    pub fingerprint: String,
    /// The receiver that it was sent to.
    pub receiver: String,
    /// The key of its group.
    pub group_key: String,
}

/// The trigger type of alerts.
pub const ALERT: TriggerType<Alert> =
    TriggerType::new("alert").description("An alert of an Alertmanager fires or is resolved.");

/// A request of an Alertmanager, in version 4 of its form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(default)]
    receiver: String,
    #[serde(rename = "groupKey", default)]
    key: String,
    alerts: Vec<Reported>,
}

/// An alert in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reported {
    status: Status,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    starts_at: String,
    #[serde(default)]
    ends_at: String,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    #[serde(default)]
    fingerprint: String,
}

/// The part of the configuration that the sensor reads.
#[derive(Debug, Deserialize)]
struct Config {
    webhook_token: Option<String>,
}

/// Takes a request.
///
/// # Errors
///
/// If no token is configured.
pub fn receive(ctx: &SensorContext, request: Received) -> Result<Reply, Error> {
    let Config { webhook_token } = ctx.config()?;
    let Some(token) = webhook_token.filter(|token| !token.is_empty()) else {
        return Err(Error::new(ErrorKind::Misconfigured, "no webhook_token is configured, so nobody can be told from the Alertmanager")
            .code("prometheus.no_token")
            .hint("set webhook_token by `petrel pack configure prometheus -`, and the same one as http_config.authorization.credentials of the receiver"));
    };
    // Nothing of a request is looked at before it is known who has sent it.
    let shown = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if !shown.is_some_and(|shown| is_same(shown.as_bytes(), token.as_bytes())) {
        warn!(ctx, "a request had no token, or another one");
        return Ok(Reply::status(401).body("the token is missing or wrong\n"));
    }
    let Received { body, .. } = request;
    let group: Group = match serde_json::from_slice(&body) {
        Ok(group) => group,
        Err(error) => {
            let why = format!("the body is no report of an Alertmanager: {error}\n");
            return Ok(Reply::status(400).body(why));
        }
    };
    if group.alerts.len() > MOST_ALERTS {
        let why = format!("more than {MOST_ALERTS} alerts; set max_alerts of the receiver\n");
        return Ok(Reply::status(413).body(why));
    }
    info!(ctx, alerts = group.alerts.len(), receiver = group.receiver, "taken");
    let Group { receiver, key, alerts } = group;
    let events: Result<_, Error> = alerts.into_iter().map(|alert| event(alert, &receiver, &key)).collect();
    Ok(Reply::accepted(events?))
}

/// The event of an alert. A group is sent again as long as it fires: of one state of an alert there is one event.
fn event(reported: Reported, receiver: &str, group: &str) -> Result<Event, Error> {
    let Reported { status, labels, annotations, starts_at, ends_at, generator_url, fingerprint } = reported;
    let word = if status == Status::Firing { "firing" } else { "resolved" };
    let key = format!("{receiver}/{fingerprint}/{word}/{starts_at}");
    let has_key = !fingerprint.is_empty() && key.len() <= LONGEST_KEY;
    let alert = Alert {
        name: labels.get("alertname").cloned().unwrap_or_default(),
        status,
        labels,
        annotations,
        starts_at,
        ends_at: (status == Status::Resolved).then_some(ends_at),
        generator_url,
        fingerprint,
        receiver: receiver.to_owned(),
        group_key: group.to_owned(),
    };
    let event = ALERT.event(&alert)?;
    Ok(if has_key { event.dedup_key(key) } else { event })
}

/// The longest key that a host takes, in bytes.
const LONGEST_KEY: usize = 255;

/// Whether two texts are the same. It takes as long for near ones as for any others.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |differing, (one, other)| differing | (one ^ other));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::testing::Host;
    use serde_json::{Value, json};

    use super::*;

    fn request(token: &str, body: &Value) -> Received {
        Received {
            method: "POST".into(),
            path: String::new(),
            query: String::new(),
            headers: vec![("authorization".into(), token.into())],
            body: body.to_string().into_bytes(),
        }
    }

    fn taken(token: &str, body: &Value) -> Reply {
        let host = Host::new().configured("webhook_token", "hush");
        receive(&host.sensor_context("alertmanager"), request(token, body)).unwrap()
    }

    /// As an Alertmanager sends it.
    fn group() -> Value {
        let alert = |status: &str, name: &str, fingerprint: &str| {
            json!({
                "status": status, "labels": {"alertname": name, "severity": "page"},
                "annotations": {"summary": "it is slow"}, "startsAt": "2026-11-30T12:00:00Z",
                "endsAt": if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-11-30T12:05:00Z" },
                "generatorURL": "http://prometheus.example/graph", "fingerprint": fingerprint,
            })
        };
        json!({
            "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "petrel",
            "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alerts.example",
            "alerts": [alert("firing", "Slow", "f1"), alert("resolved", "Full", "f2")],
        })
    }

    #[test]
    fn each_alert_is_an_event() {
        let reply = taken("Bearer hush", &group());
        assert_eq!(reply.status, 202);
        let keys: Vec<_> = reply.events.iter().map(|event| event.dedup_key.as_deref().unwrap()).collect();
        assert_eq!(
            keys,
            ["petrel/f1/firing/2026-11-30T12:00:00Z", "petrel/f2/resolved/2026-11-30T12:00:00Z"]
        );
        assert_eq!(
            reply.events[0].payload,
            json!({
                "name": "Slow", "status": "firing", "labels": {"alertname": "Slow", "severity": "page"},
                "annotations": {"summary": "it is slow"}, "starts_at": "2026-11-30T12:00:00Z", "ends_at": null,
                "generator_url": "http://prometheus.example/graph", "fingerprint": "f1",
                "receiver": "petrel", "group_key": "{}:{}",
            })
        );
        assert_eq!(reply.events[1].payload["ends_at"], "2026-11-30T12:05:00Z");
    }

    #[test]
    fn everything_else_is_answered_and_is_no_event() {
        let mut many = group();
        many["alerts"] = json!(vec![many["alerts"][0].clone(); MOST_ALERTS + 1]);
        for (token, body, status) in [
            ("", group(), 401),
            ("hush", group(), 401),
            ("Bearer hus", group(), 401),
            ("Bearer husk", group(), 401),
            ("Bearer hush2", group(), 401),
            ("Bearer hush", json!({}), 400),
            ("Bearer hush", json!({"alerts": [{"status": "odd"}]}), 400),
            ("Bearer hush", many, 413),
            ("Bearer hush", json!({"alerts": []}), 202),
        ] {
            let reply = taken(token, &body);
            assert_eq!((reply.status, reply.events.len()), (status, 0), "{token}");
        }
    }

    #[test]
    fn without_a_token_nobody_is_taken_in() {
        for host in [Host::new(), Host::new().configured("webhook_token", "")] {
            let refused = receive(&host.sensor_context("alertmanager"), request("Bearer ", &group()));
            assert_eq!(refused.unwrap_err().kind, ErrorKind::Misconfigured);
        }
    }
}
