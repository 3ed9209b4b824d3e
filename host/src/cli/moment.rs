//! Points in time as people write them: `1h` for an hour ago, or a date and a time.

use std::time::Duration;

use petrel_engine::clock;
use petrel_model::Timestamp;

use crate::exit::Failure;

/// The time for the host: a time before now is calculated here, and any other form is one that the host parses.
pub(super) fn moment(text: &str) -> Result<String, Failure> {
    at(text, "before", |ago| clock::now().minus(ago))
}

/// The time for the host, of which a duration means one after now.
pub(super) fn later(text: &str) -> Result<String, Failure> {
    at(text, "after", |later| clock::now().plus(later))
}

/// A time as it is written, or the one that `of` makes of a duration `side` now.
fn at(text: &str, side: &str, of: impl FnOnce(Duration) -> Timestamp) -> Result<String, Failure> {
    if let Some(duration) = duration(text) {
        return Ok(of(duration).to_string());
    }
    if is_date(text) {
        return Ok(text.to_owned());
    }
    // A clock alone has no day, and no zone either.
    let hint = if text.contains(':') && !text.contains('-') {
        format!(
            "write the day as well, and without a zone in UTC: 2026-11-20T{}Z; or 30s, 90m, 1h, 2d or 1w for a time {side} now",
            if is_clock(text) { text } else { "12:00:00" }
        )
    } else {
        format!("write 30s, 90m, 1h, 2d or 1w for a time {side} now, or a time such as 2026-11-20T12:00:00Z")
    };
    Err(Failure::usage(format!("`{text}` is neither a time nor a time {side} now"), hint))
}

/// Whether the host reads `text` as a time: with a zone, without one, or a day alone.
fn is_date(text: &str) -> bool {
    let ways = [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z")];
    ways.iter().any(|way| way.parse::<Timestamp>().is_ok())
}

/// Whether `text` is hours and minutes, perhaps with seconds.
fn is_clock(text: &str) -> bool {
    format!("2026-11-20T{text}Z").parse::<Timestamp>().is_ok()
}

/// A number of seconds, as it is written or with units. For the parser of the command line, which names the flag.
///
/// # Errors
/// When it is neither; the forms that there are.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let plain = text.parse().ok();
    plain
        .or_else(|| duration(text).map(|duration| duration.as_secs()))
        .ok_or_else(|| "write a number of seconds, or 30s, 10m, 1h30m, 2d or 1w".to_owned())
}

/// Parses `1h30m` and the like.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut seconds) = (text, 0_u64);
    while !rest.is_empty() {
        let (number, more) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let mut signs = more.chars();
        let unit = match signs.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = number.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(seconds)?;
        rest = signs.as_str();
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_number_or_have_units() {
        for (text, expected) in [
            ("600", Some(600)),
            ("0", Some(0)),
            ("10m", Some(600)),
            ("1h30m", Some(5_400)),
            ("", None),
            ("-5", None),
            ("10x", None),
            ("1.5", None),
        ] {
            let read = seconds(text);
            assert_eq!(read.as_ref().ok(), expected.as_ref(), "{text}");
            assert!(read.err().is_none_or(|told| told.contains("10m")), "{text}");
        }
    }

    #[test]
    fn a_time_is_written_as_it_is_or_by_its_distance_from_now() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let before = |text: &str| at(text, "before", |ago| now.minus(ago));
        let after = |text: &str| at(text, "after", |later| now.plus(later));
        for (text, expected) in [
            ("30s", "2026-11-20T11:59:30.000000Z"),
            ("1h", "2026-11-20T11:00:00.000000Z"),
            ("1h30m", "2026-11-20T10:30:00.000000Z"),
            ("2d", "2026-11-18T12:00:00.000000Z"),
            ("1w", "2026-11-13T12:00:00.000000Z"),
            ("2026-11-20", "2026-11-20"),
            ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z"),
        ] {
            assert_eq!(before(text).unwrap(), expected);
        }
        assert_eq!(after("1h30m").unwrap(), "2026-11-20T13:30:00.000000Z");
        assert_eq!(after("2026-11-20").unwrap(), "2026-11-20");
        let failure = after("soon").unwrap_err();
        assert!(failure.message.contains("`soon` is neither a time nor a time after now"), "{failure}");
        for (text, hint) in [
            ("22:00", "write the day as well, and without a zone in UTC: 2026-11-20T22:00Z; or 30s,"),
            ("22:00:30", "2026-11-20T22:00:30Z"),
            ("22:xx", "2026-11-20T12:00:00Z"),
            ("2026-13-01", "or a time such as 2026-11-20T12:00:00Z"),
            ("tomorrow-22:00", "or a time such as"),
        ] {
            let failure = after(text).unwrap_err();
            assert!(failure.hint.contains(hint), "{text}: {failure}");
            // The word of a query is no flag of the command line.
            assert!(!failure.to_string().contains('='), "{text}: {failure}");
        }
        for text in
            ["", "h", "1", "1 h", "1y", "yesterday", "1h2", "99999999999999999999s", "9999999999999999w"]
        {
            let failure = before(text).unwrap_err();
            assert!(failure.message.contains(&format!("`{text}`")), "{text}: {}", failure.message);
        }
    }
}
