//! Timers: when a trigger of the types `core.st2.IntervalTimer`, `core.st2.DateTimer` and `core.st2.CronTimer` is due.
//!
//! Parameters in, a [`Timer`] out; a timer and an instant in, the next instant out. It has no clock: whoever drives
//! timers passes the time. [`cron`] finds the times of a cron timer, [`field`] has its eight fields and [`expression`]
//! what may stand in one. (Source: StackStorm's schemas of these trigger types, and `APScheduler` 3.11, whose fields
//! they are.)
//!
//! Three things differ from the original on purpose. An interval of hours or less is a length of time, also where the
//! clocks are changed before its first end, while one of days or weeks keeps the time of day. A `delta` below 1 is
//! refused, not taken for a second. Nothing may follow an expression (`last mon-fri`), and names of zones may have any
//! case.

mod cron;
mod expression;
mod field;
#[cfg(test)]
mod tests;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Unit};
use petrel_model::Timestamp;
use petrel_model::quoted::quoted;
use petrel_python::date;
use serde_json::{Map, Value};
use thiserror::Error;

pub use cron::Cron;
/// The references of the trigger types.
pub use petrel_model::trigger::{CRON_TIMER as CRON, DATE_TIMER as DATE, INTERVAL_TIMER as INTERVAL};

/// The zone of local times where neither a timer nor the host names one.
pub static UTC: TimeZone = TimeZone::UTC;

/// The longest interval, in seconds: a hundred years. What is longer is a mistake, and would overflow.
const LONGEST: i64 = 100 * 366 * 86_400;

/// A timer.
#[derive(Debug, Clone)]
pub enum Timer {
    /// Due again after each interval, counted from the moment it was made.
    Interval(Interval),
    /// Due once.
    Date(Timestamp),
    /// Due at each time whose fields match.
    Cron(Cron),
}

/// The length between two times at which an interval timer is due.
#[derive(Debug, Clone)]
pub struct Interval {
    every: Every,
    zone: TimeZone,
}

/// A length of time.
#[derive(Debug, Clone, Copy)]
enum Every {
    /// In seconds, whatever the clocks do.
    Seconds(i64),
    /// In days, at the same time of day.
    Days(i64),
}

/// Parameters that are no timer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimerError {
    /// The trigger type is no timer.
    #[error("the trigger type {0} is no timer; the timers are {INTERVAL}, {DATE} and {CRON}")]
    NoTimer(String),
    /// A parameter that must be given.
    #[error("the parameter {0} is missing; give {1}")]
    Missing(&'static str, &'static str),
    /// A parameter that timers of this type do not have.
    #[error("there is no parameter `{}`; it takes {}", quoted(.0), .1)]
    Unknown(String, String),
    /// A parameter with a value that it cannot have, and what it must be.
    #[error("the parameter {0} is {1}; {2}")]
    Value(&'static str, String, String),
}

impl Timer {
    /// The timer of the trigger type `reference` with these parameters. A local time without a zone is one of `zone`.
    ///
    /// # Errors
    ///
    /// The parameters are not those of a timer of this type.
    pub fn new(
        reference: &str,
        parameters: &Map<String, Value>,
        zone: &TimeZone,
    ) -> Result<Self, TimerError> {
        let given: Map<_, _> = parameters
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        match reference {
            INTERVAL => interval(&given, zone).map(Self::Interval),
            DATE => due_date(&given, zone).map(Self::Date),
            CRON => Cron::new(&given, zone_of(&given, zone)?).map(Self::Cron),
            other => Err(TimerError::NoTimer(other.to_owned())),
        }
    }

    /// The first time at or after `from` at which the timer is due, made at `made`; `None` when it is never due again.
    pub fn next(&self, made: Timestamp, from: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Interval(interval) => interval.next(made, from),
            Self::Date(date) => Some(*date).filter(|date| *date >= from),
            Self::Cron(cron) => cron.next(from),
        }
    }

    /// The last time from `from` to `until`, both included, at which the timer is due, made at `made`; `None` when there
    /// is none. However many there are between them, few are looked at.
    pub fn latest(&self, made: Timestamp, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut found = self.next(made, from).filter(|due| *due <= until)?;
        // It is due at `found`, and not after `end`: each step halves what is left between them.
        let mut end = until;
        while found < end {
            let left = end.as_micros().saturating_sub(found.as_micros());
            let middle = Timestamp::from_micros(end.as_micros().saturating_sub(left / 2));
            match self.next(made, middle).filter(|due| (middle..=end).contains(due)) {
                Some(due) => found = due,
                None => end = Timestamp::from_micros(middle.as_micros().saturating_sub(1)),
            }
        }
        Some(found)
    }
}

impl Interval {
    /// The first end of an interval at or after `from`; the first interval begins at `made`.
    fn next(&self, made: Timestamp, from: Timestamp) -> Option<Timestamp> {
        let passed = from.as_micros().saturating_sub(made.as_micros());
        match self.every {
            Every::Seconds(seconds) => {
                let length = seconds.checked_mul(1_000_000)?;
                let count = ceiling(passed, length).max(1);
                made.as_micros().checked_add(count.checked_mul(length)?).map(Timestamp::from_micros)
            }
            Every::Days(days) => {
                let first = instant(made)?.to_zoned(self.zone.clone());
                // A day has 23 to 25 hours, so that the count by 24 may be off by one to either side.
                let near = ceiling(passed, days.checked_mul(86_400_000_000)?);
                (near.saturating_sub(1).max(1)..=near.saturating_add(2))
                    .filter_map(|count| {
                        first.checked_add(Span::new().try_days(count.checked_mul(days)?).ok()?).ok()
                    })
                    .map(|due| Timestamp::from_micros(due.timestamp().as_microsecond()))
                    .find(|due| *due >= from)
            }
        }
    }
}

