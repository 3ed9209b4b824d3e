//! Keys that outlast a call: [`Services::kv`](crate::Services::kv) has those of the pack.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
#[cfg(not(target_family = "wasm"))]
use crate::Services;
use crate::key::{Entry, Expected};

/// A store of keys that the operator has granted. Its keys are in the datastore of the host, where users see them.
#[derive(Clone)]
pub struct Store {
    pub(crate) label: String,
    #[cfg(not(target_family = "wasm"))]
    pub(crate) services: Services,
}

impl Store {
    /// A key. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If the store is not granted, or the key is secret.
    pub fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::asked::get(&self.label, key);
        #[cfg(not(target_family = "wasm"))]
        self.services.host.get(&self.label, key)
    }

    /// The value of a key as JSON. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`Store::get`], and if it does not have the form of `T`.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.get(key)?.map(|entry| entry.json()).transpose()
    }

    /// Sets a key, which expires after `ttl` if that is given. Returns its new version once it is stored.
    ///
    /// # Errors
    ///
    /// If the store is not granted for that or is full, or the key is secret.
    pub fn set(&self, key: &str, value: impl AsRef<str>, ttl: Option<Duration>) -> Result<String, Error> {
        self.put(key, value.as_ref(), ttl, Expected::Any)
    }

    /// As [`Store::set`], with `value` as JSON.
    ///
    /// # Errors
    ///
    /// As [`Store::set`], and if `value` cannot be written as JSON.
    pub fn set_json(
        &self,
        key: &str,
        value: &impl Serialize,
        ttl: Option<Duration>,
    ) -> Result<String, Error> {
        self.set(key, serde_json::to_string(value)?, ttl)
    }

    /// As [`Store::set`], if the key has this version; `None` says that there must be no such key.
    ///
    /// # Errors
    ///
    /// As [`Store::set`]; with the kind [`Conflict`](crate::ErrorKind::Conflict) if it was otherwise.
    pub fn cas(
        &self,
        key: &str,
        expected: Option<&str>,
        value: impl AsRef<str>,
        ttl: Option<Duration>,
    ) -> Result<String, Error> {
        self.put(key, value.as_ref(), ttl, expected.map_or(Expected::Absent, Expected::Version))
    }

    /// Deletes a key. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// As [`Store::set`].
    pub fn delete(&self, key: &str) -> Result<bool, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::asked::delete(&self.label, key);
        #[cfg(not(target_family = "wasm"))]
        self.services.host.delete(&self.label, key)
    }

    /// All keys that begin with `prefix`, in order.
    ///
    /// # Errors
    ///
    /// If the store is not granted.
    pub fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::asked::keys(&self.label, prefix);
        #[cfg(not(target_family = "wasm"))]
        self.services.host.keys(&self.label, prefix)
    }

    fn put(
        &self,
        key: &str,
        value: &str,
        ttl: Option<Duration>,
        expected: Expected<'_>,
    ) -> Result<String, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::asked::put(&self.label, key, value, ttl, expected);
        #[cfg(not(target_family = "wasm"))]
        self.services.host.put((self.label.as_str(), key), value, ttl, expected)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("label", &self.label).finish_non_exhaustive()
    }
}
