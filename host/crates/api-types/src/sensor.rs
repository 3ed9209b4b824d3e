//! Sensors, which StackStorm calls sensor types: what a pack declares, and how each is.

use std::borrow::Cow;

use petrel_model::sensor::{Sensor as Stored, SensorError};
use petrel_model::{Ref, SensorState, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// A sensor, as StackStorm shows it, and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensor<'a> {
    /// The reference again.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// `sensor_type:pack:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The name without the pack: that of its class.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The name of the pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// The file of its code, as an address.
    #[serde(default)]
    pub artifact_uri: Cow<'a, str>,
    /// The file of its code in its pack; of a sensor in Python the class in its module, as in StackStorm.
    #[serde(default)]
    pub entry_point: Cow<'a, str>,
    /// Its metadata in its pack.
    #[serde(default)]
    pub metadata_file: Cow<'a, str>,
    /// The trigger types that its file declares.
    #[serde(default)]
    pub trigger_types: Vec<Cow<'a, str>>,
    /// The seconds between two polls, if its file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval: Option<Number>,
    /// Whether it is to run.
    #[serde(default)]
    pub enabled: bool,
    /// `ok`, `new`, `failing`, `refusing`, `held`, `disabled` or `unsupported`.
    #[serde(default)]
    pub health: Cow<'a, str>,
    /// `poll`, `webhook` or `stream`, once that is known.
    #[serde(default)]
    pub kind: Option<Cow<'a, str>>,
    /// Whether it runs at this moment.
    #[serde(default)]
    pub running: bool,
    /// The time of its next poll, or of its next start.
    #[serde(default)]
    pub next_at: Option<Timestamp>,
    /// The time of its last success.
    #[serde(default)]
    pub last_success_at: Option<Timestamp>,
    /// Its last failure, or the last event of it that was refused.
    #[serde(default)]
    pub last_error: Option<SensorError>,
    /// The number of failures since the last success.
    #[serde(default)]
    pub failures: u32,
    /// The number of successful polls.
    #[serde(default)]
    pub polls: u64,
    /// The number of its events that were stored.
    #[serde(default)]
    pub events: u64,
    /// The number of its events that were refused.
    #[serde(default)]
    pub refused: u64,
    /// Why its events are held, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Cow<'a, str>>,
    /// Its process, while it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<SensorProcess>,
    /// How far it has come, in its own words. Only for those who see secrets, since it may hold some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cow<'a, Value>>,
}

impl<'a> Sensor<'a> {
    /// A sensor of the pack in `pack_path` with its state, of which nothing else is known.
    pub fn of(sensor: &'a Stored, state: &'a SensorState, pack_path: &str) -> Self {
        let (pack, name) = (sensor.reference.pack(), sensor.reference.name());
        Self {
            id: sensor.reference.as_str().into(),
            uid: format!("sensor_type:{pack}:{name}").into(),
            reference: sensor.reference.as_str().into(),
            name: name.into(),
            pack: pack.into(),
            description: sensor.description.as_str().into(),
            artifact_uri: format!("file://{pack_path}/{}", sensor.entry_point).into(),
            entry_point: entry_point(sensor),
            metadata_file: sensor.metadata_file.as_str().into(),
            trigger_types: sensor.trigger_types.iter().map(Ref::as_str).map(Into::into).collect(),
            poll_interval: sensor.poll_interval.clone(),
            enabled: sensor.is_enabled(),
            health: Cow::default(),
            kind: None,
            running: false,
            next_at: state.next_at,
            last_success_at: state.last_success_at,
            last_error: state.last_error.clone(),
            failures: state.failures,
            polls: state.polls,
            events: state.events,
            refused: state.refused,
            held: None,
            process: None,
            cursor: None,
        }
    }
}

/// The entry point as StackStorm shows it: of a file in Python the class with its module.
fn entry_point(sensor: &Stored) -> Cow<'_, str> {
    match sensor.entry_point.strip_suffix(".py") {
        Some(module) => format!("{}.{}", module.replace('/', "."), sensor.class_name()).into(),
        None => sensor.entry_point.as_str().into(),
    }
}

/// The process of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SensorProcess {
    /// Its number.
    pub pid: u32,
    /// The memory that it has, in the view of one sensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The seconds of processor time that it has taken, in the view of one sensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
}

/// A line that a sensor has logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorLine<'a> {
    /// The time at which the host took it in.
    pub at: Timestamp,
    /// The line.
    pub line: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn a_sensor_shows_what_its_pack_declares_and_how_it_is() {
        let stored: Stored = noun(json!({
            "ref": "mine.Watch", "description": "d", "entry_point": "sensors/watch.py", "enabled": true,
            "metadata_file": "sensors/watch.yaml", "poll_interval": 5, "trigger_types": ["mine.seen"],
        }));
        let state: SensorState = noun(json!({
            "ref": "mine.Watch", "cursor": {"secret": 1}, "polls": 3, "events": 2, "refused": 1, "failures": 4,
            "last_error": {"at": "2026-11-20T12:00:00Z", "code": "c", "message": "m", "hint": "h"},
        }));
        assert_shown_as::<Sensor<'static>>(
            &Sensor {
                health: "failing".into(),
                process: Some(SensorProcess { pid: 7, memory_bytes: Some(4096), cpu_seconds: None }),
                ..Sensor::of(&stored, &state, "/p")
            },
            &json!({
                "id": "mine.Watch",
                "uid": "sensor_type:mine:Watch",
                "ref": "mine.Watch",
                "name": "Watch",
                "pack": "mine",
                "description": "d",
                "artifact_uri": "file:///p/sensors/watch.py",
                "entry_point": "sensors.watch.Watch",
                "metadata_file": "sensors/watch.yaml",
                "trigger_types": ["mine.seen"],
                "poll_interval": 5,
                "enabled": true,
                "health": "failing",
                "kind": null,
                "running": false,
                "next_at": null,
                "last_success_at": null,
                "last_error": {"at": "2026-11-20T12:00:00.000000Z", "code": "c", "message": "m", "hint": "h"},
                "failures": 4,
                "polls": 3,
                "events": 2,
                "refused": 1,
                "process": {"pid": 7, "memory_bytes": 4096},
            }),
        );
    }
}
