//! Regular expressions in Python's dialect, on `fancy-regex`.
//!
//! The two dialects agree on most patterns; the rest is rewritten first. Look-around
//! and back-references make an expression backtrack, so each search has a limit on that.

mod dialect;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use fancy_regex::RegexBuilder;
use petrel_model::quoted::{quoted, told};

use crate::work::{self, Limit};

/// How many times one search may go back before it is given up. A search is tried with the least first, so that it
/// is charged with about what it takes.
const BACKTRACKS: [usize; 3] = [2_000, 50_000, 1_000_000];

/// How many units of work going back once is.
const BACKTRACK: u64 = 30;

/// How many units of work a byte of the text is, where there is no going back.
const BYTE: u64 = 10;

/// How many units of work a byte of the text is for each byte of it, where going back may scan what is left of it at each
/// place: measured with look-ahead over texts of 5 to 60 KB.
const SCAN: u64 = 5;

/// Above so many repetitions in repetitions a byte costs in proportion: the automaton is as large.
const FREE_REPEATS: u64 = 200;

/// How many units of work making an expression ready is, for a byte of it.
const COMPILING: u64 = 2_000;

/// How many bytes an expression may take that was made ready.
const SIZE: usize = 4 * 1024 * 1024;

/// Why a regular expression could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is none.
    #[error(
        "`{}` is not a regular expression: {}; correct it, or escape it with \\",
        quoted(.pattern),
        told(.reason)
    )]
    Invalid {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The search took too long.
    #[error("`{}` was given up after {} steps back; avoid nested repetition", quoted(.pattern), BACKTRACKS[2])]
    GivenUp {
        /// The expression.
        pattern: String,
    },
    /// All that the evaluation does took too long.
    #[error("{0}")]
    TooMuch(#[from] Limit),
}

/// How an expression is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flags {
    /// Letters match in either case.
    pub ignore_case: bool,
    /// A dot matches a newline too.
    pub dot_all: bool,
    /// Only a match at the very start counts.
    pub at_start: bool,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Regex {
    compiled: fancy_regex::Regex,
    /// The same with more steps back allowed, made when one is needed.
    patient: Arc<[OnceLock<Option<fancy_regex::Regex>>; 2]>,
    pattern: String,
    translated: String,
    flags: Flags,
    /// Whether it can go back.
    backtracks: bool,
    /// How many units of work a byte of the text is.
    byte: u64,
    /// Whether one match can be decided far behind its end, so that many matches go through the text many times.
    looks_ahead: bool,
}

/// One match: where it is, and the text of its groups (an unmatched one is empty, as in Python).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The bytes that matched.
    pub range: Range<usize>,
    /// Groups from the first on, without the whole match.
    pub groups: Vec<String>,
}

/// The bytes of a match and of its groups.
pub type Spans = Vec<Option<Range<usize>>>;

