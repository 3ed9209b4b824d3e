//! How much there is to go through in a value, part by part: what is shared counts as often as it is there.
//!
//! A template can make lists that hold the same part again and again (`{% set v.x = [v.x, v.x] %}`), so that there is more
//! to go through than could ever be done, in no memory at all; and a namespace can hold itself. Whatever of ours goes
//! through values charges [`crate::work`] at each part. The template engine does so without counting, for a key of a mapping
//! and in `loop.changed`; there [`crate::rewrite`] has the value weighed first, and so do our own filters
//! and methods before they hand a key on. Looking for an item has its price in [`item`], whoever looks.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::view::View;
use crate::work::{self, Exceeded, Limit};

/// The work of one part, the engine's own going through it included.
const PART: u64 = 100;

/// Charges for going through all of `value`, as for its hash. A number costs nothing, a text its length.
///
/// # Errors
/// The limit that this exceeds: the work of it, [`work::BYTES`] in all of its parts, or [`work::DEPTH`].
pub(crate) fn weigh(value: &Value) -> Result<(), Exceeded> {
    match (value.as_bytes(), value.as_object()) {
        (Some(text), _) => work::scan(text.len()),
        (None, None) => Ok(()),
        (None, Some(_)) => Weight { left: work::BYTES }.part(value, 0),
    }
}

/// The item of `value` under `key`; undefined where there is none.
///
/// What looking for it takes is charged: a key is hashed, a text counts its characters, and what has no places is gone
/// through from its start.
///
/// # Errors
/// The limit that this exceeds, and what `value` says of `key`.
pub(crate) fn item(value: &Value, key: &Value) -> Result<Value, Error> {
    weigh(key)?;
    // Twice, where the index counts from the end.
    work::scan(value.as_str().map_or(0, str::len).saturating_mul(2))?;
    if value.kind() != ValueKind::Iterable {
        return value.get_item(key);
    }
    match (value.len(), key.as_usize()) {
        (Some(length), place) => {
            work::visit(place.map_or(length, |place| length.min(place.saturating_add(1))))?;
            value.get_item(key)
        }
        (None, Some(place)) => nth(value, place),
        (None, None) => value.get_item(key),
    }
}

/// The item at `place` of what does not know its length, with each item on the way charged.
fn nth(value: &Value, place: usize) -> Result<Value, Error> {
    for (at, item) in value.try_iter()?.checked().enumerate() {
        work::visit(1)?;
        let item = item?;
        if at == place {
            return Ok(item);
        }
    }
    Ok(Value::UNDEFINED)
}

struct Weight {
    /// How many bytes the rest may have.
    left: usize,
}

impl Weight {
    fn part(&mut self, value: &Value, depth: usize) -> Result<(), Exceeded> {
        if depth > work::DEPTH {
            return Err(work::refuse(Limit::Depth));
        }
        let text = value.as_bytes().map(<[u8]>::len);
        self.take(text.unwrap_or(0))?;
        if text.is_some() || value.as_object().is_none() {
            return Ok(());
        }
        if let Some(json) = value.downcast_object_ref::<View>().and_then(View::json) {
            return self.json(json);
        }
        let Ok(items) = value.try_iter() else { return Ok(()) };
        let is_mapping = value.kind() == ValueKind::Map;
        for item in items {
            self.part(&item, depth + 1)?;
            if is_mapping {
                self.part(&value.get_item(&item).unwrap_or_default(), depth + 1)?;
            }
        }
        Ok(())
    }

    /// What was handed in is a tree, and no deeper than JSON may be.
    fn json(&mut self, json: &serde_json::Value) -> Result<(), Exceeded> {
        match json {
            serde_json::Value::Array(items) => {
                items.iter().try_for_each(|item| self.take(0).and_then(|()| self.json(item)))
            }
            serde_json::Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
                self.take(name.len())?;
                self.json(field)
            }),
            other => self.take(other.as_str().map_or(0, str::len)),
        }
    }

    /// One part with so many bytes of text.
    fn take(&mut self, text: usize) -> Result<(), Exceeded> {
        work::charge(PART + text as u64)?;
        let left = self.left.checked_sub(text + work::PLACE);
        self.left = left.ok_or_else(|| work::refuse(Limit::Bytes))?;
        Ok(())
    }
}
