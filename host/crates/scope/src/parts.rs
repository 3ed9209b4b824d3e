//! Parts of shared JSON, which both languages read in place: what it takes to go to one, and to copy one.
//!
//! A part is found by its way from the root, at each look. What that takes is charged, and a part that is too far away
//! becomes a root of its own.

use petrel_python::work::{self, Limit};
use serde_json::Value as Json;

/// How many units of work the way to a part may take; what is further away is copied.
pub const WAY: u64 = 4_096;

/// The work of going one step of the way, beside the length of its name.
pub const STEP: u64 = 20;

/// Charges for a copy of `json`.
///
/// # Errors
/// The limit that this exceeds.
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
