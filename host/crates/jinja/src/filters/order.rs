//! Filters that order values as Python does: numbers and booleans by value, texts by characters, lists item by item,
//! and nothing else. Texts are compared without regard to case by default.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, Value};
use petrel_python::number::PythonNumber;
use petrel_python::sorting::merge_sort;

use super::CallArguments;
use super::arguments::Arguments;
use super::{defined, items, wrong};
use crate::weight::{self, weigh};
use crate::work::{self, Exceeded, Limit};

/// The order of two values; `None` when neither precedes the other, because one is NaN.
///
/// # Errors
/// When Python cannot order the values.
pub(crate) fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, Error> {
    compare_within(left, right, 0)
}

fn compare_within(left: &Value, right: &Value, depth: usize) -> Result<Option<Ordering>, Error> {
    work::charge(COMPARISON)?;
    if depth > work::DEPTH {
        return Err(work::refuse(Limit::Depth).into());
    }
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => {
            work::compare(left.len().min(right.len()))?;
            return Ok(Some(left.cmp(right)));
        }
        (None, None) => {}
        _ => return Err(unordered(left, right)),
    }
    if is_number(left) && is_number(right) {
        return Ok(number(left).compare(number(right)));
    }
    if left.kind() == ValueKind::Seq && right.kind() == ValueKind::Seq && left.is_tuple() == right.is_tuple()
    {
        let mut others = right.try_iter()?;
        for item in left.try_iter()? {
            work::charge(work::ITEM)?;
            let Some(other) = others.next() else { return Ok(Some(Ordering::Greater)) };
            // As in Python, the first items that differ decide, and only these have to have an order.
            if !equal(&defined(item.clone())?, &defined(other.clone())?)? {
                return compare_within(&item, &other, depth + 1);
            }
        }
        return Ok(Some(if others.next().is_some() { Ordering::Less } else { Ordering::Equal }));
    }
    Err(unordered(left, right))
}

/// The work of comparing two values, besides their parts.
const COMPARISON: u64 = 60;

/// Whether two values are equal, part by part. Shared parts are compared as often as they occur.
///
/// # Errors
/// The limit that the charge exceeds.
pub(crate) fn equal(left: &Value, right: &Value) -> Result<bool, Exceeded> {
    equal_within(left, right, 0)
}

