//! The limit on the nesting of accepted values, for all services: deeper ones could not be read back.

use petrel_model::depth;
use serde_json::Value;

use crate::error::Error;

/// Refuses `value` if it is nested too deep to be read back; the message calls it `what`.
///
/// # Errors
/// When it is nested too deep.
pub fn refuse_depth(what: &str, value: &Value) -> Result<(), Error> {
    if depth::is_too_deep(value) {
        let message = format!("{what} is nested more than {} levels deep", depth::LIMIT);
        return Err(Error::invalid(message, "send something flatter, or send it as text"));
    }
    Ok(())
}
