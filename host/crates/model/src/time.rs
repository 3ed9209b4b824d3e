//! Points in time, to the microsecond, as StackStorm prints them: `2026-11-20T12:00:00.000000Z`.
//!
//! No function here reads a clock: the engine passes the time in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since the Unix epoch, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A text that is not a time in the format of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a time; write it as 2026-11-20T12:00:00Z", crate::quoted::quoted(.0))]
pub struct InvalidTimestamp(pub String);

impl Timestamp {
    /// The last time that can be written and read back: the last whole second that `jiff` supports, at the end of the
    /// year 9999. It stands for all later times and for "never".
    pub const LAST: Self = Self(253_402_207_200_000_000);

    /// The time `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch. Zero for earlier times.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0 / 1000).unwrap_or(0)
    }

    /// The duration since `earlier`. Zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The duration since `earlier` in seconds, rounded to microseconds so that no binary noise is shown.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.since(earlier).as_secs_f64() * 1e6).round() / 1e6
    }

    /// The time `ago` earlier.
    #[must_use]
    pub fn minus(self, ago: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time `delay` later, and at most [`LAST`](Self::LAST).
    #[must_use]
    pub fn plus(self, delay: Duration) -> Self {
        let later = self.0.saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX));
        Self(later).min(Self::LAST)
    }
}

impl Timestamp {
    /// The time as Python prints one in UTC, which is what rules of StackStorm see: `2026-11-20 12:00:00+00:00`.
    pub fn as_python_prints(self) -> String {
        let shown = self.to_string().replace('T', " ");
        let shown = shown.trim_end_matches('Z');
        format!("{}+00:00", shown.strip_suffix(".000000").unwrap_or(shown))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A time beyond jiff's range is shown as the nearest end of the range. Any fallback in the past would make
        // what is due at that time due at once.
        let nearest = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let time = jiff::Timestamp::from_microsecond(self.0)
            .or_else(|_| jiff::Timestamp::from_second(nearest.as_second()));
        write!(f, "{:.6}", time.unwrap_or(nearest))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = text.parse::<jiff::Timestamp>().ok().or_else(|| end_of_time(text));
        let time = time.ok_or_else(|| InvalidTimestamp(text.to_owned()))?;
        Ok(Self(time.as_microsecond()).min(Self::LAST))
    }
}

/// The latest time of jiff, if `text` is a time in the last 26 hours of the year 9999, which jiff excludes. Whoever
/// writes it means the end of time.
fn end_of_time(text: &str) -> Option<jiff::Timestamp> {
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    let is_whole = pieces.time().is_some() && pieces.offset().is_some();
    (is_whole && pieces.date() >= jiff::civil::date(9999, 12, 30)).then_some(jiff::Timestamp::MAX)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::parsed::parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_with_microseconds_and_read_back() {
        let time = Timestamp::from_micros(1_763_640_000_000_000);
        assert_eq!(time.to_string(), "2025-11-20T12:00:00.000000Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(time.plus(Duration::from_secs(2)).since(time), Duration::from_secs(2));
        assert_eq!(time.since(time.plus(Duration::from_secs(2))), Duration::ZERO);
    }

    #[test]
    fn what_never_ends_is_written_and_read_back() {
        assert_eq!(Timestamp::LAST.as_micros(), jiff::Timestamp::MAX.as_second() * 1_000_000);
        let start = Timestamp::from_micros(1_763_640_000_000_000);
        for (time, shown) in [
            (Timestamp::default().plus(Duration::MAX), "9999-12-30T22:00:00.000000Z"),
            (start.plus(Duration::MAX), "9999-12-30T22:00:00.000000Z"),
            (start.plus(Duration::from_millis(9_999_999_999_999_999)), "9999-12-30T22:00:00.000000Z"),
            (Timestamp::LAST.plus(Duration::from_micros(1)), "9999-12-30T22:00:00.000000Z"),
            (Timestamp::LAST.minus(Duration::from_micros(1)), "9999-12-30T21:59:59.999999Z"),
        ] {
            assert_eq!(time.to_string(), shown);
            let stored = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<Timestamp>(&stored).unwrap(), time, "{shown}");
        }
        assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), Timestamp::LAST.to_string());
        assert_eq!("9999-12-30T22:00:00.999999Z".parse(), Ok(Timestamp::LAST));
        assert!(Timestamp::from_micros(i64::MIN).to_string().starts_with("-009999-"));
    }

    #[test]
    fn the_end_of_all_times_is_the_latest_there_is() {
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999+00:00", "9999-12-30T23:00:00Z"] {
            assert_eq!(text.parse(), Ok(Timestamp::LAST), "{text}");
        }
        for text in ["9999-12-31", "9999-12-32T00:00:00Z", "10000-01-01T00:00:00Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn seconds_are_shown_as_they_were_measured() {
        let time = Timestamp::from_micros(1_763_640_000_000_000);
        for (micros, shown) in [
            (0, "0.0"),
            (1, "1e-6"),
            (4_821, "0.004821"),
            (1_527_770, "1.52777"),
            (86_400_000_001, "86400.000001"),
        ] {
            let seconds = time.plus(Duration::from_micros(micros)).seconds_since(time);
            assert_eq!(seconds.to_bits(), shown.parse::<f64>().unwrap().to_bits(), "{micros}");
        }
    }
}
