//! Texts for a terminal: without control characters, in colour, and times to the second.

use std::borrow::Cow;

use petrel_model::Timestamp;
use petrel_model::quoted::is_steering;

/// `text` without characters that control the terminal or turn the direction of what follows, so that no event can do so. Line
/// ends and tabs stay.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_steering(c) && !matches!(c, '\n' | '\t'))
}

/// `text` with an escape for each character for which `is_told` holds.
pub(super) fn escaped(text: &str, is_told: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if !text.contains(is_told) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if is_told(c) { c.escape_debug().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A status in its colour, which only repeats the word.
pub(super) fn coloured(status: &str) -> String {
    let colour = match status.split(' ').next().unwrap_or_default() {
        "succeeded" | "processed" => 32,
        "failed" | "timeout" | "abandoned" | "processing_failed" => 31,
        "canceled" | "canceling" | "paused" | "pausing" => 33,
        "" => return String::new(),
        _ => 36,
    };
    format!("\u{1b}[{colour}m{}\u{1b}[0m", plain(status))
}

/// A time to the second, as results show it.
pub(crate) fn to_the_second(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        for time in ["2026-11-20T12:00:00.123456Z", "2026-11-20T12:00:00Z"] {
            assert_eq!(to_the_second(time.parse().unwrap()), "2026-11-20T12:00:00Z", "{time}");
        }
    }

    #[test]
    fn what_others_wrote_tells_the_terminal_nothing() {
        for (text, shown) in [
            ("two\n\tlines", "two\n\tlines"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("over\rwritten", "over\\rwritten"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("plain ä", "plain ä"),
            ("exe.\u{202e}lmay", "exe.\\u{202e}lmay"),
            ("\u{2066}a\u{2069}\u{2028}", "\\u{2066}a\\u{2069}\\u{2028}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn a_status_has_a_colour_that_goes_by_its_word() {
        for (status, colour) in
            [("succeeded", 32), ("failed", 31), ("canceled", 33), ("running", 36), ("running (held)", 36)]
        {
            assert_eq!(coloured(status), format!("\u{1b}[{colour}m{status}\u{1b}[0m"));
        }
        assert_eq!(coloured(""), "");
    }
}
