//! Points in time with an offset from UTC, and spans of time, both in microseconds. [`mod@format`] reads and writes
//! formats, [`petrel_python::date`] reads free text.

pub(super) mod format;

use std::fmt;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use petrel_python::date;

use super::error::{Error, ErrorKind};
use super::number::Number;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

/// The greatest length of a span in days.
const DAYS: i64 = 999_999_999;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime {
    /// Microseconds since 1970 in UTC.
    pub(super) micros: i64,
    /// The offset of the displayed clock from UTC, in microseconds.
    pub(super) offset: i64,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeSpan {
    pub(super) micros: i64,
}

fn out_of_range() -> Error {
    ErrorKind::Overflow("The date is out of range; years are from 1 to 9999".into()).into()
}

impl TimeSpan {
    pub(super) fn new(micros: i128) -> Result<Self, Error> {
        match i64::try_from(micros) {
            Ok(micros) if micros.div_euclid(DAY).abs() <= DAYS => Ok(Self { micros }),
            _ => Err(ErrorKind::Overflow(format!("The span of time is longer than {DAYS} days")).into()),
        }
    }

    /// The span of a number of microseconds; halves are rounded to even.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the range is checked then")]
    pub(super) fn from_number(number: Number) -> Result<Self, Error> {
        match number {
            Number::Integer(micros) => Self::new(micros),
            Number::Float(micros) if micros.is_finite() => Self::new(micros.round_ties_even() as i128),
            Number::Float(_) => Err(Error::value("cannot convert float NaN or infinity to a span of time")),
        }
    }
}

impl DateTime {
    /// The time of a local date and clock.
    pub(super) fn from_civil(civil: civil::DateTime, offset: i64) -> Result<Self, Error> {
        let shown = civil.to_zoned(TimeZone::UTC).map_err(|_range| out_of_range())?.timestamp();
        Self { micros: shown.as_microsecond() - offset, offset }.checked()
    }

    /// The time in a free text. Parts that it leaves out are those of the day of `now`, in microseconds since 1970.
    pub(super) fn from_text(text: &str, now: i64) -> Result<Self, Error> {
        let today = Self { micros: now, offset: 0 }.civil().date();
        match date::read(text, today) {
            Some(read) => Self::from_civil(read.civil, read.offset.unwrap_or(0) * SECOND),
            None => Err(Error::value(format!(
                "Unknown string format: {}",
                text.chars().take(100).collect::<String>()
            ))),
        }
    }

    /// The local date and clock.
    pub(super) fn civil(self) -> civil::DateTime {
        let shown = self.micros.saturating_add(self.offset);
        let shown = Timestamp::from_microsecond(shown).unwrap_or_default();
        Offset::UTC.to_datetime(shown)
    }

    /// Fails outside of the years 1 to 9999.
    pub(super) fn checked(self) -> Result<Self, Error> {
        const FIRST: i64 = -62_135_596_800 * SECOND;
        const LAST: i64 = 253_402_300_800 * SECOND;
        let shown = self.micros.saturating_add(self.offset);
        if (FIRST..LAST).contains(&shown) { Ok(self) } else { Err(out_of_range()) }
    }

    pub(super) fn plus(self, span: TimeSpan) -> Result<Self, Error> {
        let micros = self.micros.checked_add(span.micros).ok_or_else(out_of_range)?;
        Self { micros, ..self }.checked()
    }

    /// The time in ISO 8601, with `separator` between date and clock.
    pub(super) fn iso(self, separator: char) -> String {
        let civil = self.civil();
        let mut text = format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second()
        );
        let micros = civil.subsec_nanosecond() / 1000;
        if micros != 0 {
            text.push_str(&format!(".{micros:06}"));
        }
        text.push_str(&offset_text(self.offset, ":"));
        text
    }
}

/// An offset as `+hh:mm`, with seconds where there are some.
pub(super) fn offset_text(offset: i64, colon: &str) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let seconds = offset.abs() / SECOND;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let rest = if seconds == 0 { String::new() } else { format!("{colon}{seconds:02}") };
    format!("{sign}{hours:02}{colon}{minutes:02}{rest}")
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso(' '))
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As in Python, only the days are negative.
        let days = self.micros.div_euclid(DAY);
        let rest = self.micros.rem_euclid(DAY);
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        let (seconds, micros) = (rest / SECOND, rest % SECOND);
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        Ok(())
    }
}
