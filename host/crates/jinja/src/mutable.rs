//! Lists and mappings that Python's methods can change: `append`, `update` and the like.
//!
//! The library's values are immutable. So where a text calls such a method, and only there, literals and values of
//! the scope are copied into these. A change lasts as long as the evaluation.

mod change;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, Value};

use crate::convert;
use crate::view::View;
use crate::weight::weigh;
use crate::work::{self, Exceeded};

/// The methods that change a list or a mapping.
const METHODS: [&str; 11] = [
    "append",
    "clear",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "reverse",
    "setdefault",
    "sort",
    "update",
];

/// Whether a text calls a method that changes a value.
pub(crate) fn changes_something(source: &str) -> bool {
    METHODS.iter().any(|method| {
        source.match_indices(method).any(|(place, _)| {
            let (before, after) = (source.get(..place), source.get(place + method.len()..));
            before.is_some_and(|before| before.ends_with('.'))
                && after.is_some_and(|after| after.starts_with('('))
        })
    })
}

/// A mutable list.
pub(crate) fn list(items: Vec<Value>) -> Value {
    Value::from_object(List(Mutex::new(items)))
}

/// A mutable mapping.
pub(crate) fn mapping(entries: Vec<(Value, Value)>) -> Value {
    Value::from_object(Mapping(Mutex::new(entries.into_iter().collect())))
}

/// A copy of `value` in which all lists and mappings are mutable.
pub(crate) fn thawed(value: &Value, depth: usize) -> Value {
    const DEPTH: usize = 128;
    if depth > DEPTH || value.is_tuple() || work::make(2 * work::PLACE).is_err() {
        return value.clone();
    }
    match value.kind() {
        ValueKind::Seq => match value.try_iter() {
            Ok(items) => list(items.map(|item| thawed(&item, depth + 1)).collect()),
            Err(_) => value.clone(),
        },
        ValueKind::Map => match value.try_iter() {
            Ok(keys) => mapping(
                keys.map(|key| {
                    let item = value.get_item(&key).unwrap_or_default();
                    (key, thawed(&item, depth + 1))
                })
                .collect(),
            ),
            Err(_) => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Values of the scope, each copied at its first lookup, so that later lookups see changes.
#[derive(Debug, Default)]
pub(crate) struct Thaw(Mutex<BTreeMap<String, Value>>);

impl Thaw {
    /// The mutable value of `name`, which `make` provides at the first lookup.
    pub(crate) fn get(&self, name: &str, make: impl FnOnce() -> Option<Value>) -> Option<Value> {
        if let Some(known) = lock(&self.0).get(name) {
            return Some(known.clone());
        }
        let value = thawed(&make()?, 0);
        lock(&self.0).insert(name.to_owned(), value.clone());
        Some(value)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A copied snapshot of values to iterate over, or the limit that the copy exceeds.
pub(crate) fn copied(count: usize, copy: impl FnOnce() -> Vec<Value>) -> Enumerator {
    Enumerator::Values(match work::make_list(count) {
        Ok(()) => copy(),
        Err(limit) => vec![convert::beyond(limit)],
    })
}

#[derive(Debug)]
struct List(Mutex<Vec<Value>>);

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        lock(&self.0).get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // A snapshot, since the body of a loop may change the list.
        let items = lock(&self.0);
        copied(items.len(), || items.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.0).len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        change::list(self, method, args)
    }
}

#[derive(Debug)]
struct Mapping(Mutex<IndexMap<Value, Value>>);

impl Object for Mapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        // As in Python, a list or a mapping is not a key. It may also be this very mapping, whose lock is held here.
        if !is_key(key) {
            return None;
        }
        lock(&self.0).get(key).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        lock(&self.0).get(&Value::from(name)).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let entries = lock(&self.0);
        copied(entries.len(), || entries.keys().cloned().collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.0).len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        change::mapping(self, method, args)
    }
}

/// Whether `value` can be a key: Python hashes no list and no mapping, nor a tuple that contains one.
fn is_key(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Seq if value.is_tuple() => {
            value.try_iter().is_ok_and(|mut items| items.all(|item| is_key(&item)))
        }
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => false,
        _ => true,
    }
}

