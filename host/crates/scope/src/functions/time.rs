//! Durations as text for people.

use petrel_python::display::float;
use petrel_python::number::PythonNumber;

/// The greatest number of seconds with a text: up to the year 9999.
const MOST: i128 = 315_537_897_599;

/// `seconds` in the form `1h3m5s`. As in StackStorm, a duration below one second is given in microseconds, and full
/// months are lost.
///
/// # Errors
/// A duration of more than 9998 years.
pub fn human_time(seconds: PythonNumber) -> Result<String, String> {
    const MICROSECONDS: char = '\u{3bc}';
    let whole = match seconds {
        PythonNumber::Integer(0) | PythonNumber::Float(0.0) => return Ok("0s".into()),
        PythonNumber::Integer(whole) if whole < 1 => return Ok(format!("{whole}{MICROSECONDS}s")),
        PythonNumber::Integer(whole) => whole,
        PythonNumber::Float(seconds) if seconds < 1.0 => {
            return Ok(format!("{}{MICROSECONDS}s", float(seconds)));
        }
        PythonNumber::Float(seconds) => rounded(seconds)?,
    };
    if whole > MOST {
        return Err(format!("{whole} seconds are more than 9998 years; pass less"));
    }
    // As in StackStorm, the fields of the calendar date that many seconds after the beginning of the year 1.
    let start = jiff::civil::date(1, 1, 1).at(0, 0, 0, 0);
    let span = jiff::SignedDuration::from_secs(i64::try_from(whole).unwrap_or(i64::MAX));
    let end = start.checked_add(span).map_err(|error| error.to_string())?;
    let parts = [
        (i64::from(end.year()) - 1, 'y'),
        (i64::from(end.day()) - 1, 'd'),
        (i64::from(end.hour()), 'h'),
        (i64::from(end.minute()), 'm'),
        (i64::from(end.second()), 's'),
    ];
    let text: String = parts
        .iter()
        .skip_while(|(amount, _)| *amount == 0)
        .map(|(amount, unit)| format!("{amount}{unit}"))
        .collect();
    Ok(if text.is_empty() { "0s".into() } else { text })
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the range is checked then")]
fn rounded(seconds: f64) -> Result<i128, String> {
    if seconds.is_finite() {
        Ok(seconds.round_ties_even() as i128)
    } else {
        Err(format!("{} is not a number of seconds", float(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_told_in_units() {
        let (int, float) = (PythonNumber::Integer, PythonNumber::Float);
        for (seconds, text) in [
            (int(0), "0s"),
            (int(59), "59s"),
            (int(60), "1m0s"),
            (int(3661), "1h1m1s"),
            (int(30 * 86_400), "30d0h0m0s"),
            (int(31 * 86_400), "0s"),
            (int(365 * 86_400), "1y0d0h0m0s"),
            (int(-5), "-5μs"),
            (float(0.5), "0.5μs"),
            (float(56.2), "56s"),
            (float(1.5), "2s"),
        ] {
            assert_eq!(human_time(seconds).as_deref(), Ok(text), "{seconds:?}");
        }
        assert!(human_time(int(MOST + 1)).is_err());
        assert!(human_time(float(f64::INFINITY)).is_err());
    }
}
