//! The keys of a mapping: what becomes of one that is written twice, and of what `<<` merges.

use std::collections::{BTreeMap, BTreeSet};

use super::Keys;
use crate::error::{Error, quoted};
use crate::node::{Entry, Node};
use crate::place::Mark;

/// A key as it was written.
#[derive(Debug)]
pub(super) struct Key {
    /// What the mapping has it as.
    pub(super) text: String,
    pub(super) start: Mark,
    /// Whether it is `<<`, and names what else belongs to the mapping.
    pub(super) is_merge: bool,
}

/// The pairs of a mapping as they come.
#[derive(Debug)]
pub(super) struct Pairs {
    keys: Keys,
    own: Vec<Entry>,
    /// Where each key stands among them: a mapping may have millions.
    places: BTreeMap<String, usize>,
    merged: Vec<Entry>,
    merged_places: BTreeMap<String, usize>,
}

impl Pairs {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            own: Vec::new(),
            places: BTreeMap::new(),
            merged: Vec::new(),
            merged_places: BTreeMap::new(),
        }
    }

    /// Adds a pair; of two with the same key the last one counts, where that is allowed.
    pub(super) fn insert(&mut self, key: Key, node: Node) -> Result<(), Error> {
        if let Some(place) = self.places.get(&key.text) {
            if self.keys == Keys::Strict {
                let message = format!("the key {} is written twice; keep one of them", quoted(&key.text));
                return Err(Error::meaning(key.start, message));
            }
            if let Some(known) = self.own.get_mut(*place) {
                known.node = node;
            }
            return Ok(());
        }
        self.places.insert(key.text.clone(), self.own.len());
        self.own.push(Entry { key: key.text, position: key.start.into(), node });
        Ok(())
    }

    /// `<<: *other` or `<<: [*one, *two]`, the first of which counts most; of several `<<` it is the last.
    pub(super) fn merge(&mut self, sources: &[Node]) {
        let mut seen = BTreeSet::new();
        for entry in sources.iter().filter_map(Node::entries).flatten() {
            if !seen.insert(entry.key.as_str()) {
                continue;
            }
            let known = self.merged_places.get(&entry.key).and_then(|place| self.merged.get_mut(*place));
            if let Some(known) = known {
                *known = entry.clone();
            } else {
                self.merged_places.insert(entry.key.clone(), self.merged.len());
                self.merged.push(entry.clone());
            }
        }
    }

    /// What was merged, with a mapping's own entries in place of those of the same key, and the others behind them.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        let Self { own, mut merged, merged_places, .. } = self;
        if merged.is_empty() {
            return own;
        }
        for entry in own {
            match merged_places.get(&entry.key).and_then(|place| merged.get_mut(*place)) {
                Some(known) => *known = entry,
                None => merged.push(entry),
            }
        }
        merged
    }
}