impl Regex {
    /// Reads `pattern`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no expression in Python's dialect.
    pub fn new(pattern: &str, flags: Flags) -> Result<Self, Error> {
        work::charge((pattern.len() as u64).saturating_mul(BYTE))?;
        let invalid = |reason: String| Error::Invalid { pattern: pattern.to_owned(), reason };
        let mut translated = dialect::translate(pattern).map_err(invalid)?;
        if flags.at_start {
            // The newline ends a comment of a verbose expression, where it has no meaning itself.
            let end = if translated.is_verbose { "\n" } else { "" };
            translated.text = format!(r"\A(?:{}{end})", translated.text);
        }
        let repeats = translated.text.matches('{').count() as u64;
        work::charge((translated.text.len() as u64 + 50 * repeats).saturating_mul(COMPILING))?;
        let [least, ..] = BACKTRACKS;
        let compiled = build(&translated.text, flags, least).map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            compiled,
            patient: Arc::default(),
            pattern: pattern.to_owned(),
            backtracks: backtracks(&translated.text),
            byte: BYTE.saturating_mul((repetitions(&translated.text) / FREE_REPEATS).max(1)),
            looks_ahead: looks_ahead(&translated.text),
            translated: translated.text,
            flags,
        })
    }

    /// Whether it matches somewhere in `text`.
    ///
    /// # Errors
    /// [`Error::GivenUp`] at the limit.
    pub fn is_match(&self, text: &str) -> Result<bool, Error> {
        self.search(text.len(), |regex| regex.is_match(text))
    }

    /// Searches with ever more steps back, through so many bytes.
    fn search<T>(
        &self,
        bytes: usize,
        search: impl Fn(&fancy_regex::Regex) -> fancy_regex::Result<T>,
    ) -> Result<T, Error> {
        let bytes = bytes as u64;
        work::charge(bytes.saturating_mul(self.byte))?;
        if !self.backtracks {
            return search(&self.compiled).map_err(|_error| self.given_up());
        }
        // Nothing ends a search from outside, so it is charged with the most that it may take.
        work::charge(bytes.saturating_mul(bytes).saturating_mul(SCAN))?;
        for (attempt, limit) in BACKTRACKS.into_iter().enumerate() {
            work::charge(limit as u64 * BACKTRACK)?;
            let regex = match attempt.checked_sub(1).and_then(|number| self.patient.get(number)) {
                None => Some(&self.compiled),
                Some(patient) => {
                    patient.get_or_init(|| build(&self.translated, self.flags, limit).ok()).as_ref()
                }
            };
            if let Some(Ok(found)) = regex.map(&search) {
                return Ok(found);
            }
        }
        Err(self.given_up())
    }

    /// Every match in `text`, from left to right.
    ///
    /// # Errors
    /// [`Error::GivenUp`] at the limit.
    pub fn matches(&self, text: &str) -> Result<Vec<Match>, Error> {
        let mut matches = Vec::new();
        for spans in self.spans(text) {
            let spans = spans?;
            let Some(range) = spans.first().cloned().flatten() else { continue };
            let group = |range: &Option<Range<usize>>| {
                let text = range.clone().and_then(|range| text.get(range)).unwrap_or_default();
                work::make(text.len() + work::PLACE)?;
                Ok(text.to_owned())
            };
            let groups = spans.iter().skip(1).map(group).collect::<Result<_, Limit>>()?;
            matches.push(Match { range, groups });
        }
        Ok(matches)
    }

    /// Where matches in `text` and their groups are, from left to right, each found when it is asked for. The
    /// first of each is the whole match; a group that took no part is nowhere. [`Error::GivenUp`] may be among
    /// them, as the last.
    pub fn spans<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Result<Spans, Error>> + 'a {
        let (mut from, mut last_end, mut is_over) = (0, None, false);
        std::iter::from_fn(move || {
            while !is_over {
                let found = self.next(text, from);
                let Ok(Some(spans)) = &found else {
                    is_over = true;
                    return found.transpose();
                };
                let range = spans.first().cloned().flatten()?;
                let is_empty = range.is_empty();
                from = if is_empty { after(text, range.end) } else { range.end };
                is_over = from > text.len();
                // Directly behind a match nothing is no match.
                if !(is_empty && last_end == Some(range.end)) {
                    last_end = Some(range.end);
                    return found.transpose();
                }
            }
            None
        })
    }

    /// The first match that begins at `from` or later.
    fn next(&self, text: &str, from: usize) -> Result<Option<Spans>, Error> {
        /// The work of telling one match, beside going through the text.
        const FOUND: u64 = 300;
        let left = text.len().saturating_sub(from);
        let found = self
            .search(if self.looks_ahead { left } else { 0 }, |regex| regex.captures_from_pos(text, from))?;
        let spans: Option<Spans> =
            found.map(|found| found.iter().map(|group| group.map(|group| group.range())).collect());
        let end = spans.as_ref().and_then(|spans| spans.first().cloned().flatten());
        let gone_through = end.map_or(left, |range| range.end.saturating_sub(from));
        work::charge(FOUND + (gone_through as u64).saturating_mul(BYTE))?;
        work::make(spans.as_ref().map_or(0, |spans| spans.len() * size_of::<Option<Range<usize>>>()))?;
        Ok(spans)
    }

    /// The number of the group called `name`.
    pub fn group_number(&self, name: &str) -> Option<usize> {
        self.compiled.capture_names().position(|known| known == Some(name))
    }

    /// The names of groups by their numbers; the whole match is the first and has none.
    pub fn group_names(&self) -> Vec<Option<&str>> {
        self.compiled.capture_names().collect()
    }

    fn given_up(&self) -> Error {
        Error::GivenUp { pattern: self.pattern.clone() }
    }
}

fn build(text: &str, flags: Flags, backtracks: usize) -> fancy_regex::Result<fancy_regex::Regex> {
    RegexBuilder::new(text)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(flags.dot_all)
        .backtrack_limit(backtracks)
        .delegate_size_limit(SIZE)
        .build()
}

