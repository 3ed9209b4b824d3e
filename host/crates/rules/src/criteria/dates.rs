//! Times in payloads: dates in free text ([`petrel_python::date`]), and Unix times in seconds or
//! milliseconds. A time without an offset is in UTC.

use jiff::tz::{Offset, TimeZone};
use petrel_model::Timestamp;
use petrel_model::quoted::quoted;
use petrel_python::date;

/// A text that is not a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a date; write it as 2026-11-20T12:00:00Z, or as the seconds since 1970", quoted(.0))]
pub struct InvalidDate(String);

/// Parses `text`. Missing parts are those of the day of `now`, at midnight.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, InvalidDate> {
    let micros = from_calendar(text, now).or_else(|| unix(text));
    micros.map(Timestamp::from_micros).ok_or_else(|| InvalidDate(text.to_owned()))
}

fn from_calendar(text: &str, now: Timestamp) -> Option<i64> {
    let today = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?.to_zoned(TimeZone::UTC).date();
    let read =
        if is_month(text) { date::read(&format!("{text}-01"), today)? } else { date::read(text, today)? };
    let shown = Offset::UTC.to_timestamp(read.civil).ok()?;
    shown.as_microsecond().checked_sub(read.offset.unwrap_or(0) * 1_000_000)
}

/// Whether `text` has the form `2021-06`. StackStorm's criteria take the first day of that month, since another parser
/// sees it before dateutil.
fn is_month(text: &str) -> bool {
    let is_digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(year, month)| is_digits(year, 4) && is_digits(month, 2))
}

/// Parses seconds since 1970 with nine to eleven digits, or milliseconds with thirteen, with or without a fraction. No
/// date is written that way, and the years are 1973 to 5138.
fn unix(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let places = match whole.len() {
        9..=11 => 6,
        13 => 3,
        _ => return None,
    };
    let micros: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
    format!("{whole}{micros}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment() {
        let moment: Timestamp = "2021-06-15T11:59:00Z".parse().unwrap();
        let now = "2021-06-15T12:00:00Z".parse().unwrap();
        for text in [
            "2021-06-15T11:59:00Z",
            "2021-06-15T13:59:00+02:00",
            "2021-06-15T06:59:00-0500",
            "20210615T115900Z",
            "20210615115900",
            "15/06/2021 11:59",
            "Tue, 15 Jun 2021 11:59:00 GMT",
            "11:59",
            "2021-06-15 11:59 EST",
            "1623758340",
            "1623758340.0",
            "1623758340.0000009",
            "1623758340000",
            "1623758340000.000",
        ] {
            assert_eq!(parse(text, now), Ok(moment), "{text}");
        }
        let (midnight, first) =
            ("2021-06-15T00:00:00Z".parse().unwrap(), "2021-06-01T00:00:00Z".parse().unwrap());
        assert_eq!((parse("2021-06-15", now), parse("12 AM", now)), (Ok(midnight), Ok(midnight)));
        assert_eq!((parse("2021-06", now), parse("20210615", now)), (Ok(first), Ok(midnight)));
        let half = "2021-06-15T11:59:00.5Z".parse().unwrap();
        assert_eq!((parse("1623758340.5", now), parse("1623758340500", now)), (Ok(half), Ok(half)));
        for text in
            ["", "not a date", "2021-13-45", "2021-06-15T25:00", "Z", "-1623758340", "162375834000000000"]
        {
            assert_eq!(parse(text, now), Err(InvalidDate(text.into())), "{text}");
        }
    }
}
