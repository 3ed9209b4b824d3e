//! What a host has, by the kind of thing: what requests are about.

use std::collections::BTreeMap;

use crate::random::Random;

/// How many of a kind are remembered: the newest.
const MOST: usize = 64;

/// Names and ids by resource: `executions`, `rules`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(BTreeMap<String, Vec<String>>);

impl Known {
    /// Remembers these instead of what was known of `resource`.
    pub(crate) fn put(&mut self, resource: &str, mut names: Vec<String>) {
        names.truncate(MOST);
        self.0.insert(resource.to_owned(), names);
    }

    /// One of what is known of `resource`.
    pub(crate) fn pick(&self, resource: &str, random: &mut Random) -> Option<String> {
        random.pick(self.0.get(resource)?).cloned()
    }
}