fn equal_within(left: &Value, right: &Value, depth: usize) -> Result<bool, Exceeded> {
    work::charge(COMPARISON)?;
    if depth > work::DEPTH {
        return Err(work::refuse(Limit::Depth));
    }
    if let (Some(bytes), Some(others)) = (left.as_bytes(), right.as_bytes()) {
        work::compare(bytes.len().min(others.len()))?;
        return Ok(left == right);
    }
    let is_row = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let is_mapping = left.kind() == ValueKind::Map && right.kind() == ValueKind::Map;
    let are_rows = is_row(left) && is_row(right);
    if !is_mapping && !are_rows {
        return Ok(left == right);
    }
    // In Python a tuple never equals a list.
    if left.len() != right.len() || left.is_tuple() != right.is_tuple() {
        return Ok(false);
    }
    let (Ok(parts), Ok(mut others)) = (left.try_iter(), right.try_iter()) else { return Ok(false) };
    for part in parts {
        let is_same = if is_mapping {
            weigh(&part)?;
            let (own, other) = (left.get_item(&part), right.get_item(&part));
            equal_within(&own.unwrap_or_default(), &other.unwrap_or_default(), depth + 1)?
        } else {
            others.next().map_or(Ok(false), |other| equal_within(&part, &other, depth + 1))?
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(is_mapping || others.next().is_none())
}

fn unordered(left: &Value, right: &Value) -> Error {
    for value in [left, right] {
        if let Err(error) = defined(value.clone()) {
            return error;
        }
    }
    wrong(format!(
        "a value of type {} cannot be ordered against one of type {}; compare like with like",
        left.kind(),
        right.kind()
    ))
}

fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}

/// A number or a boolean as a number of Python.
pub(crate) fn number(value: &Value) -> PythonNumber {
    // In Python a boolean is an integer.
    let is_whole = value.is_integer() || value.kind() == ValueKind::Bool;
    match i128::try_from(value.clone()) {
        Ok(integer) if is_whole => PythonNumber::Integer(integer),
        _ => PythonNumber::Float(f64::try_from(value.clone()).unwrap_or(f64::NAN)),
    }
}

/// The value to compare: a text in lower case, unless case matters.
fn folded(value: Value, case_sensitive: bool) -> Result<Value, Exceeded> {
    match value.as_str() {
        Some(text) if !case_sensitive => {
            work::make(text.len())?;
            Ok(Value::from(text.to_lowercase()))
        }
        _ => Ok(value),
    }
}

/// The path of an attribute: names and indexes, for each part of the key.
pub(super) struct Attribute(Vec<Vec<Value>>);

impl Attribute {
    /// Parses `a.b.0`, or the index of an item; several separated by commas, if `is_list`.
    ///
    /// # Errors
    /// The limit that this exceeds.
    pub(super) fn read(value: Option<&Value>, is_list: bool) -> Result<Self, Exceeded> {
        if let Some(text) = value.and_then(Value::as_str) {
            // Each step becomes a value of its own.
            work::read(text.len())?;
            work::make_list(text.matches(['.', ',']).count() + 1)?;
        }
        let step = |text: &str| match text.parse::<i64>() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Value::from(number),
            _ => Value::from(text),
        };
        let path = |text: &str| text.split('.').map(step).collect();
        Ok(Self(match value {
            None => Vec::new(),
            Some(value) => match value.as_str() {
                Some(text) if is_list => text.split(',').map(|part| path(part.trim())).collect(),
                Some(text) => vec![path(text)],
                None => vec![vec![value.clone()]],
            },
        }))
    }

    /// The attribute of an item, or the item itself without an attribute.
    pub(super) fn of(&self, item: &Value) -> Result<Value, Error> {
        let step = |step: &Value| step.as_str().map_or(0, str::len) as u64 + work::ITEM;
        work::charge(self.0.iter().flatten().map(step).sum())?;
        let step = |value: Value, step: &Value| weight::item(&value, step);
        let follow = |path: &Vec<Value>| path.iter().try_fold(item.clone(), step);
        match self.0.as_slice() {
            [] => Ok(item.clone()),
            [path] => follow(path),
            paths => paths.iter().map(follow).collect::<Result<Vec<_>, _>>().map(Value::from),
        }
    }

    fn key(&self, item: &Value, case_sensitive: bool) -> Result<Value, Error> {
        let value = self.of(item)?;
        if self.0.len() < 2 {
            return Ok(folded(value, case_sensitive)?);
        }
        let parts = value.try_iter()?.map(|part| folded(part, case_sensitive));
        Ok(Value::from(parts.collect::<Result<Vec<_>, _>>()?))
    }
}

/// Sorts by keys; equal ones keep their order.
///
/// # Errors
/// The first two keys that cannot be ordered.
pub(crate) fn sorted(keyed: Keyed, reverse: bool) -> Result<Keyed, Error> {
    sorted_by(keyed, reverse, compare)
}

/// Values with the keys to sort them by.
type Keyed = Vec<(Value, Value)>;

/// The order of two keys.
type Order = fn(&Value, &Value) -> Result<Option<Ordering>, Error>;

fn sorted_by(keyed: Keyed, reverse: bool, order: Order) -> Result<Keyed, Error> {
    work::make_list(keyed.len())?;
    let before = if reverse { Ordering::Greater } else { Ordering::Less };
    merge_sort(keyed, &mut |(left, _), (right, _)| Ok(order(left, right)? == Some(before)))
}

/// The order of two keys of `sort`. In Jinja each is a list, of one if one attribute is named or none: so equal ones
/// need no order.
fn compare_in_lists(left: &Value, right: &Value) -> Result<Option<Ordering>, Error> {
    let has_order = |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::String | ValueKind::Number | ValueKind::Bool | ValueKind::Seq | ValueKind::Undefined
        )
    };
    if !has_order(left) && left.kind() == right.kind() && equal(left, right)? {
        return Ok(Some(Ordering::Equal));
    }
    compare(left, right)
}

fn keyed(value: Value, attribute: &Attribute, case_sensitive: bool) -> Result<Keyed, Error> {
    items(value)?.into_iter().map(|item| Ok((attribute.key(&item, case_sensitive)?, item))).collect()
}

fn second(keyed: Keyed) -> Value {
    keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>().into()
}

pub(super) fn sort(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("sort", &["reverse", "case_sensitive", "attribute"], given)?;
    let attribute = Attribute::read(args.present(2), true)?;
    sorted_by(keyed(value, &attribute, args.flag(1))?, args.flag(0), compare_in_lists).map(second)
}

