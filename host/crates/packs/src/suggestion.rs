//! The end of a message about an unknown word: the nearest known one, or all of them.

use petrel_model::nearest::nearest;

use crate::limits::MOST_WORDS;

/// The nearest of the words that are `known`, or all of these, as a remedy.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean {near}?");
    }
    let listed = known.iter().take(MOST_WORDS).copied().collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(MOST_WORDS) {
        0 => format!("known are {listed}"),
        more => format!("known are {listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_every_known_word_is_listed() {
        let words: Vec<_> = (0..60).map(|number| format!("word{number:04}")).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let listed = suggestion("colour", &words);
        assert!(
            listed.starts_with("known are word0000, ") && listed.ends_with("word0049 and 10 more"),
            "{listed}"
        );
        assert_eq!(suggestion("colour", &["a", "b"]), "known are a, b");
    }
}
