//! Regular expressions: a search costs the length of the text times that of the pattern, where it can take as much.

use petrel_expressions::work::{Allowance, UNITS, evaluation, within};
use petrel_python::regex::{Error, Flags, Regex};

/// What is evaluated beside the answering of requests.
const QUICK: u64 = 4_000_000;

/// Does `work` as one evaluation that may take so many units; false when it is refused for that.
fn fits<T>(units: u64, work: impl FnOnce() -> Result<T, Error>) -> bool {
    let ran = within(&Allowance { units, is_roomy: false, interrupt: None }, || evaluation(work));
    let is_refused = matches!(ran.value, Err(Error::TooMuch(_)));
    assert_eq!(is_refused, ran.limit.is_some(), "what is refused is refused as a limit");
    assert!(is_refused || ran.value.is_ok(), "it fails for nothing else");
    !is_refused
}

#[test]
fn what_people_write_is_searched_for_at_once() {
    let text = format!("{} 10.0.0.1 failed", "one line of a log\n".repeat(1_000));
    for pattern in [
        "failed|error",
        r"(\d{1,3}\.){3}\d{1,3} failed",
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}",
    ] {
        assert!(fits(QUICK, || Regex::new(pattern, Flags::default())?.is_match(&text)), "{pattern}");
        assert!(fits(QUICK, || Regex::new(pattern, Flags::default())?.matches(&text)), "{pattern}");
    }
    // A long list of words costs more, and is no reason to refuse the text.
    let words: Vec<_> = (0..100).map(|number| format!("word{number}")).collect();
    assert!(fits(UNITS, || Regex::new(&words.join("|"), Flags::default())?.is_match(&text.repeat(5))));
}

#[test]
fn a_long_pattern_on_a_long_text_is_refused_before() {
    let text = "a".repeat(100_000) + "!";
    for pattern in ["a".repeat(20_000) + "?b", "(a{500}b?){30}!x".to_owned(), "a?".repeat(10_000) + "b"] {
        let regex = Regex::new(&pattern, Flags::default()).unwrap();
        assert!(!fits(UNITS, || regex.is_match(&text)), "{pattern:.20}");
        assert!(!fits(UNITS, || regex.matches(&text)), "{pattern:.20}");
        assert!(!fits(UNITS, || regex.spans(&text).collect::<Result<Vec<_>, _>>()), "{pattern:.20}");
        assert!(fits(UNITS, || regex.is_match("ab")), "{pattern:.20}");
    }
}

#[test]
fn what_may_scan_a_text_at_each_place_of_it_is_charged_before() {
    let text = "x".repeat(60_000);
    for pattern in [r"(?=.*\d)(?=.*[A-Z]).{8,}", "(?=[^z]*z)x", "(?>x*)z", "(x{1,1000}){1,30}z"] {
        let regex = Regex::new(pattern, Flags::default()).unwrap();
        assert!(!fits(QUICK, || regex.is_match(&text)), "{pattern}");
        assert!(!fits(QUICK, || regex.matches(&text)), "{pattern}");
    }
}

#[test]
fn the_end_of_a_text_is_looked_for_in_long_ones_too() {
    let text = "x".repeat(60_000);
    for pattern in ["^x+$", "^x*$"] {
        let regex = Regex::new(pattern, Flags::default()).unwrap();
        assert!(fits(UNITS, || regex.is_match(&text).map(|found| assert!(found))), "{pattern}");
    }
    // Here the text is scanned at each place of it, without going back.
    let regex = Regex::new("^(?:(?=x*)x)*$", Flags::default()).unwrap();
    assert!(!fits(UNITS, || regex.is_match(&text)));
}

#[test]
fn many_groups_cost_more_where_they_are_told() {
    let text = "a".repeat(20_000);
    let regex = |group: &str| Regex::new(&format!("(?:{})*b", group.repeat(500)), Flags::default()).unwrap();
    let (plain, grouped) = (regex("a?"), regex("(a?)"));
    for regex in [&plain, &grouped] {
        assert!(fits(UNITS, || regex.is_match(&text[..500])));
        assert!(fits(UNITS, || regex.matches(&text[..500])));
    }
    assert!(!fits(UNITS, || grouped.matches(&text)));
    assert!(fits(UNITS, || plain.matches(&text[..2_000])));
}

#[test]
fn a_pattern_has_a_greatest_length() {
    let longest = "a".repeat(32 * 1024);
    assert!(Regex::new(&longest, Flags::default()).is_ok());
    let error = Regex::new(&(longest + "a"), Flags::default()).unwrap_err();
    assert_eq!(error, Error::TooLong { length: 32 * 1024 + 1 });
    assert!(error.to_string().contains("longer than the 32768"), "{error}");
}
