//! Regular expressions as values. The dialect is [`petrel_python::regex`].

use petrel_python::regex::{Flags, Regex};

use super::error::Error;
use super::limits::Run;

/// A compiled expression and what it was made from.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    source: String,
}

/// One match: where it is in characters, and its groups.
#[derive(Debug)]
pub(super) struct Found {
    /// Bytes.
    pub(super) range: std::ops::Range<usize>,
    /// Bytes, of those that took part. The first is the whole match.
    pub(super) groups: Vec<Option<std::ops::Range<usize>>>,
}

impl Pattern {
    /// Reads `source`; `flags` are letters of Python's inline flags.
    pub(super) fn new(source: &str, flags: &str) -> Result<Self, Error> {
        let ignore_case = flags.contains('i');
        let dot_all = flags.contains('s');
        let text = if flags.contains('m') { format!("(?m){source}") } else { source.to_owned() };
        let regex =
            Regex::new(&text, Flags { ignore_case, dot_all, at_start: false }).map_err(Error::from)?;
        Ok(Self { regex, source: format!("{flags}/{source}") })
    }

    /// What tells it from others.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn regex(&self) -> &Regex {
        &self.regex
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool, Error> {
        self.regex.is_match(text).map_err(Error::from)
    }

    /// Matches in `text` from left to right, at most `limit` of them.
    pub(super) fn find(&self, run: &Run<'_>, text: &str, limit: usize) -> Result<Vec<Found>, Error> {
        let mut matches = Vec::new();
        for groups in self.regex.spans(text).take(limit) {
            let groups = groups?;
            run.step()?;
            run.allocate(size_of::<Found>() + groups.len() * size_of::<Option<std::ops::Range<usize>>>())?;
            if let Some(range) = groups.first().cloned().flatten() {
                matches.push(Found { range, groups });
            }
        }
        Ok(matches)
    }
}
