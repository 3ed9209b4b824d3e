//! Words of requests in messages, and the hint about one that is not among the known words.

use petrel_model::nearest::nearest;

/// A name from a request, made fit for a message.
pub(crate) fn shown(name: &str) -> String {
    // A name from outside may be long and hold control characters.
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

/// The hint about a word that is none of `words`: the near one, and behind `lead` all of them.
pub(crate) fn known(word: &str, lead: &str, words: &[&str]) -> String {
    let all = format!("{lead} {}", words.join(", "));
    match nearest(word, words.iter().copied()) {
        Some(near) => format!("did you mean {near}? {all}"),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_knows_is_told_the_near_one_and_all() {
        for (word, hint) in [
            ("failled", "did you mean failed? it is one of succeeded, failed"),
            ("done", "it is one of succeeded, failed"),
        ] {
            assert_eq!(known(word, "it is one of", &["succeeded", "failed"]), hint);
        }
    }
}