/// Whether `value` is, or contains, the list or mapping at an address, which must not contain itself. Visits at most
/// `left` lists and mappings, and answers yes beyond them.
///
/// # Errors
/// The limit that this exceeds: everything in a value is visited, numbers and texts too.
fn holds(value: &Value, address: usize, left: &mut u32) -> Result<bool, Exceeded> {
    work::visit(1)?;
    if value.as_object().is_none() || value.downcast_object_ref::<View>().is_some() {
        return Ok(false);
    }
    *left = left.saturating_sub(1);
    work::charge(100)?;
    let list = value.downcast_object::<List>().map(|list| Arc::as_ptr(&list).addr());
    let own = list.or_else(|| value.downcast_object::<Mapping>().map(|mapping| Arc::as_ptr(&mapping).addr()));
    if *left == 0 || own == Some(address) {
        return Ok(true);
    }
    let is_mapping = value.kind() == ValueKind::Map;
    let Ok(items) = value.try_iter() else { return Ok(false) };
    if !is_mapping && value.kind() != ValueKind::Seq {
        return Ok(false);
    }
    for item in items {
        let part = if is_mapping {
            weigh(&item)?;
            value.get_item(&item).unwrap_or_default()
        } else {
            item
        };
        if holds(&part, address, left)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::render;
    use petrel_scope::Scope;

    #[test]
    fn lists_and_mappings_change_within_one_rendering() {
        let scope = Scope::new().with("l", json!([3, 1])).with("d", json!({"k": [1]}));
        for (template, expected) in [
            ("{% set a = [] %}{% for x in l %}{% set _ = a.append(x * 2) %}{% endfor %}{{ a }}", "[6, 2]"),
            ("{{ l.append(4) }}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}", "None[3, 1, 4]43[1]"),
            ("{% set _ = l.extend([2, 9]) %}{% set _ = l.sort() %}{{ l }}", "[1, 2, 3, 9]"),
            ("{% set _ = l.sort(reverse=true) %}{% set _ = l.insert(1, 7) %}{{ l }}", "[3, 7, 1]"),
            ("{% set _ = l.remove(3) %}{% set _ = l.reverse() %}{{ l }}", "[1]"),
            ("{% set _ = d.update({'q': 1}, r=2) %}{{ d }}", "{'k': [1], 'q': 1, 'r': 2}"),
            ("{{ d.setdefault('a', []) }}{% set _ = d.a.append(1) %}{{ d['a'] }}", "[][1]"),
            ("{{ d.pop('k') }}{{ d.pop('k', 5) }}{{ d }}", "[1]5{}"),
            ("{% set _ = d.k.append(2) %}{{ d }}{% set _ = d.clear() %}{{ d }}", "{'k': [1, 2]}{}"),
            ("{{ d.popitem() }}", "('k', [1])"),
        ] {
            assert_eq!(render(template, &scope).as_deref(), Ok(expected), "{template}");
        }
        assert_eq!(render("{{ l }}", &scope).as_deref(), Ok("[3, 1]"));
        for template in
            ["{{ l.append(l) }}", "{{ l.append([[l]]) }}", "{{ l.remove(9) }}", "{{ d.pop('x') }}"]
        {
            assert!(render(template, &scope).is_err(), "{template}");
        }
    }

    #[test]
    fn a_list_or_a_mapping_is_no_key_and_locks_nobody_out() {
        let scope = Scope::new().with("l", json!([1])).with("d", json!({"k": 1}));
        for template in [
            "{{ d.pop(d) }}",
            "{{ d.pop((1, d)) }}",
            "{{ d.setdefault(d, 1) }}",
            "{{ d.setdefault(l, 1) }}",
            "{{ d.update({d: 1}) }}",
            "{{ d.update([[l, 1]]) }}",
            "{{ l.clear() }}{{ d[d] }}",
            "{{ l.clear() }}{{ d[[d]] }}",
            "{{ l.clear() }}{{ d in d }}",
            "{{ l.clear() }}{{ d.get(d) }}",
        ] {
            // With an error or without a value; it comes to an end.
            let rendered = render(template, &scope);
            let is_empty =
                rendered.as_deref().is_ok_and(|text| ["None", "NoneNone", "NoneFalse"].contains(&text));
            assert!(rendered.is_err() || is_empty, "{template}: {rendered:?}");
        }
    }
}
