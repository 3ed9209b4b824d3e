//! The rules that look at one field, by the value that they require.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use super::Bucket;
use super::interest::{Interest, Key, Kind, TextTest};
use crate::compiled::CompiledRule;

/// The rules that look at one field.
#[derive(Debug, Clone, Default)]
pub(super) struct ValueIndex {
    exactly: BTreeMap<Key, Bucket>,
    lower: BTreeMap<String, Bucket>,
    prefixes: BTreeMap<String, Bucket>,
    lower_prefixes: BTreeMap<String, Bucket>,
    kinds: BTreeMap<Kind, Bucket>,
}

impl ValueIndex {
    pub(super) fn insert(&mut self, interest: Interest, rule: &Arc<CompiledRule>) {
        let Interest { exactly, text, kinds } = interest;
        for key in exactly {
            self.exactly.entry(key).or_default().push(Arc::clone(rule));
        }
        for kind in kinds {
            self.kinds.entry(kind).or_default().push(Arc::clone(rule));
        }
        if let Some(test) = text {
            let (tests, text) = self.tests(test);
            tests.entry(text).or_default().push(Arc::clone(rule));
        }
    }

    pub(super) fn remove(&mut self, interest: Interest, rule: &CompiledRule) {
        let Interest { exactly, text, kinds } = interest;
        for key in exactly {
            take_out(&mut self.exactly, &key, rule);
        }
        for kind in kinds {
            take_out(&mut self.kinds, &kind, rule);
        }
        if let Some(test) = text {
            let (tests, text) = self.tests(test);
            take_out(tests, &text, rule);
        }
    }

    fn tests(&mut self, test: TextTest) -> (&mut BTreeMap<String, Bucket>, String) {
        match test {
            TextTest::Lower(text) => (&mut self.lower, text),
            TextTest::Prefix(text) => (&mut self.prefixes, text),
            TextTest::LowerPrefix(text) => (&mut self.lower_prefixes, text),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exactly.is_empty()
            && self.kinds.is_empty()
            && self.lower.is_empty()
            && self.prefixes.is_empty()
            && self.lower_prefixes.is_empty()
    }

    /// Whether a missing value may match a rule.
    pub(super) fn needs_absence(&self) -> bool {
        self.kinds.contains_key(&Kind::Null)
    }

    /// Adds the rules that `value` may match.
    pub(super) fn follow(&self, value: Option<&Value>, to: &mut Bucket) {
        let mut add = |bucket: Option<&Bucket>| to.extend(bucket.into_iter().flatten().cloned());
        add(self.kinds.get(&Kind::of(value)));
        let Some(value) = value else { return };
        if !self.exactly.is_empty() {
            add(Key::of(value).and_then(|key| self.exactly.get(&key)));
        }
        let Value::String(text) = value else { return };
        starts_of(&self.prefixes, text, &mut add);
        if self.lower.is_empty() && self.lower_prefixes.is_empty() {
            return;
        }
        // Only here, since few rules ignore case and the text may be long.
        let text = text.to_lowercase();
        add(self.lower.get(&text));
        starts_of(&self.lower_prefixes, &text, &mut add);
    }
}

fn take_out<K: Ord>(from: &mut BTreeMap<K, Bucket>, key: &K, rule: &CompiledRule) {
    let Some(bucket) = from.get_mut(key) else { return };
    bucket.retain(|kept| kept.rule().id != rule.rule().id);
    if bucket.is_empty() {
        from.remove(key);
    }
}

/// Passes the buckets of all keys that are prefixes of `text` to `add`. Each step goes to the greatest key up to
/// `text`, and then on to what both have in common: few steps, however many keys there are.
fn starts_of<'a>(keys: &'a BTreeMap<String, Bucket>, text: &str, add: &mut impl FnMut(Option<&'a Bucket>)) {
    let mut end = Bound::Included(text);
    while let Some((key, bucket)) = keys.range::<str, _>((Bound::Unbounded, end)).next_back() {
        let common = common_start(key, text);
        end = if common.len() == key.len() {
            add(Some(bucket));
            // All further prefixes are shorter than this one.
            Bound::Excluded(common)
        } else {
            Bound::Included(common)
        };
    }
}

/// The longest common prefix of `other` and `text`.
fn common_start<'a>(other: &str, text: &'a str) -> &'a str {
    let same = text.char_indices().zip(other.chars()).take_while(|((_, left), right)| left == right);
    let end = same.last().map_or(0, |((start, char), _)| start + char.len_utf8());
    text.get(..end).unwrap_or_default()
}
