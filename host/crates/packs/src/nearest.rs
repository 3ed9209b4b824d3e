//! Suggestions for unknown words: the nearest known one.

use crate::limits::MOST_WORDS;

/// The candidate with the smallest edit distance to `word`, if that is small enough for a typing error.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = (length / 3).clamp(1, 3);
    let near = candidates.into_iter().filter_map(|candidate| {
        let lower = candidate.to_lowercase();
        // The difference of lengths is a lower bound of the distance, and cheap; the distance costs their product.
        let may_be = lower.chars().count().abs_diff(length) <= limit;
        let distance = may_be.then(|| strsim::damerau_levenshtein(&word, &lower))?;
        (distance <= limit).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The end of a message about an unknown word: the nearest known word, or all known words.
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
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["parameters", "runner_type", "enabled"];
        for (word, expected) in [
            ("paramters", Some("parameters")),
            ("runner-type", Some("runner_type")),
            ("Enable", Some("enabled")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn what_is_far_too_long_is_no_slip_and_costs_nothing() {
        let long = "x".repeat(1 << 20);
        for _ in 0..100 {
            assert_eq!(nearest(&long, ["parameters", "enabled"]), None);
        }
    }

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
