//! How deep what is taken in may be nested, for all services: what is deeper could not be read back.

use petrel_model::depth;
use serde_json::Value;

use crate::error::Error;

/// Refuses `value`, which is called `what`, if it is nested too deep to be read back.
///
/// # Errors
/// When it is.
pub fn refuse_depth(what: &str, value: &Value) -> Result<(), Error> {
    if depth::is_too_deep(value) {
        let message = format!("{what} is nested more than {} levels deep", depth::LIMIT);
        return Err(Error::invalid(message, "send something flatter, or send it as text"));
    }
    Ok(())
}
