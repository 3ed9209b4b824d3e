//! A key of the datastore: as it is, and as it is expected to be. `kv` has the stores.

use std::time::SystemTime;

use serde::de::DeserializeOwned;

use crate::Error;

/// A key as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The text.
    pub value: String,
    /// A mark of this state of the key, for [`Store::cas`](crate::Store::cas).
    pub version: String,
    /// The time from which on there is no such key.
    pub expires_at: Option<SystemTime>,
}

impl Entry {
    /// The value as JSON.
    ///
    /// # Errors
    ///
    /// If it does not have the form of `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_str(&self.value)?)
    }
}

/// The state of a key in which alone it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected<'a> {
    Any,
    Absent,
    Version(&'a str),
}