pub(super) fn dictsort(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("dictsort", &["case_sensitive", "by", "reverse"], given)?;
    let by_value = match args.text(1)? {
        None | Some("key") => false,
        Some("value") => true,
        Some(other) => return Err(wrong(format!("dictsort sorts by 'key' or 'value', not by '{other}'"))),
    };
    let value = defined(value)?;
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!(
            "dictsort needs a mapping, and was given a value of type {}",
            value.kind()
        )));
    }
    work::visit(value.len().unwrap_or(0))?;
    let entry = |key: Value| {
        weigh(&key)?;
        let item = value.get_item(&key)?;
        let by = folded(if by_value { item.clone() } else { key.clone() }, args.flag(0))?;
        Ok((by, Value::from(Tuple::from([key, item]))))
    };
    let entries = value.try_iter()?.map(entry).collect::<Result<Vec<_>, Error>>()?;
    sorted(entries, args.flag(2)).map(second)
}

pub(super) fn min(value: Value, given: CallArguments) -> Result<Value, Error> {
    extreme("min", Ordering::Less, value, given)
}

pub(super) fn max(value: Value, given: CallArguments) -> Result<Value, Error> {
    extreme("max", Ordering::Greater, value, given)
}

fn extreme(name: &'static str, wanted: Ordering, value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind(name, &["case_sensitive", "attribute"], given)?;
    let attribute = Attribute::read(args.present(1), false)?;
    let mut best: Option<(Value, Value)> = None;
    for (key, item) in keyed(value, &attribute, args.flag(0))? {
        let is_better = match &best {
            None => true,
            Some((known, _)) => compare(&key, known)? == Some(wanted),
        };
        if is_better {
            best = Some((key, item));
        }
    }
    // Jinja's `min` and `max` of nothing are undefined.
    Ok(best.map_or(Value::UNDEFINED, |(_, item)| item))
}

pub(super) fn unique(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("unique", &["case_sensitive", "attribute"], given)?;
    let attribute = Attribute::read(args.present(1), false)?;
    let mut seen: Vec<Value> = Vec::new();
    let mut texts = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    for (key, item) in keyed(value, &attribute, args.flag(0))? {
        let key = defined(key)?;
        let is_new = match key.as_str() {
            Some(text) => {
                // The text is copied, and compared with a few others.
                work::make(text.len())?;
                texts.insert(text.to_owned())
            }
            None if matches!(key.kind(), ValueKind::Map)
                || (key.kind() == ValueKind::Seq && !key.is_tuple()) =>
            {
                return Err(wrong(format!(
                    "unique cannot tell values of type {} apart; give an attribute",
                    key.kind()
                )));
            }
            None => {
                let mut is_new = true;
                for known in &seen {
                    is_new &= !same(known, &key)?;
                    if !is_new {
                        break;
                    }
                }
                if is_new {
                    seen.push(key);
                }
                is_new
            }
        };
        if is_new {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

/// Python's equality of values that are not text: booleans equal numbers.
fn same(left: &Value, right: &Value) -> Result<bool, Exceeded> {
    let is_same =
        equal(left, right)? || compare(left, right).is_ok_and(|order| order == Some(Ordering::Equal));
    work::check().map(|()| is_same)
}

pub(super) fn groupby(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("groupby", &["attribute", "default", "case_sensitive"], given)?;
    let Some(attribute) = args.get(0) else {
        return Err(wrong("groupby needs an attribute, as in groupby('name')"));
    };
    let attribute = Attribute::read(Some(attribute), false)?;
    let own = |item: &Value| -> Result<Value, Error> {
        let value = attribute.of(item)?;
        Ok(if value.is_undefined() { args.present(1).cloned().unwrap_or(value) } else { value })
    };
    let folded_keys =
        items(value)?.into_iter().map(|item| Ok::<_, Error>((folded(own(&item)?, args.flag(2))?, item)));
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (key, item) in sorted(folded_keys.collect::<Result<_, _>>()?, false)? {
        match groups.last_mut() {
            Some((known, _, list)) if same(known, &key)? => list.push(item),
            // As in Jinja, a group has the key of its first item, in its own case.
            _ => groups.push((key, own(&item)?, vec![item])),
        }
    }
    let group = |(_, grouper, list)| Value::from_object(Group { grouper, list: Value::from(list) });
    Ok(groups.into_iter().map(group).collect::<Vec<_>>().into())
}

/// A group: a tuple with names for its items.
pub(crate) struct Group {
    grouper: Value,
    list: Value,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:?}, {:?})", self.grouper, self.list)
    }
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_usize(), key.as_str()) {
            (Some(0), _) | (_, Some("grouper")) => Some(self.grouper.clone()),
            (Some(1), _) | (_, Some("list")) => Some(self.list.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
}

#[cfg(test)]
mod tests;
