//! The variables of a workflow: named values in the order in which they were first set.
//!
//! A copy shares everything with its original, and setting a variable copies names and pointers but no values: a
//! workflow passes its variables from task to task, large results among them.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Named values in order. Cheap to copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables(Arc<IndexMap<Arc<str>, Arc<Value>>>);

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<Value>> {
        self.0.get(name)
    }

    /// Sets `name`. A known name keeps its place.
    pub fn insert(&mut self, name: &str, value: Arc<Value>) {
        Arc::make_mut(&mut self.0).insert(name.into(), value);
    }

    /// Sets `name`. If both the old and the new value are objects, they are merged at every depth, and the new one
    /// wins.
    pub fn merge(&mut self, name: &str, value: &Arc<Value>) {
        let merged = self.0.get(name).map_or_else(|| Arc::clone(value), |old| Self::merged(old, value));
        self.insert(name, merged);
    }

    /// The merged value of [`Variables::merge`]. It is the old value itself if that contains all of the new one, so
    /// that nothing is copied.
    #[must_use]
    pub fn merged(old: &Arc<Value>, new: &Arc<Value>) -> Arc<Value> {
        if !old.is_object() || !new.is_object() {
            return Arc::clone(new);
        }
        if has(old, new) {
            return Arc::clone(old);
        }
        let mut merged = Value::clone(old);
        merge(&mut merged, new);
        Arc::new(merged)
    }

    /// Merges all of `others` in their order, each as [`Variables::merge`] does.
    pub fn merge_all(&mut self, others: &Self) {
        // With nothing to merge into, the map itself is shared.
        if self.0.is_empty() {
            self.0 = Arc::clone(&others.0);
            return;
        }
        for (name, value) in others.iter() {
            self.merge(name, value);
        }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Arc<Value>)> {
        self.0.iter()
    }

    /// The number of variables.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no variables.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All variables as one object, copied.
    pub fn to_value(&self) -> Value {
        let entries = self.iter().map(|(name, value)| (name.to_string(), Value::clone(value)));
        Value::Object(entries.collect())
    }
}

impl From<Map<String, Value>> for Variables {
    fn from(object: Map<String, Value>) -> Self {
        object.into_iter().map(|(name, value)| (Arc::from(name), Arc::new(value))).collect()
    }
}

impl FromIterator<(Arc<str>, Arc<Value>)> for Variables {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Arc<Value>)>>(entries: I) -> Self {
        Self(Arc::new(entries.into_iter().collect()))
    }
}

/// Whether merging `new` into `old` would change nothing.
fn has(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            new.iter().all(|(name, value)| old.get(name).is_some_and(|inner| has(inner, value)))
        }
        (old, new) => old == new,
    }
}

/// Merges `new` into `old`: objects at every depth, and any other value replaces the old one.
fn merge(old: &mut Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                match old.get_mut(name) {
                    Some(inner) => merge(inner, value),
                    None => {
                        old.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (old, new) => *old = new.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables(value: &Value) -> Variables {
        value.as_object().cloned().unwrap().into()
    }

    #[test]
    fn objects_are_merged_and_all_else_is_replaced() {
        for (old, new, merged) in [
            (json!({}), json!({"a": 1}), json!({"a": 1})),
            (json!({"a": {"k": 1}}), json!({"a": {"m": 2}}), json!({"a": {"k": 1, "m": 2}})),
            (
                json!({"a": {"k": {"x": 1}}}),
                json!({"a": {"k": {"y": 2}}}),
                json!({"a": {"k": {"x": 1, "y": 2}}}),
            ),
            (json!({"a": [1], "b": 1}), json!({"a": [2], "b": null}), json!({"a": [2], "b": null})),
            (json!({"a": {"k": 1}}), json!({"a": 1}), json!({"a": 1})),
        ] {
            let mut actual = variables(&old);
            actual.merge_all(&variables(&new));
            assert_eq!(actual.to_value(), merged, "{old} {new}");
        }
    }

    #[test]
    fn a_copy_does_not_see_what_is_added_to_its_original() {
        let mut original = variables(&json!({"a": 1}));
        let copy = original.clone();
        original.insert("b", Arc::new(json!(2)));
        assert_eq!((original.len(), copy.len()), (2, 1));
    }
}
