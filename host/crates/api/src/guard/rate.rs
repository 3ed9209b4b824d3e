//! Rates: how many events a webhook takes in, counted in memory. As many as are allowed in the whole time may come at once.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use petrel_model::Timestamp;

/// The largest number of events in a rate.
pub const LARGEST_COUNT: u32 = 1_000_000;

/// A number of events in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number, 1 to [`LARGEST_COUNT`].
    pub count: u32,
    /// The time.
    pub per: Unit,
}

/// The time of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

/// The units with their words and their seconds.
const UNITS: [(Unit, &str, u64); 3] =
    [(Unit::Second, "s", 1), (Unit::Minute, "min", 60), (Unit::Hour, "h", 3600)];

impl Rate {
    /// Reads `100/min`; `None` if it is no rate.
    pub fn read(text: &str) -> Option<Self> {
        let (count, word) = text.split_once('/')?;
        let count = count.trim().parse().ok().filter(|count| (1..=LARGEST_COUNT).contains(count))?;
        let (per, ..) = UNITS.into_iter().find(|(_, known, _)| *known == word.trim())?;
        Some(Self { count, per })
    }

    /// The whole time, in nanoseconds.
    fn whole(self) -> i64 {
        let seconds =
            UNITS.into_iter().find(|(unit, ..)| *unit == self.per).map_or(1, |(.., seconds)| seconds);
        i64::try_from(seconds).unwrap_or(1).saturating_mul(1_000_000_000)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = UNITS.into_iter().find(|(unit, ..)| *unit == self.per).map_or("", |(_, word, _)| word);
        write!(f, "{}/{word}", self.count)
    }
}

/// What is left of a rate, as one number: the time at which all of it is there again, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Bucket(Mutex<i64>);

impl Bucket {
    /// Takes one of `rate` at `now`.
    ///
    /// # Errors
    /// The time after which there is one again.
    pub(crate) fn take(&self, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let (now, whole) = (now.as_micros().saturating_mul(1000), rate.whole());
        let each = whole / i64::from(rate.count);
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let then = (*full_at).max(now).saturating_add(each);
        let wait = then.saturating_sub(now).saturating_sub(whole);
        if let Ok(wait @ 1..) = u64::try_from(wait) {
            return Err(Duration::from_nanos(wait));
        }
        *full_at = then;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        for (text, whole) in [("1/s", 1), ("100/min", 60), ("1000000/h", 3600)] {
            let rate = Rate::read(text).unwrap();
            assert_eq!((rate.to_string().as_str(), rate.whole()), (text, whole * 1_000_000_000));
        }
        for text in ["", "100", "0/s", "-1/s", "1000001/s", "5/minute", "5/", "/s", "many/s"] {
            assert_eq!(Rate::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_taken_comes_back_in_time() {
        let (bucket, rate) = (Bucket::default(), Rate::read("3/min").unwrap());
        let take = |second: u64| {
            let start = Timestamp::from_micros(1_800_000_000_000_000);
            bucket.take(rate, start.plus(Duration::from_secs(second))).map_err(|wait| wait.as_secs())
        };
        for (second, outcome) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(20)),
            (5, Err(15)),
            (20, Ok(())),
            (20, Err(20)),
            (1000, Ok(())),
            (1000, Ok(())),
            (1000, Ok(())),
            (1000, Err(20)),
        ] {
            assert_eq!(take(second), outcome, "at {second}");
        }
    }
}
