//! Suggestions for unknown words: the nearest known one.

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
}
