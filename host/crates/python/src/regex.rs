//! Regular expressions in Python's dialect, on top of `fancy-regex`.
//!
//! The two dialects agree on most patterns, and the rest is rewritten first. Look-around and back-references make a
//! search backtrack, which is limited for each search. A search cannot be ended from outside, so it is charged in
//! advance by the length of the text times the size of the automaton ([`Price`]).

mod dialect;
mod price;
mod states;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use fancy_regex::RegexBuilder;
use petrel_model::quoted::{quoted, told};

use crate::work::{self, Limit};
pub use price::Price;
use price::{BACKTRACK, BACKTRACKS, BYTE};
use states::states;

/// The units of work of compiling one byte of a pattern.
const COMPILING: u64 = 2_000;

/// The bytes of memory that a compiled pattern may take.
const SIZE: usize = 4 * 1024 * 1024;

/// The number of states that fit into [`SIZE`]. Compiling ten of them is about as much work as a byte.
const STATES: u64 = 100_000;

/// The greatest length of a pattern in bytes, also of one by the author of a rule.
const LENGTH: usize = 32 * 1024;

/// The reason why a regular expression could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The pattern is not valid.
    #[error(
        "`{}` is not a regular expression: {}; correct it, or escape it with \\",
        quoted(.pattern),
        told(.reason)
    )]
    Invalid {
        /// The pattern.
        pattern: String,
        /// The reason.
        reason: String,
    },
    /// The pattern is longer than [`LENGTH`].
    #[error(
        "a regular expression of {length} bytes is longer than the {LENGTH} that one may have; shorten it, or use `in`"
    )]
    TooLong {
        /// The length in bytes.
        length: usize,
    },
    /// The search backtracked too often.
    #[error("`{}` was given up after {} steps back; avoid nested repetition", quoted(.pattern), BACKTRACKS[2])]
    GivenUp {
        /// The pattern.
        pattern: String,
    },
    /// The evaluation exceeded a limit.
    #[error("{0}")]
    TooMuch(#[from] Limit),
}

/// The way in which a pattern is matched.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flags {
    /// Letters match in either case.
    pub ignore_case: bool,
    /// A dot matches a newline as well.
    pub dot_all: bool,
    /// Only a match at the very start of the text counts.
    pub at_start: bool,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Regex {
    compiled: fancy_regex::Regex,
    /// The pattern with higher limits on backtracking, compiled when a search needs them.
    patient: Arc<[OnceLock<Option<fancy_regex::Regex>>; 2]>,
    pattern: String,
    translated: String,
    flags: Flags,
    /// The cost of a search.
    price: Price,
    /// Whether a match may be decided far behind its end, so that finding many matches walks through the text many
    /// times.
    looks_ahead: bool,
}

/// A match: its place and the text of its groups. A group that took no part is empty, as in Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The range of the match in bytes.
    pub range: Range<usize>,
    /// The groups from the first on, without the whole match.
    pub groups: Vec<String>,
}

/// The ranges of a match and of its groups, in bytes.
pub type Spans = Vec<Option<Range<usize>>>;

