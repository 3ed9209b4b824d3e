//! `petrel sensor`: the sensors of packs, how each is, and what it has logged.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use petrel_model::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::each;
use super::nothing;
use super::session::{Items, Secrets, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Listing, to_the_second};

/// Show, switch, poll and restart sensors.
#[derive(Debug, Subcommand)]
pub(crate) enum Sensor {
    /// List the sensors of packs
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel sensor list\n  petrel sensor list --health failing"
    )]
    List {
        /// List only sensors of this pack
        #[arg(short, long)]
        pack: Option<String>,
        /// List only sensors of this health: ok, new, failing, refusing, held, disabled or unsupported
        #[arg(long)]
        health: Option<String>,
    },
    /// Show a sensor, how it is, and its last error
    #[command(after_help = "Examples:\n  petrel sensor get feed.entries")]
    Get {
        /// The sensor, as pack.name
        #[arg(value_name = "SENSOR")]
        reference: String,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Enable sensors
    #[command(after_help = "Examples:\n  petrel sensor enable feed.entries")]
    Enable(Named),
    /// Disable sensors; they stay so when their packs are registered again
    #[command(after_help = "Examples:\n  petrel sensor disable feed.entries")]
    Disable(Named),
    /// Have sensors polled now
    #[command(after_help = "Examples:\n  petrel sensor poll feed.entries")]
    Poll(Named),
    /// Have sensors begin anew from where they have come to, at once
    #[command(after_help = "Examples:\n  petrel sensor restart feed.entries")]
    Restart(Named),
    /// Have sensors forget how far they have come, and begin at the beginning
    #[command(after_help = "Examples:\n  petrel sensor reset-cursor feed.entries")]
    ResetCursor(Named),
    /// Show the last lines that a sensor has logged since the host started, at most 200
    #[command(
        after_help = "Examples:\n  petrel sensor logs feed.entries\n  petrel sensor logs feed.entries -n 5"
    )]
    Logs {
        /// The sensor, as pack.name
        #[arg(value_name = "SENSOR")]
        reference: String,
        /// The greatest number of lines to show, of which the last are shown
        #[arg(short = 'n', long, alias = "last", default_value_t = 200)]
        limit: usize,
    },
}

/// Sensors by name.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// The sensors, as pack.name
    #[arg(value_name = "SENSOR", required = true)]
    references: Vec<String>,
}

impl Sensor {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { pack, health } => {
                let asked = [("pack", pack), ("health", health)];
                let asked: Vec<_> =
                    asked.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect();
                let filters = asked.iter().map(|(flag, value)| format!("&{flag}={}", path_segment(value)));
                let path = format!("/sensortypes?limit=-1{}", filters.collect::<String>());
                let answer = session.client.list(&path).await?;
                session.show(&answer, |sensors: Items<wire::Sensor<'static>>| {
                    print::listing(listed(&sensors), &asked);
                })?;
                nothing::explain(session, &answer, &asked).await;
            }
            Self::Get { reference, secrets } => {
                let answer = session.client.get(&secrets.asked(&path(&reference))).await?;
                session
                    .show(&answer, |sensor: wire::Sensor<'static>| print::attributes(&attributes(&sensor)))?;
            }
            Self::Enable(named) => return switch(session, &named, true).await,
            Self::Disable(named) => return switch(session, &named, false).await,
            Self::Poll(named) => return order(session, &named, "poll", "is polled now").await,
            Self::Restart(named) => return order(session, &named, "restart", "begins anew").await,
            Self::ResetCursor(named) => {
                return order(session, &named, "reset_cursor", "begins at the beginning").await;
            }
            Self::Logs { reference, limit } => {
                let mut answer = session.client.list(&format!("{}/logs", path(&reference))).await?;
                keep_last(&mut answer, limit);
                session.show(&answer, |lines: Vec<wire::SensorLine<'static>>| {
                    lines.iter().for_each(|line| print::line(&shown(line)));
                })?;
            }
        }
        Ok(Code::Ok)
    }
}

fn path(reference: &str) -> String {
    format!("/sensortypes/{}", path_segment(reference))
}

async fn switch(session: &Session, named: &Named, enabled: bool) -> Result<Code, Failure> {
    let act = async |reference: &str| {
        session.client.send_json(Method::PUT, &path(reference), &json!({"enabled": enabled})).await
    };
    let what = if enabled { "is enabled" } else { "is disabled" };
    each(session.form, &named.references, act, |reference, _| {
        tell(reference, what);
        Ok(())
    })
    .await
}

/// Has the host do something with sensors.
async fn order(session: &Session, named: &Named, verb: &str, what: &str) -> Result<Code, Failure> {
    let act = async |reference: &str| {
        let path = format!("{}/{verb}", path(reference));
        session.client.send_json(Method::POST, &path, &json!({})).await
    };
    each(session.form, &named.references, act, |reference, _| {
        tell(reference, what);
        Ok(())
    })
    .await
}

/// Says what was done with a sensor, and the next step.
fn tell(reference: &str, what: &str) {
    print::note(&format!("{reference} {what}; `petrel sensor get {reference}` shows how it is"));
}

/// The list of sensors.
fn listed<'r>(sensors: &'r [Item<'r, wire::Sensor<'r>>]) -> Listing<'r, wire::Sensor<'r>> {
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), to_the_second);
    Listing::of(sensors)
        .whole("SENSOR", |sensor| sensor.reference.to_string())
        .whole("HEALTH", |sensor| sensor.health.to_string())
        .whole("KIND", |sensor| sensor.kind.as_deref().unwrap_or("-").to_owned())
        .whole("NEXT", move |sensor| time(sensor.next_at))
        .whole("EVENTS", |sensor| sensor.events.to_string())
        .whole("REFUSED", |sensor| sensor.refused.to_string())
        .text("LAST ERROR", |sensor| {
            sensor.last_error.as_ref().map(|error| error.message.clone()).unwrap_or_default()
        })
}

