//! The rules that look at a field of the payload or below it: a tree in the shape of payloads.
//!
//! The tree and a payload are walked together, along the smaller of the two at each level. So fields that only rules
//! or only the event have cost nothing. Rules that a missing value may match, such as those with `nexists`, are found
//! by the names that lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::Bucket;
use super::interest::Interest;
use super::value_index::ValueIndex;
use crate::compiled::CompiledRule;

/// The rules that look at a field or below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    here: ValueIndex,
    below: BTreeMap<String, Self>,
    /// The fields below that have rules which a missing value may match.
    on_absence: BTreeSet<String>,
}

impl Field {
    pub(super) fn insert(&mut self, path: &[String], interest: Interest, rule: &Arc<CompiledRule>) {
        let Some((name, rest)) = path.split_first() else { return self.here.insert(interest, rule) };
        let below = self.below.entry(name.clone()).or_default();
        below.insert(rest, interest, rule);
        if below.needs_absence() {
            self.on_absence.insert(name.clone());
        }
    }

    pub(super) fn remove(&mut self, path: &[String], interest: Interest, rule: &CompiledRule) {
        let Some((name, rest)) = path.split_first() else { return self.here.remove(interest, rule) };
        let Some(below) = self.below.get_mut(name) else { return };
        below.remove(rest, interest, rule);
        if !below.needs_absence() {
            self.on_absence.remove(name);
        }
        if below.here.is_empty() && below.below.is_empty() {
            self.below.remove(name);
        }
    }

    /// Whether a missing value here may match a rule.
    fn needs_absence(&self) -> bool {
        self.here.needs_absence() || !self.on_absence.is_empty()
    }

    /// Adds the rules that `value`, or its absence, may match.
    pub(super) fn follow(&self, value: Option<&Value>, to: &mut Bucket) {
        self.here.follow(value, to);
        match value.and_then(Value::as_object) {
            Some(fields) if fields.len() < self.below.len() => {
                for (name, value) in fields {
                    if let Some(below) = self.below.get(name) {
                        below.follow(Some(value), to);
                    }
                }
                self.follow_missing(|name| !fields.contains_key(name), to);
            }
            Some(fields) => self.below.iter().for_each(|(name, below)| below.follow(fields.get(name), to)),
            None => self.follow_missing(|_| true, to),
        }
    }

    fn follow_missing(&self, is_missing: impl Fn(&str) -> bool, to: &mut Bucket) {
        for name in self.on_absence.iter().filter(|name| is_missing(name.as_str())) {
            if let Some(below) = self.below.get(name) {
                below.follow(None, to);
            }
        }
    }
}
