//! Quotations of user input in messages: long enough to be recognized, and bounded.

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

/// `text`, or its first `characters` with `…` behind them.
pub fn beginning(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InvalidId;
    use crate::reference::InvalidRef;
    use crate::time::InvalidTimestamp;

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