/// `passed / length`, rounded up. A length is at least 1.
fn ceiling(passed: i64, length: i64) -> i64 {
    passed.div_euclid(length).saturating_add(i64::from(passed.rem_euclid(length) > 0))
}

/// The interval that is given by `unit` and `delta`.
fn interval(given: &Map<String, Value>, zone: &TimeZone) -> Result<Interval, TimerError> {
    only(given, &["unit", "delta", "timezone"])?;
    let zone = zone_of(given, zone)?;
    let unit = text(given, "unit", "weeks, days, hours, minutes or seconds")?;
    let delta =
        given.get("delta").ok_or(TimerError::Missing("delta", "the number of units between two events"))?;
    let seconds = match unit {
        "weeks" => 7 * 86_400,
        "days" => 86_400,
        "hours" => 3600,
        "minutes" => 60,
        "seconds" => 1,
        other => {
            return Err(wrong("unit", in_quotes(other), "it must be weeks, days, hours, minutes or seconds"));
        }
    };
    let count = delta.as_i64().filter(|count| (1..=LONGEST / seconds).contains(count));
    let count = count.ok_or_else(|| {
        wrong(
            "delta",
            delta.to_string(),
            &format!("it must be a whole number from 1 to {}", LONGEST / seconds),
        )
    })?;
    let every = match unit {
        "weeks" => Every::Days(count.saturating_mul(7)),
        "days" => Every::Days(count),
        _ => Every::Seconds(count.saturating_mul(seconds)),
    };
    Ok(Interval { every, zone })
}

/// The instant of a date timer. A date with an offset is not moved by `timezone`.
fn due_date(given: &Map<String, Value>, zone: &TimeZone) -> Result<Timestamp, TimerError> {
    only(given, &["date", "timezone"])?;
    let zone = zone_of(given, zone)?;
    let text = text(given, "date", "the time at which it is due, such as 2026-01-31T12:00:00Z")?;
    let unreadable = || {
        wrong("date", in_quotes(text), "it must be a date and a time of day, such as 2026-01-31T12:00:00Z")
    };
    // Parts that are left out would be those of today, on which a stored timer must not depend.
    let read = date::read(text, DAY).filter(|read| date::read(text, OTHER_DAY).as_ref() == Some(read));
    let read = read.ok_or_else(unreadable)?;
    let instant = match read.offset {
        Some(offset) => {
            let local = read.civil.to_zoned(TimeZone::UTC).ok();
            local.and_then(|local| local.timestamp().checked_sub(Span::new().seconds(offset)).ok())
        }
        // A local time that the clocks skip is the time that they would have shown.
        None => zone.to_timestamp(read.civil).ok(),
    };
    let beyond = || wrong("date", in_quotes(text), "it must be a time before 9999-12-30T22:00:00Z");
    let instant = instant.ok_or_else(beyond)?;
    Ok(Timestamp::from_micros(instant.as_microsecond()))
}

/// Two days that have no part in common, by which a date is known to be whole.
const DAY: jiff::civil::Date = jiff::civil::date(2001, 2, 3);
const OTHER_DAY: jiff::civil::Date = jiff::civil::date(2014, 11, 27);

/// The zone that is given, or `default`.
fn zone_of(given: &Map<String, Value>, default: &TimeZone) -> Result<TimeZone, TimerError> {
    let Some(name) = given.get("timezone") else { return Ok(default.clone()) };
    let zone = name.as_str().and_then(|name| TimeZone::get(name).ok());
    zone.ok_or_else(|| {
        wrong("timezone", name.to_string(), "it must be the name of a zone, such as Europe/Berlin")
    })
}

/// The parameter `name`, which must be a text; `what` says what to give.
fn text<'a>(
    given: &'a Map<String, Value>,
    name: &'static str,
    what: &'static str,
) -> Result<&'a str, TimerError> {
    let value = given.get(name).ok_or(TimerError::Missing(name, what))?;
    value.as_str().ok_or_else(|| wrong(name, value.to_string(), &format!("it must be {what}")))
}

/// Refuses parameters beside `known`.
fn only(given: &Map<String, Value>, known: &[&str]) -> Result<(), TimerError> {
    match given.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(TimerError::Unknown(name.clone(), known.join(", "))),
        None => Ok(()),
    }
}

/// A text as the value of a parameter in a message.
fn in_quotes(text: &str) -> String {
    format!("\"{}\"", quoted(text))
}

/// The error about the value of a parameter.
fn wrong(name: &'static str, shown: String, must: &str) -> TimerError {
    TimerError::Value(name, shown, must.to_owned())
}

/// The instant of `at` for calendars; `None` beyond the years that they have.
fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(at.as_micros()).ok()
}

/// The first whole second at or after `at`.
fn whole_second(at: Timestamp) -> Option<jiff::Timestamp> {
    instant(at)?.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Ceil)).ok()
}

/// The local time `civil` in `zone` as an instant. Of a time that comes twice, the clocks being set back, `is_second`
/// tells which; a time that the clocks skip has the offset from before.
fn at_local(zone: &TimeZone, civil: DateTime, is_second: bool) -> Option<jiff::Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    let is_fold = matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Fold { .. });
    if is_second && is_fold { ambiguous.later().ok() } else { ambiguous.compatible().ok() }
}
