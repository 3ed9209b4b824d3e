//! Sequences with a text form of their own in Python: ranges, views of mappings, and groups.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, Value};

use crate::display;
use crate::filters::order::Group;
use crate::filters::wrong;
use crate::{mutable, work};

/// The text before and behind the items of `value`, if it differs from `[` and `]`. Without text behind, the items
/// are not shown.
pub(crate) fn frame(value: &Value) -> Option<(String, &'static str)> {
    let object = value.as_object()?;
    if let Some(range) = object.downcast_ref::<Range>() {
        let Range { start, stop, step } = range;
        let step = if *step == 1 { String::new() } else { format!(", {step}") };
        return Some((format!("range({start}, {stop}{step})"), ""));
    }
    if let Some(view) = object.downcast_ref::<MappingView>() {
        return Some((format!("{}([", view.name), "])"));
    }
    object.downcast_ref::<Group>().map(|_| ("(".to_owned(), ")"))
}

/// Whether `value` is a range or a view of a mapping, which are no lists in Python.
pub(crate) fn is_view(value: &Value) -> bool {
    value.downcast_object_ref::<Range>().is_some() || is_mapping_view(value)
}

/// Whether `value` is a view of a mapping, which cannot be indexed.
pub(crate) fn is_mapping_view(value: &Value) -> bool {
    value.downcast_object_ref::<MappingView>().is_some()
}

/// Numbers in equal steps.
#[derive(Debug)]
pub(crate) struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

/// The greatest length of a range, as in Jinja's sandbox.
const RANGE: u64 = 100_000;

/// `range(stop)`, `range(start, stop)` and `range(start, stop, step)`.
pub(crate) fn range(first: i64, second: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (start, stop) = second.map_or((0, first), |stop| (first, stop));
    let range = Range { start, stop, step: step.unwrap_or(1) };
    if range.step == 0 {
        return Err(wrong("range needs a step other than 0"));
    }
    if range.length() > RANGE {
        return Err(wrong(format!("Range too big. The sandbox blocks ranges larger than {RANGE}.")));
    }
    work::charge(range.length() * work::ITEM)?;
    Ok(Value::from_object(range))
}

impl Range {
    fn length(&self) -> u64 {
        let (low, high) = if self.step > 0 { (self.start, self.stop) } else { (self.stop, self.start) };
        if high <= low { 0 } else { (high.abs_diff(low) - 1) / self.step.unsigned_abs() + 1 }
    }

    fn len(&self) -> usize {
        usize::try_from(self.length()).unwrap_or(usize::MAX)
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let place = key.as_usize().filter(|place| *place < self.len())?;
        Some(Value::from(self.start + i64::try_from(place).ok()? * self.step))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&display::repr(&Value::from_dyn_object(Arc::clone(self)))?)
    }
}

/// The keys, values or entries of a mapping, which can be iterated but not indexed.
pub(crate) struct MappingView {
    name: &'static str,
    items: Vec<Value>,
}

impl MappingView {
    /// A view that is displayed as `name`.
    pub(crate) fn value(name: &'static str, items: Vec<Value>) -> Value {
        Value::from_object(Self { name, items })
    }
}

impl fmt::Debug for MappingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.name).field(&self.items).finish()
    }
}

impl Object for MappingView {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::UNDEFINED)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&display::repr(&Value::from_dyn_object(Arc::clone(self)))?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        mutable::copied(self.items.len(), || self.items.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }
}
