//! Parts of shared JSON, which both languages read in place: the costs of reaching a part and of copying one.
//!
//! A part is found by its path from the root, each time that it is looked at. The walk is charged, and a part that is
//! too far from the root is copied and becomes a root of its own.

use petrel_python::work::{self, Limit};
use serde_json::Value as Json;

/// The units of work of the longest path to a part. Parts farther away are copied.
pub const WAY: u64 = 4_096;

/// The work of one step of a path, besides the length of its name.
pub const STEP: u64 = 20;

/// Charges for a copy of `json`.
///
/// # Errors
/// The limit that the charge exceeds.
pub fn charge_copy(json: &Json) -> Result<(), Limit> {
    work::make(json.as_str().map_or(0, str::len) + work::PLACE)?;
    match json {
        Json::Array(items) => items.iter().try_for_each(charge_copy),
        Json::Object(object) => object.iter().try_for_each(|(key, value)| {
            work::make(key.len() + work::PLACE)?;
            charge_copy(value)
        }),
        _ => Ok(()),
    }
}