/// The health in words: the first turn of a sensor, whose kind is not known yet, compiles its component, which may take long.
fn health<'s>(sensor: &'s wire::Sensor<'_>) -> &'s str {
    if sensor.health == "new" && sensor.running && sensor.kind.is_none() {
        return "new (it is being made ready)";
    }
    &sensor.health
}

/// A sensor with all that is known of it.
fn attributes(sensor: &wire::Sensor<'_>) -> Attributes {
    let error = sensor.last_error.as_ref();
    Attributes::default()
        .text("ref", &sensor.reference)
        .text("description", &sensor.description)
        .text("enabled", sensor.enabled)
        .text("health", health(sensor))
        .text_if_any("held", sensor.held.as_deref())
        .text_if_any("kind", sensor.kind.as_deref())
        .text("running", sensor.running)
        .text_if_any("process", sensor.process.as_ref().map(process))
        .text_if_any("poll_interval", sensor.poll_interval.as_ref())
        .time("next_at", sensor.next_at)
        .time("last_success_at", sensor.last_success_at)
        .text("failures", sensor.failures)
        .time("last_error_at", error.map(|error| error.at))
        .text_if_any("last_error", error.map(|error| format!("{} ({})", error.message, error.code)))
        .text_if_any("remedy", error.map(|error| &error.hint))
        .text("polls", sensor.polls)
        .text("events", sensor.events)
        .text("refused", sensor.refused)
        .value("cursor", &sensor.cursor)
        .text("entry_point", &sensor.entry_point)
        .text("trigger_types", sensor.trigger_types.join(", "))
}

/// A process with what it takes.
fn process(process: &wire::sensor::SensorProcess) -> String {
    let memory = process.memory_bytes.map(|bytes| format!(", {} MiB of memory", bytes >> 20));
    let cpu = process.cpu_seconds.map(|seconds| format!(", {seconds:.2} s of processor time"));
    format!("{}{}{}", process.pid, memory.unwrap_or_default(), cpu.unwrap_or_default())
}

/// Leaves only the last `limit` of a list.
fn keep_last(list: &mut Value, limit: usize) {
    if let Value::Array(items) = list {
        items.drain(..items.len().saturating_sub(limit));
    }
}

/// A line that a sensor has logged.
fn shown(line: &wire::SensorLine<'_>) -> String {
    format!("{}  {}", to_the_second(line.at), line.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sensor as a host sends it.
    fn answered() -> Value {
        json!({
            "ref": "feed.Watch",
            "health": "failing",
            "kind": "poll",
            "next_at": "2026-11-20T01:00:00.000000Z",
            "failures": 2,
            "events": 7,
            "refused": 3,
            "last_error": {"at": "2026-11-20T00:59:00Z", "code": "sensor.failed", "message": "no answer", "hint": "h"},
            "trigger_types": ["feed.seen", "feed.lost"],
        })
    }

    #[test]
    fn a_list_of_sensors_says_how_each_is() {
        let sensors: Vec<Item<'static, wire::Sensor<'static>>> =
            serde_json::from_value(json!([answered()])).unwrap();
        assert_eq!(
            listed(&sensors).lines(None, false),
            [
                "SENSOR      HEALTH   KIND  NEXT                  EVENTS  REFUSED  LAST ERROR",
                "feed.Watch  failing  poll  2026-11-20T01:00:00Z  7       3        no answer",
            ]
        );
    }

    #[test]
    fn of_the_lines_of_a_sensor_the_last_are_shown() {
        for (limit, expected) in
            [(0, json!([])), (2, json!([2, 3])), (3, json!([1, 2, 3])), (9, json!([1, 2, 3]))]
        {
            let mut list = json!([1, 2, 3]);
            keep_last(&mut list, limit);
            assert_eq!(list, expected, "{limit}");
        }
    }

    #[test]
    fn a_sensor_that_is_being_made_ready_is_shown_as_such() {
        for (sensor, says) in [
            (json!({"ref": "p.s", "health": "new", "running": true}), "new (it is being made ready)"),
            (json!({"ref": "p.s", "health": "new", "running": false}), "new"),
            (json!({"ref": "p.s", "health": "new", "running": true, "kind": "poll"}), "new"),
            (json!({"ref": "p.s", "health": "ok", "running": true, "kind": "poll"}), "ok"),
        ] {
            let sensor: wire::Sensor<'static> = serde_json::from_value(sensor).unwrap();
            assert_eq!(health(&sensor), says, "{sensor:?}");
        }
    }

    #[test]
    fn a_process_is_shown_with_what_it_takes() {
        for (given, expected) in [
            (json!({"pid": 7}), "7"),
            (
                json!({"pid": 7, "memory_bytes": 3 << 20, "cpu_seconds": 1.234}),
                "7, 3 MiB of memory, 1.23 s of processor time",
            ),
        ] {
            assert_eq!(process(&serde_json::from_value(given).unwrap()), expected);
        }
    }

    #[test]
    fn a_sensor_is_shown_with_its_last_error() {
        let sensor = serde_json::from_value(answered()).unwrap();
        let lines = attributes(&sensor).lines(false).join("\n");
        for line in
            ["feed.Watch", "no answer (sensor.failed)", "feed.seen, feed.lost", "2026-11-20T00:59:00Z"]
        {
            assert!(lines.contains(line), "{line}: {lines}");
        }
    }
}
