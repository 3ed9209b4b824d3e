//! The end of an action that another one has called.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// The end of an action that was called and has succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// The id of its execution.
    pub execution_id: String,
    /// Its result.
    pub result: Value,
}

impl Called {
    /// The result in the form of `T`.
    ///
    /// # Errors
    ///
    /// If it does not have that form.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        Ok(serde_json::from_value(self.result)?)
    }
}