impl Regex {
    /// Compiles `pattern`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a pattern that is not valid in Python, [`Error::TooLong`] for one above 32 KiB.
    pub fn new(pattern: &str, flags: Flags) -> Result<Self, Error> {
        if pattern.len() > LENGTH {
            return Err(Error::TooLong { length: pattern.len() });
        }
        work::charge((pattern.len() as u64).saturating_mul(BYTE))?;
        let invalid = |reason: String| Error::Invalid { pattern: pattern.to_owned(), reason };
        let mut translated = dialect::translate(pattern).map_err(invalid)?;
        if flags.at_start {
            // In a verbose pattern the newline ends a trailing comment, and means nothing by itself.
            let end = if translated.is_verbose { "\n" } else { "" };
            translated.text = format!(r"\A(?:{}{end})", translated.text);
        }
        // A repetition may multiply its group while it is compiled, so its mark counts for 50 bytes.
        let repeats = translated.text.matches('{').count() as u64;
        let states = states(&translated.text);
        let size = translated.text.len() as u64 + 50 * repeats + states.min(STATES) / 10;
        work::charge(size.saturating_mul(COMPILING))?;
        let [least, ..] = BACKTRACKS;
        let compiled = build(&translated.text, flags, least).map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            compiled,
            patient: Arc::default(),
            pattern: pattern.to_owned(),
            price: Price::of(&translated.text),
            looks_ahead: looks_ahead(&translated.text),
            translated: translated.text,
            flags,
        })
    }

    /// Whether the pattern matches anywhere in `text`.
    ///
    /// # Errors
    /// [`Error::GivenUp`] at the limit on backtracking.
    pub fn is_match(&self, text: &str) -> Result<bool, Error> {
        let most = |limit| self.price.within(text.len(), limit);
        self.search(|limit| work::charge(most(limit)), |regex| regex.is_match(text)).map(|(found, _)| found)
    }

    /// Searches with growing limits on backtracking, each charged in advance. Returns the result and the limit that
    /// sufficed.
    fn search<T>(
        &self,
        pay: impl Fn(usize) -> Result<(), Limit>,
        search: impl Fn(&fancy_regex::Regex) -> fancy_regex::Result<T>,
    ) -> Result<(T, usize), Error> {
        if !self.price.backtracks() {
            // Without backtracking the automaton finds or excludes a match in one pass, and no limit can be hit.
            pay(0)?;
            return search(&self.compiled).map(|found| (found, 0)).map_err(|_error| self.given_up());
        }
        for (attempt, limit) in BACKTRACKS.into_iter().enumerate() {
            pay(limit)?;
            work::charge(limit as u64 * BACKTRACK)?;
            // The patterns with higher limits are compiled only when a search needs one, which few ever do.
            let regex = match attempt.checked_sub(1).and_then(|number| self.patient.get(number)) {
                None => Some(&self.compiled),
                Some(patient) => {
                    patient.get_or_init(|| build(&self.translated, self.flags, limit).ok()).as_ref()
                }
            };
            if let Some(Ok(found)) = regex.map(&search) {
                return Ok((found, limit));
            }
        }
        Err(self.given_up())
    }

    /// Every match in `text`, from left to right.
    ///
    /// # Errors
    /// [`Error::GivenUp`] at the limit on backtracking.
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

    /// The ranges of matches in `text` and of their groups, from left to right, each searched for when it is asked
    /// for. The first range of each is the whole match; a group that took no part has none. [`Error::GivenUp`] may
    /// come as the last item.
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
                // An empty match must not be found again at the same place.
                from = if is_empty { after(text, range.end) } else { range.end };
                is_over = from > text.len();
                // An empty match directly behind another match does not count, as in Python.
                if !(is_empty && last_end == Some(range.end)) {
                    last_end = Some(range.end);
                    return found.transpose();
                }
            }
            None
        })
    }

    /// The first match at `from` or later.
    fn next(&self, text: &str, from: usize) -> Result<Option<Spans>, Error> {
        /// The work of reporting a match, besides walking through the text.
        const FOUND: u64 = 300;
        let left = text.len().saturating_sub(from);
        let most = |limit| self.telling(left, limit);
        // A search that ends at its first match is charged only for the text that it has walked through.
        let pay =
            |limit| if self.looks_ahead { work::charge(most(limit)) } else { work::afford(most(limit)) };
        let (found, limit) = self.search(pay, |regex| regex.captures_from_pos(text, from))?;
        let spans: Option<Spans> =
            found.map(|found| found.iter().map(|group| group.map(|group| group.range())).collect());
        let end = spans.as_ref().and_then(|spans| spans.first().cloned().flatten());
        let gone_through = end.map_or(left, |range| range.end.saturating_sub(from));
        // With look-ahead the whole rest was charged in advance; otherwise only the part up to the end of the match
        // is.
        let through = if self.looks_ahead { 0 } else { self.telling(gone_through, limit) };
        work::charge(through.saturating_add(FOUND))?;
        work::make(spans.as_ref().map_or(0, |spans| spans.len() * size_of::<Option<Range<usize>>>()))?;
        Ok(spans)
    }

    /// As [`Price::within`], for a search that reports groups: each state of the automaton carries the ranges of all
    /// groups.
    fn telling(&self, bytes: usize, backtracks: usize) -> u64 {
        /// The number of groups that are carried at no cost.
        const FREE_GROUPS: u64 = 16;
        let groups = self.compiled.captures_len() as u64;
        self.price.within(bytes, backtracks).saturating_mul(1 + groups / FREE_GROUPS)
    }

    /// The number of the group with this name.
    pub fn group_number(&self, name: &str) -> Option<usize> {
        self.compiled.capture_names().position(|known| known == Some(name))
    }

    /// The names of groups, by their numbers. The whole match is the first one, and has no name.
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

/// The index behind the character at `place`.
fn after(text: &str, place: usize) -> usize {
    place + text.get(place..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// Whether a pattern has both unbounded repetition and alternatives.
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
    fn at_start_and_verbose_go_together() {
        let regex = Regex::new("(?x) b # note", Flags { at_start: true, ..Flags::default() }).unwrap();
        assert_eq!((regex.is_match("b"), regex.is_match("ab")), (Ok(true), Ok(false)));
    }
}
