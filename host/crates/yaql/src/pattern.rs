//! Regular expressions as values. The dialect is [`petrel_python::regex`].

use petrel_python::regex::{Flags, Regex};

use super::error::Error;
use super::limits::Run;

/// A compiled pattern with its source.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    source: String,
}

/// A match.
#[derive(Debug)]
pub(super) struct PatternMatch {
    /// The range of the match in bytes.
    pub(super) range: std::ops::Range<usize>,
    /// The ranges of the groups in bytes, `None` for a group that took no part. The first is the whole match.
    pub(super) groups: Vec<Option<std::ops::Range<usize>>>,
}

impl Pattern {
    /// Compiles `source`; `flags` are letters of Python's inline flags.
    pub(super) fn new(source: &str, flags: &str) -> Result<Self, Error> {
        let ignore_case = flags.contains('i');
        let dot_all = flags.contains('s');
        // The dialect has no flag for this outside of a pattern.
        let text = if flags.contains('m') { format!("(?m){source}") } else { source.to_owned() };
        let regex =
            Regex::new(&text, Flags { ignore_case, dot_all, at_start: false }).map_err(Error::from)?;
        // Patterns with different flags are not equal.
        Ok(Self { regex, source: format!("{flags}/{source}") })
    }

    /// The source, which identifies the pattern.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn regex(&self) -> &Regex {
        &self.regex
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool, Error> {
        self.regex.is_match(text).map_err(Error::from)
    }

    /// The first `limit` matches in `text`, from left to right.
    pub(super) fn find(&self, run: &Run<'_>, text: &str, limit: usize) -> Result<Vec<PatternMatch>, Error> {
        let mut matches = Vec::new();
        for groups in self.regex.spans(text).take(limit) {
            let groups = groups?;
            run.step()?;
            run.allocate(
                size_of::<PatternMatch>() + groups.len() * size_of::<Option<std::ops::Range<usize>>>(),
            )?;
            if let Some(range) = groups.first().cloned().flatten() {
                matches.push(PatternMatch { range, groups });
            }
        }
        Ok(matches)
    }
}
