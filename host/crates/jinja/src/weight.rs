//! The weight of a value: the number of its parts, with shared parts counted as often as they occur.
//!
//! A template can build lists that contain the same part again and again (`{% set v.x = [v.x, v.x] %}`), so that
//! walking through them would never end although they take no memory; and a namespace can contain itself. Our own
//! code charges [`crate::work`] for each part that it visits. The template engine visits parts without counting them,
//! for a key of a mapping and in `loop.changed`; there [`crate::rewrite`] has the value weighed first, as do our
//! filters and methods before they pass a key on. An index into a text is charged by the length of the text in the
//! same way.

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::view::View;
use crate::work::{self, Exceeded, Limit};

/// The work of one part, including the engine's own visit.
const PART: u64 = 100;

/// Charges for walking through all of `value`, as its hash does. A number costs nothing, a text its length.
///
/// # Errors
/// The exceeded limit: the work, [`work::BYTES`] over all parts, or [`work::DEPTH`].
pub(crate) fn weigh(value: &Value) -> Result<(), Exceeded> {
    match (value.as_bytes(), value.as_object()) {
        (Some(text), _) => work::scan(text.len()),
        (None, None) => Ok(()),
        (None, Some(_)) => Weight { left: work::BYTES }.part(value, 0),
    }
}

struct Weight {
    /// The bytes that the remaining parts may have.
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

    /// Walks through JSON of the scope, which is a tree, and no deeper than the reader of JSON allows.
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

    /// Counts a part with this many bytes of text.
    fn take(&mut self, text: usize) -> Result<(), Exceeded> {
        work::charge(PART + text as u64)?;
        let left = self.left.checked_sub(text + work::PLACE);
        self.left = left.ok_or_else(|| work::refuse(Limit::Bytes))?;
        Ok(())
    }
}
