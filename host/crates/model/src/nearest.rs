//! Suggestions for unknown words: the nearest known one.

/// Characters of a word that is compared. A comparison takes the product of the lengths, and words come from anybody.
const LONGEST: usize = 100;

/// Largest number of candidates whose distance is measured.
const MOST_COMPARED: usize = 1_000;

/// The candidate with the smallest edit distance to `word`, if that is small enough for a typing error. Words over 100
/// characters are not compared, and of the candidates that are nearly as long as `word` only the first thousand.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if !is_short(word) {
        return None;
    }
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = (length / 3).clamp(1, 3);
    // The difference of lengths is a lower bound of the distance, and cheap.
    let comparable = candidates.into_iter().filter(|candidate| is_short(candidate)).filter_map(|candidate| {
        let lower = candidate.to_lowercase();
        (lower.chars().count().abs_diff(length) <= limit).then_some((lower, candidate))
    });
    let near = comparable.take(MOST_COMPARED).filter_map(|(lower, candidate)| {
        let distance = strsim::damerau_levenshtein(&word, &lower);
        (distance <= limit).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Whether `word` may be compared. No more of it is counted than that takes.
fn is_short(word: &str) -> bool {
    word.chars().nth(LONGEST).is_none()
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
    fn long_words_are_not_compared() {
        for (word, candidate, is_near) in [
            ("x".repeat(1 << 20), "x".repeat((1 << 20) - 1), false),
            ("x".repeat(LONGEST), "x".repeat(LONGEST + 1), false),
            ("x".repeat(LONGEST + 1), "x".repeat(LONGEST), false),
            ("x".repeat(LONGEST), "x".repeat(LONGEST - 1), true),
            ("é".repeat(LONGEST), "é".repeat(LONGEST - 1), true),
        ] {
            let found = nearest(&word, [candidate.as_str()]);
            assert_eq!(found.is_some(), is_near, "{} {}", word.len(), candidate.len());
        }
    }

    #[test]
    fn the_number_of_comparisons_is_bounded() {
        let mut seen = 0;
        let many = std::iter::repeat_n("parameters", 1_000_000).inspect(|_| seen += 1);
        assert_eq!(nearest("paramters", many), Some("parameters"));
        assert_eq!(seen, MOST_COMPARED);
        // What is too short to be meant is not counted.
        let short = std::iter::repeat_n("x", 10 * MOST_COMPARED).chain(["parameters"]);
        assert_eq!(nearest("paramters", short), Some("parameters"));
    }
}
