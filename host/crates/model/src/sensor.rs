//! Sensors, which notice things outside and emit events: what a pack declares, and how far one has come.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::{Ref, Timestamp};

/// A sensor that a pack declares in `sensors/*.yaml`, in StackStorm's words a sensor type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// `pack.class_name`.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// One line on what it notices.
    #[serde(default)]
    pub description: String,
    /// The file of its code, relative to the pack.
    pub entry_point: String,
    /// Its metadata, relative to the pack.
    #[serde(default)]
    pub metadata_file: String,
    /// Whether its file enables it.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// What an operator has said about that. It outlives registrations of the pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<bool>,
    /// The seconds between two polls, as its file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval: Option<Number>,
    /// The trigger types that its file declares.
    #[serde(default)]
    pub trigger_types: Vec<Ref>,
}

/// The default of `enabled`, which is StackStorm's.
fn enabled() -> bool {
    true
}

impl Sensor {
    /// The time between two polls of a sensor that says nothing about it.
    pub const POLL_INTERVAL: Duration = Duration::from_secs(30);
    /// The shortest and the longest time between two polls, in seconds.
    pub const POLL_SECONDS: (f64, f64) = (1.0, 604_800.0);

    /// The name by which its code knows it: `class_name` in its metadata.
    pub fn class_name(&self) -> &str {
        self.reference.name()
    }

    /// Whether it is to run: as an operator has said, or else as its file says.
    pub fn is_enabled(&self) -> bool {
        self.switched.unwrap_or(self.enabled)
    }

    /// The time between two polls.
    pub fn poll_interval(&self) -> Duration {
        let (least, most) = Self::POLL_SECONDS;
        let given = self.poll_interval.as_ref().and_then(Number::as_f64);
        given.map_or(Self::POLL_INTERVAL, |seconds| Duration::from_secs_f64(seconds.clamp(least, most)))
    }
}

/// How far a sensor has come. The cursor advances in the commit of the events that it has passed, so that none is lost or
/// taken twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorState {
    /// The sensor.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// What the sensor wants to know at its next poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Arc<Value>>,
    /// The number of polls that succeeded, as far as they are stored: one without any news is not.
    #[serde(default)]
    pub polls: u64,
    /// The number of its events that were taken.
    #[serde(default)]
    pub events: u64,
    /// The number of its events that were refused, as they did not fit.
    #[serde(default)]
    pub refused: u64,
    /// Whether the last events that it brought were all refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refusing: bool,
    /// The time of the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
    /// The last failure, or the last refusal of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<SensorError>,
    /// The number of failures since the last success.
    #[serde(default)]
    pub failures: u32,
    /// The time of the next poll, or of the next start after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// A failure of a sensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorError {
    /// Its time.
    pub at: Timestamp,
    /// A stable, dotted code.
    #[serde(default)]
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: String,
}

impl SensorState {
    /// The state of a sensor that has never run.
    pub fn new(reference: Ref) -> Self {
        Self {
            reference,
            cursor: None,
            polls: 0,
            events: 0,
            refused: 0,
            refusing: false,
            last_success_at: None,
            last_error: None,
            failures: 0,
            next_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sensor(more: Value) -> Sensor {
        let mut whole = json!({"ref": "p.S", "entry_point": "s.wasm"});
        let (Value::Object(whole_map), Value::Object(more)) = (&mut whole, more) else { panic!("an object") };
        whole_map.extend(more);
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn an_operator_says_more_than_the_file() {
        for (given, is_enabled) in [
            (json!({}), true),
            (json!({"enabled": false}), false),
            (json!({"enabled": true, "switched": false}), false),
            (json!({"enabled": false, "switched": true}), true),
        ] {
            assert_eq!(sensor(given.clone()).is_enabled(), is_enabled, "{given}");
        }
    }

    #[test]
    fn an_interval_has_bounds() {
        for (given, seconds) in [
            (json!(null), 30.0),
            (json!(5), 5.0),
            (json!(2.5), 2.5),
            (json!(0), 1.0),
            (json!(1e12), 604_800.0),
        ] {
            let interval = sensor(json!({"poll_interval": given})).poll_interval();
            assert_eq!(interval, Duration::from_secs_f64(seconds), "{given}");
        }
    }

    #[test]
    fn a_new_state_is_read_from_its_reference() {
        let state: SensorState = serde_json::from_value(json!({"ref": "p.S"})).unwrap();
        assert_eq!(state, SensorState::new("p.S".parse().unwrap()));
    }
}
