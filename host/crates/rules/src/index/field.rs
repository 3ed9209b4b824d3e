//! The rules that look at a field of the payload or at what is below it: a tree with the shape of payloads.
//!
//! It is walked together with a payload, over whichever of the two has less to offer. So fields that only the
//! rules know of, or only the event, cost nothing. Rules that a missing value keeps in play, such as those with
//! `nexists`, are found by the names that lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::Bucket;
use super::crossroads::Crossroads;
use super::interest::Interest;
use crate::compiled::CompiledRule;

/// The rules that look at a field or below it.
#[derive(Debug, Default)]
pub(super) struct Field {
    here: Crossroads,
    below: BTreeMap<String, Self>,
    /// The fields below with rules that a missing value keeps in play.
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

    /// Whether a rule is kept in play when there is no value here.
    fn needs_absence(&self) -> bool {
        self.here.needs_absence() || !self.on_absence.is_empty()
    }

    /// Adds the rules that `value`, if there is one here, keeps in play.
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
