//! The pairs of a mapping: duplicate keys, and keys merged by `<<`.

use std::collections::{BTreeMap, BTreeSet};

use super::Keys;
use crate::error::{Error, quoted};
use crate::node::{Entry, Node};
use crate::place::Mark;

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    /// Its text in the mapping.
    pub(super) text: String,
    pub(super) start: Mark,
    /// Whether it is `<<`, whose value has further entries for the mapping.
    pub(super) is_merge: bool,
}

/// The pairs of a mapping while it is being parsed.
#[derive(Debug)]
pub(super) struct Pairs {
    keys: Keys,
    own: Vec<Entry>,
    /// The index of each key, since a mapping may have millions of them.
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

    /// Adds a pair. Where duplicates are allowed, the last one counts.
    pub(super) fn insert(&mut self, key: Key, node: Node) -> Result<(), Error> {
        if let Some(place) = self.places.get(&key.text) {
            if self.keys == Keys::Strict {
                let message = format!("the key {} is written twice; keep one of them", quoted(&key.text));
                return Err(Error::meaning(key.start, message));
            }
            // As in a dictionary of Python: the key keeps its first place and takes its last value.
            if let Some(known) = self.own.get_mut(*place) {
                known.node = node;
            }
            return Ok(());
        }
        self.places.insert(key.text.clone(), self.own.len());
        self.own.push(Entry { key: key.text, position: key.start.into(), node });
        Ok(())
    }

    /// Merges `<<: *other` or `<<: [*one, *two]`, in which the first takes precedence. Of several `<<` the last counts.
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

    /// The merged entries, with the mapping's own in the place of those with the same key, and its other entries after
    /// them.
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
