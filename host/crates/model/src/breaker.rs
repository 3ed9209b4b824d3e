//! Circuit breakers of rules: the setting, and what is remembered of a rule whose action fails again and again.
//! `petrel_rules::breaker` decides.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{ExecutionId, RuleId, Timestamp};

/// The greatest number of failures that a breaker may wait for.
pub const MOST_FAILURES: u32 = 100;
/// The longest time in which they are counted.
pub const LONGEST_WITHIN: Duration = Duration::from_hours(7 * 24);
/// The longest pause.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// The circuit breaker of a rule: it pauses the rule once its action has failed so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreaker {
    /// The number of failures, 1 to [`MOST_FAILURES`].
    pub failures: u32,
    /// The time within which they count.
    pub within: Span,
    /// The first pause. Each further one is twice as long, up to [`LONGEST_PAUSE`].
    pub pause: Span,
}

impl CircuitBreaker {
    /// What is wrong with its numbers, if anything is.
    pub fn misfit(&self) -> Option<String> {
        let is_within = |span: Span, most: Duration| span.0 >= Duration::from_secs(1) && span.0 <= most;
        if !(1..=MOST_FAILURES).contains(&self.failures) {
            return Some(format!("`failures` is a whole number from 1 to {MOST_FAILURES}"));
        }
        if !is_within(self.within, LONGEST_WITHIN) {
            return Some("`within` is a time from 1s to 7d".to_owned());
        }
        (!is_within(self.pause, LONGEST_PAUSE)).then(|| "`pause` is a time from 1s to 24h".to_owned())
    }
}

/// A span of time in whole seconds, written as `10m` or as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// The units, with their seconds, largest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let with_unit =
            UNITS.into_iter().find_map(|(unit, of)| text.strip_suffix(unit).map(|count| (count, of)));
        let (count, of) = with_unit.unwrap_or((text, 1));
        let seconds = count.trim().parse::<u64>().ok().and_then(|count| count.checked_mul(of));
        let seconds = seconds.ok_or("write a span of time as 45s, 10m, 12h or 1d, or a number of seconds")?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        let unit = UNITS.into_iter().find(|(_, of)| seconds.is_multiple_of(*of));
        let (unit, of) = unit.unwrap_or(("s", 1));
        write!(f, "{}{unit}", seconds / of)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Some(seconds) = value.as_u64() {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        let read = value.as_str().unwrap_or_default().parse();
        read.map_err(|why: String| serde::de::Error::custom(format!("{value}: {why}")))
    }
}

/// What the breaker of a rule remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerState {
    /// The rule.
    pub rule: RuleId,
    /// The failures that count, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedRun>,
    /// The pause of the rule, unless it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

/// A failure of a rule's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// The execution.
    pub execution: ExecutionId,
    /// The time of its end.
    pub at: Timestamp,
}

/// The pause of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The time from which the rule may try again, once.
    pub until: Timestamp,
    /// The length of the pause.
    pub length: Span,
    /// The execution that tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<ExecutionId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_breaker_is_read_as_people_write_it_and_shown_so() {
        let read = |value: Value| serde_json::from_value::<CircuitBreaker>(value);
        let made = read(json!({"failures": 5, "within": "10m", "pause": 90})).unwrap();
        assert_eq!(made.within.0, Duration::from_secs(600));
        assert_eq!(
            serde_json::to_value(made).unwrap(),
            json!({"failures": 5, "within": "10m", "pause": "90s"})
        );
        assert_eq!("90".parse::<Span>(), Ok(Span(Duration::from_secs(90))));
        for wrong in
            [json!({"failures": 5, "within": "soon", "pause": 9}), json!({"failures": 5, "pause": 9})]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        for (failures, within, pause, says) in [
            (1, "1s", "1s", None),
            (100, "7d", "24h", None),
            (0, "1s", "1s", Some("failures")),
            (101, "1s", "1s", Some("failures")),
            (1, "0s", "1s", Some("within")),
            (1, "8d", "1s", Some("within")),
            (1, "1s", "25h", Some("pause")),
        ] {
            let breaker =
                CircuitBreaker { failures, within: within.parse().unwrap(), pause: pause.parse().unwrap() };
            let told = breaker.misfit();
            assert_eq!(told.is_some(), says.is_some(), "{breaker:?}");
            assert!(told.unwrap_or_default().contains(says.unwrap_or_default()), "{breaker:?}");
        }
    }
}
