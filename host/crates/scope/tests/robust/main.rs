//! Paths and regular expressions: whatever is written, it is read or refused, and what is read finds what is there.

use petrel_python::regex::{Flags, Regex};
use petrel_scope::JsonPath;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Pieces of paths, apart by blanks.
const STEPS: &str =
    "$ . .. * a b ['d e'] [0] [-1] [1:] [::2] [*] | (a|b) `parent` 'd e' \"x\" [ ] [?a] , @ é";
/// Pieces of regular expressions, apart by blanks.
const PIECES: &str = r"a b . \d \w \b \Z \x41 \u00e9 é [abc] [^a-z] [ ] ( (?: (?P<n> (?P=n) (?= (?<= (?! (?i) (?x) ) | * + ? *? {2} {1,3} {,2} { } ^ $ \ # \1";

fn words(words: &'static str) -> impl Strategy<Value = String> {
    let word = prop::sample::select(words.split(' ').collect::<Vec<_>>());
    prop::collection::vec(word, 0..10).prop_map(|words| words.concat())
}

fn value() -> Value {
    json!({"a": [{"b": 1}, {"b": {"c": null}}], "d e": "xyz", "b": {"a": [[1], [2, 3]]}, "é": true})
}

/// Each takes less than a second, and minutes where something is looked through for every character.
#[test]
fn long_patterns_are_read_in_one_go() {
    for piece in ["{", "{1", "{,", "a{x}", "[", "[a]", "(?#", "(", r"\", "(?P<n", "|", "$", "a(b)"] {
        let pattern = piece.repeat(60_000 / piece.len());
        let _refused_or_not =
            Regex::new(&pattern, Flags { ignore_case: false, dot_all: false, at_start: true });
    }
    for piece in ["[0]", ".a", "..", "(", "'", "[?", "`", "a|", "[1:", "$"] {
        let _refused_or_not = JsonPath::parse(&piece.repeat(60_000 / piece.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_path_is_followed_or_refused(path in prop_oneof![4 => words(STEPS), 1 => ".{0,30}"]) {
        let Ok(parsed) = JsonPath::parse(&path) else { return Ok(()) };
        let value = value();
        prop_assert_eq!(parsed.all(&value).ok(), parsed.all(&value).ok());
        let _first = parsed.first("trigger", &value);
        if let Some(fields) = parsed.plain_fields() {
            prop_assert!(!fields.is_empty());
        }
    }

    #[test]
    fn every_expression_matches_or_is_refused(
        pattern in prop_oneof![4 => words(PIECES), 1 => ".{0,20}"],
        text in "[ab0 é\n]{0,40}",
        flags in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let (ignore_case, dot_all, at_start) = flags;
        let Ok(regex) = Regex::new(&pattern, Flags { ignore_case, dot_all, at_start }) else { return Ok(()) };
        let Ok(found) = regex.matches(&text) else { return Ok(()) };
        for one in &found {
            prop_assert!(text.get(one.range.clone()).is_some(), "{}: {:?}", pattern, one);
        }
        if let Ok(is_match) = regex.is_match(&text) {
            prop_assert_eq!(is_match, !found.is_empty());
        }
    }
}
