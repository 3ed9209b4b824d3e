//! Dates in free text, as Python's `dateutil` reads them: `2020-01-02T03:04:05Z`, `Jan 2, 2020 3pm`, `02.01.2020`
//! (month first), `20210615115900`. YAQL and the criteria of rules share this reader.
//!
//! It has no clock: parts that a text leaves out are those of a day that the caller passes, at midnight. The text is
//! split into words ([`words`]), [`reader`] interprets them, and [`parts`] assigns the numbers of a date. (Source:
//! dateutil 2.8.2, `parser/_parser.py`, whose steps have given these their names.)

mod names;
mod parts;
mod reader;
mod words;

use jiff::{Span, civil};

use reader::DateFacts;

/// The greatest length of a date, in bytes.
const LENGTH: usize = 256;

/// A date as read from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// The local date and time.
    pub civil: civil::DateTime,
    /// The offset of the local time from UTC in seconds; `None` where the text gives none, or names a zone. As in the
    /// original, UTC is the only known zone.
    pub offset: Option<i64>,
}

/// Reads `text`; `None` if it is not a date.
pub fn read(text: &str, today: civil::Date) -> Option<Read> {
    if text.len() > LENGTH {
        return None;
    }
    let found = reader::read(text, i64::from(today.year())).filter(DateFacts::has_something)?;
    let year = match found.year {
        Some(year) if found.is_full_year => year,
        Some(year) => full_year(year, i64::from(today.year())),
        None => i64::from(today.year()),
    };
    let date = date(&found, year, today)?;
    let time = civil::Time::new(
        small(found.hour.unwrap_or(0))?,
        small(found.minute.unwrap_or(0))?,
        small(found.second.unwrap_or(0))?,
        i32::try_from(found.micros.unwrap_or(0) * 1000).ok()?,
    );
    let offset = offset(&found);
    let is_possible = offset.is_none_or(|offset| offset.abs() < 86_400);
    is_possible.then_some(Read { civil: date.to_datetime(time.ok()?), offset })
}

/// The year nearest to `this_year` that ends in these two digits: from 50 years before to 49 years after it.
fn full_year(year: i64, this_year: i64) -> i64 {
    if year >= 100 {
        return year;
    }
    let year = year + this_year - this_year.rem_euclid(100);
    if year >= this_year + 50 {
        year - 100
    } else if year < this_year - 50 {
        year + 100
    } else {
        year
    }
}

fn date(found: &DateFacts, year: i64, today: civil::Date) -> Option<civil::Date> {
    let year = i16::try_from(year).ok().filter(|year| *year >= 1)?;
    let month = found.month.map_or_else(|| Some(today.month()), small)?;
    let last = civil::Date::new(year, month, 1).ok()?.days_in_month();
    // A month without a day keeps today's day, but at most the last day of the month.
    let day = found.day.map_or_else(|| Some(today.day().min(last)), small)?;
    let date = civil::Date::new(year, month, day).ok()?;
    match found.weekday.filter(|_| found.day.is_none()) {
        // The next such day of the week, today included.
        Some(weekday) => {
            let ahead = (weekday - date.weekday().to_monday_zero_offset()).rem_euclid(7);
            date.checked_add(Span::new().days(i64::from(ahead))).ok()
        }
        None => Some(date),
    }
}

fn offset(found: &DateFacts) -> Option<i64> {
    match (found.zone.as_deref(), found.offset) {
        (Some("Z" | "z"), _) => Some(0),
        (Some(zone), offset) if offset != Some(0) && names::is_utc(zone) => Some(0),
        (_, offset) => offset,
    }
}

fn small(number: i64) -> Option<i8> {
    i8::try_from(number).ok()
}

#[cfg(test)]
mod tests;