/// The place of the character behind the one at `place`.
fn after(text: &str, place: usize) -> usize {
    place + text.get(place..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// Whether an expression holds what needs going back: look-around, references, atomic groups, conditions.
fn backtracks(text: &str) -> bool {
    let is_reference = |(place, _): (usize, &str)| {
        text.as_bytes().get(place + 1).is_some_and(|byte| b"123456789kKG".contains(byte))
    };
    ["(?=", "(?!", "(?<", "(?>", "(?P=", "(?(", "++", "*+", "?+", "}+"].iter().any(|mark| text.contains(mark))
        || text.match_indices('\\').any(is_reference)
}

/// How often something may be repeated that is repeated itself: the product of all counts.
fn repetitions(text: &str) -> u64 {
    let counts = text.split('{').skip(1).filter_map(|rest| {
        let (count, _) = rest.split_once('}')?;
        let most = count.rsplit(',').find(|number| !number.is_empty())?;
        most.trim().parse::<u64>().ok()
    });
    counts.fold(1, |product, count| product.saturating_mul(count.max(1)))
}

/// Whether an expression has both repetition without end and a choice.
fn looks_ahead(text: &str) -> bool {
    let repeats = text.contains(['*', '+']) || text.contains(",}");
    repeats && ["|", ")?", ")*", "){", "??", "*?", "+?"].iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> Option<bool> {
        Regex::new(pattern, Flags::default()).ok().map(|regex| regex.is_match(text).unwrap())
    }

    #[test]
    fn python_dialect() {
        for (pattern, text, expected) in [
            ("a$", "a\n", Some(true)),
            ("a$", "a\n\n", Some(false)),
            (r"a\Z", "a\n", Some(false)),
            ("(?m)^b", "a\nb", Some(true)),
            (r"(a)\1", "aa", Some(true)),
            ("(?P<x>a)(?P=x)", "aa", Some(true)),
            ("foo(?=bar)", "foobar", Some(true)),
            ("a(?#note)bc", "abc", Some(true)),
            ("(?x) a b # note", "ab", Some(true)),
            ("[[]", "[", Some(true)),
            ("[]a]", "]", Some(true)),
            ("[a&&b]", "&", Some(true)),
            ("{a}", "{a}", Some(true)),
            ("a{,2}$", "aa", Some(true)),
            (r"\u2603", "☃", Some(true)),
            (r"\/\-\<", "/-<", Some(true)),
            (r"\d\w\s", "١é\u{a0}", Some(true)),
            ("(", "", None),
            ("[z-a]", "", None),
            ("*a", "", None),
            ("a{2,1}", "", None),
            (r"\h", "", None),
            (r"\Qa", "", None),
            ("a**", "", None),
            ("[a", "", None),
            ("a\\", "", None),
            ("(?i:A)b", "ab", Some(true)),
            ("(?<=a)b", "ab", Some(true)),
            ("(a)?(?(1)b|c)", "ab", Some(true)),
            ("(?>a)b", "ab", Some(true)),
            ("(?a)a", "a", Some(true)),
            // What only the library knows; an expression that calls itself takes all memory.
            ("b(?P>0)", "bbb", None),
            ("b(?aP>0)", "bbb", None),
            ("b(?R)", "", None),
            ("(a)(?1)", "", None),
            ("(?&x)", "", None),
            ("(?<x>a)", "", None),
            ("(?|a|b)", "", None),
            ("(?~a)", "", None),
            ("(?", "", None),
            ("(*FAIL)", "", None),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern}");
        }
    }

    #[test]
    fn runaway_expressions_are_given_up() {
        let pattern = r"^(?:(x+)\1?)+$";
        let regex = Regex::new(pattern, Flags::default()).unwrap();
        let text = "x".repeat(5000) + "y";
        assert_eq!(regex.is_match(&text), Err(Error::GivenUp { pattern: pattern.into() }));
    }

    #[test]
    fn what_may_scan_a_text_at_each_place_of_it_is_charged_before() {
        use crate::work::{Allowance, Evaluation, within};
        let text = "x".repeat(60_000);
        for pattern in [r"(?=.*\d)(?=.*[A-Z]).{8,}", "(?=[^z]*z)x", "(?>x*)z", "(x{1,1000}){1,30}z"] {
            let regex = Regex::new(pattern, Flags::default()).unwrap();
            let ran = within(&Allowance { units: 4_000_000, is_roomy: false, interrupt: None }, || {
                let _evaluation = Evaluation::begin();
                regex.is_match(&text)
            });
            assert!(ran.limit.is_some() && matches!(ran.value, Err(Error::TooMuch(_))), "{pattern}");
        }
        for (pattern, count) in [("a{3}", 3), ("(a{2,5}){7}", 35), ("a{2,}", 2), ("a", 1), ("{x}", 1)] {
            assert_eq!(repetitions(pattern), count, "{pattern}");
        }
    }

    #[test]
    fn at_start_and_verbose_go_together() {
        let regex = Regex::new("(?x) b # note", Flags { at_start: true, ..Flags::default() }).unwrap();
        assert_eq!((regex.is_match("b"), regex.is_match("ab")), (Ok(true), Ok(false)));
    }
}
