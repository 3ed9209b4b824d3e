//! Words of requests in messages, and the hint about one that is not among the known words. StackStorm ignores many names
//! that it does not know, and so they are ignored here, unless something else would be done then than was meant.

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

/// Names that ask for an effect. A call that has no such effect refuses them: that nothing is changed, that the answer
/// waits, that a value is secret, or goes.
const EFFECTS: [&str; 13] = [
    "dry_run",
    "dryrun",
    "force",
    "no_merge",
    "wait",
    "timeout",
    "delay",
    "ttl",
    "expire_timestamp",
    "secret",
    "encrypt",
    "encrypted",
    "decrypt",
];

/// Whether a `name` that a call does not know can be ignored: it is no slip of a `known` one, and asks for no effect.
/// `is_off` says that its value is one like false, which asks for nothing.
pub(crate) fn is_idle<'k>(name: &str, is_off: bool, known: impl IntoIterator<Item = &'k str>) -> bool {
    let is_effect = |name: &str| EFFECTS.contains(&name.to_lowercase().replace('-', "_").as_str());
    nearest(name, known).is_none() && (is_off || !is_effect(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_ignored_unless_it_is_a_slip_or_asks_for_an_effect() {
        for (name, is_off, expected) in [
            ("colour", false, true),
            ("_", false, true),
            ("paramters", false, false),
            ("Parameters", true, false),
            ("dry_run", false, false),
            ("dry-run", false, false),
            ("Force", false, false),
            ("dry_run", true, true),
        ] {
            assert_eq!(is_idle(name, is_off, ["action", "parameters"]), expected, "{name}");
        }
    }

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
