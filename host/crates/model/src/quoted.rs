//! Quotations of user input in messages: long enough to be recognized, and bounded. So are lists of names.

use std::borrow::Cow;

/// Number of characters quoted.
const LONGEST: usize = 200;
/// Number of characters told of a reason.
const LONGEST_REASON: usize = 1_000;

/// `text`, or its first 200 characters followed by `…`.
pub fn quoted(text: &str) -> Cow<'_, str> {
    beginning(text, LONGEST)
}

/// A reason, or an expression, for a message: its first 1,000 characters, as it may quote megabytes.
pub fn told(reason: &str) -> Cow<'_, str> {
    beginning(reason, LONGEST_REASON)
}

/// The first `most` of `names`, and the number of the others: `a, b and 3 more`.
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>, most: usize) -> String {
    let mut names = names.into_iter();
    let first: Vec<_> = names.by_ref().take(most).map(quoted).collect();
    let first = first.join(", ");
    match names.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// `text`, or its first `characters` with `…` behind them.
pub fn beginning(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// Whether a character controls a terminal, or breaks or turns the lines that people see. What others wrote is not shown with it.
pub fn is_steering(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of JSON with escapes in the place of such characters in its strings: it says the same, and shows all that it says. Ends of
/// lines between its values stay.
pub fn shown_json(json: &str) -> Cow<'_, str> {
    let is_escaped = |char: char| is_steering(char) && char != '\n';
    if !json.contains(is_escaped) {
        return Cow::Borrowed(json);
    }
    // None of them has more than four digits.
    let shown = |char: char| {
        if is_escaped(char) { format!("\\u{:04x}", u32::from(char)) } else { char.to_string() }
    };
    Cow::Owned(json.chars().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InvalidId;
    use crate::reference::InvalidRef;
    use crate::time::InvalidTimestamp;

    #[test]
    fn of_many_names_some_are_told_and_all_are_counted() {
        for (names, expected) in
            [(&[][..], ""), (&["a", "b"], "a, b"), (&["a", "b", "c", "d"], "a, b and 2 more")]
        {
            assert_eq!(listed(names.iter().copied(), 2), expected);
        }
    }

    #[test]
    fn json_says_the_same_and_shows_what_it_says() {
        for (text, shown) in [
            ("a\u{202e}b\u{9b}\u{7f}\u{2069}", r#""a\u202eb\u009b\u007f\u2069""#),
            ("\u{1b}[2J\n", r#""\u001b[2J\n""#),
            ("\u{5e9}\u{200f}\u{1f468}\u{200d}\u{1f469}", "\"\u{5e9}\u{200f}\u{1f468}\u{200d}\u{1f469}\""),
        ] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(shown_json(&json), shown);
            assert_eq!(serde_json::from_str::<String>(&shown_json(&json)).unwrap(), text);
        }
        assert_eq!(shown_json("{\n  \"a\": 1\n}"), "{\n  \"a\": 1\n}");
    }

    #[test]
    fn a_long_text_is_cut_where_a_message_quotes_it() {
        assert_eq!(quoted("ä"), "ä");
        assert_eq!(quoted(&"ä".repeat(200)), "ä".repeat(200));
        assert_eq!(quoted(&"ä".repeat(201)), format!("{}…", "ä".repeat(200)));
        let long = || "x".repeat(5_000);
        for message in [
            InvalidId(long()).to_string(),
            InvalidRef(long()).to_string(),
            InvalidTimestamp(long()).to_string(),
        ] {
            assert!(message.contains('…') && message.len() < 400, "{message}");
        }
    }
}
