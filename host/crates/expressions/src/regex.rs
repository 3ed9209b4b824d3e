//! Regular expressions in Python's dialect, on `fancy-regex`.
//!
//! The two dialects agree on most patterns; the rest is rewritten first. Look-around
//! and back-references make an expression backtrack, so each search has a limit on that.

mod dialect;

use fancy_regex::RegexBuilder;

/// How many times one search may go back before it is given up.
const BACKTRACK_LIMIT: usize = 1_000_000;

/// Why a regular expression could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is none.
    #[error("`{pattern}` is not a regular expression: {reason}; correct it, or escape it with \\")]
    Invalid {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The search took too long.
    #[error("`{pattern}` was given up after {BACKTRACK_LIMIT} steps back; avoid nested repetition")]
    GivenUp {
        /// The expression.
        pattern: String,
    },
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
    pattern: String,
}

/// One match: where it is, and the text of its groups (an unmatched one is empty, as in Python).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The bytes that matched.
    pub range: std::ops::Range<usize>,
    /// Groups from the first on, without the whole match.
    pub groups: Vec<String>,
}

/// The bytes of a match and of its groups.
pub type Spans = Vec<Option<std::ops::Range<usize>>>;

impl Regex {
    /// Reads `pattern`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no expression in Python's dialect.
    pub fn new(pattern: &str, flags: Flags) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Invalid { pattern: pattern.to_owned(), reason };
        let mut translated = dialect::translate(pattern).map_err(invalid)?;
        if flags.at_start {
            // The newline ends a comment of a verbose expression, where it has no meaning itself.
            let end = if translated.is_verbose { "\n" } else { "" };
            translated.text = format!(r"\A(?:{}{end})", translated.text);
        }
        let compiled = RegexBuilder::new(&translated.text)
            .case_insensitive(flags.ignore_case)
            .dot_matches_new_line(flags.dot_all)
            .backtrack_limit(BACKTRACK_LIMIT)
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self { compiled, pattern: pattern.to_owned() })
    }

    /// Whether it matches somewhere in `text`.
    ///
    /// # Errors
    /// [`Error::GivenUp`] at the limit.
    pub fn is_match(&self, text: &str) -> Result<bool, Error> {
        self.compiled.is_match(text).map_err(|error| self.given_up(&error))
    }

    /// Every match in `text`, from left to right.
    ///
    /// # Errors
    /// [`Error::GivenUp`] at the limit.
    pub fn matches(&self, text: &str) -> Result<Vec<Match>, Error> {
        let mut matches = Vec::new();
        for captures in self.compiled.captures_iter(text) {
            let captures = captures.map_err(|error| self.given_up(&error))?;
            let Some(whole) = captures.get(0) else { continue };
            let groups = captures.iter().skip(1);
            let groups =
                groups.map(|group| group.map_or_else(String::new, |group| group.as_str().to_owned()));
            matches.push(Match { range: whole.start()..whole.end(), groups: groups.collect() });
        }
        Ok(matches)
    }

    /// Where matches in `text` and their groups are, from left to right, each found when it is asked for. The
    /// first of each is the whole match; a group that took no part is nowhere. [`Error::GivenUp`] may be among
    /// them.
    pub fn spans<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Result<Spans, Error>> + 'a {
        self.compiled.captures_iter(text).map(|captures| {
            let captures = captures.map_err(|error| self.given_up(&error))?;
            Ok(captures.iter().map(|group| group.map(|group| group.range())).collect())
        })
    }

    /// The number of the group called `name`.
    pub fn group_number(&self, name: &str) -> Option<usize> {
        self.compiled.capture_names().position(|known| known == Some(name))
    }

    /// The names of groups by their numbers; the whole match is the first and has none.
    pub fn group_names(&self) -> Vec<Option<&str>> {
        self.compiled.capture_names().collect()
    }

    fn given_up(&self, _error: &fancy_regex::Error) -> Error {
        Error::GivenUp { pattern: self.pattern.clone() }
    }
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
