//! The time to wait that a server asks for: `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The longest time that is believed.
const LONGEST: Duration = Duration::from_hours(24);
/// Days from the first of March of the year 0 to the beginning of 1970.
const DAYS_BEFORE_1970: u64 = 719_468;

/// The time to wait. `date` is the server's own time, in whose place the clock here is read if it does not tell.
pub(crate) fn retry_after(value: Option<&str>, date: Option<&str>) -> Option<Duration> {
    let value = value?.trim();
    let seconds = if let Ok(seconds) = value.parse() {
        seconds
    } else {
        let now = date.and_then(unix_seconds).or_else(now)?;
        unix_seconds(value)?.saturating_sub(now)
    };
    Some(Duration::from_secs(seconds).min(LONGEST))
}

fn now() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs())
}

/// The seconds of a date as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that servers may still send.
fn unix_seconds(date: &str) -> Option<u64> {
    let (_weekday, rest) = date.split_once(", ")?;
    let mut parts = rest.split([' ', ':']);
    let day = number(parts.next(), 31)?;
    let name = parts.next()?;
    let month = u64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
    let year = number(parts.next(), 9999)?;
    let (hour, minute, second) =
        (number(parts.next(), 23)?, number(parts.next(), 59)?, number(parts.next(), 60)?);
    if parts.next() != Some("GMT") {
        return None;
    }
    // With March as the first month, the day that comes every four years is the last one.
    let (year, month) = if month < 2 { (year.checked_sub(1)?, month + 10) } else { (year, month - 2) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.checked_sub(1)?;
    Some(((days.checked_sub(DAYS_BEFORE_1970)? * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(text: Option<&str>, most: u64) -> Option<u64> {
    text?.parse::<u64>().ok().filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_standard() {
        for (date, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:60 GMT", Some(1_709_251_200)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Now 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 0000 08:49", None),
            ("", None),
        ] {
            assert_eq!(unix_seconds(date), expected, "{date}");
        }
    }

    #[test]
    fn the_time_to_wait_is_a_number_or_a_date() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, expected) in [
            (None, None),
            (Some("5"), Some(5)),
            (Some(" 5 "), Some(5)),
            (Some("soon"), None),
            (Some("-1"), None),
            (Some("999999999"), Some(86_400)),
            (Some("Sun, 06 Nov 1994 08:50:00 GMT"), Some(23)),
            (Some("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0)),
        ] {
            assert_eq!(retry_after(value, date), expected.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(retry_after(date, None), Some(Duration::ZERO), "that was long ago");
    }
}
