//! Keys, secrets and runs of other actions, as imports. Each function is imported by those components alone that call it.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::bindings::petrel::actions::call;
use super::bindings::petrel::kv::kv;
use super::bindings::petrel::secrets::{reveal, secrets};
use crate::key::{Entry, Expected};
use crate::{Called, Error};

pub(crate) use secrets::Secret as Handle;

/// A key.
pub(crate) fn get(store: &str, key: &str) -> Result<Option<Entry>, Error> {
    let found = kv::get(store, key).map_err(Error::from)?;
    Ok(found.map(|entry| Entry {
        value: entry.value,
        version: entry.version,
        expires_at: entry.expires_at_ms.and_then(|ms| UNIX_EPOCH.checked_add(Duration::from_millis(ms))),
    }))
}

/// Sets a key.
pub(crate) fn put(
    store: &str,
    key: &str,
    value: &str,
    ttl: Option<Duration>,
    expected: Expected<'_>,
) -> Result<String, Error> {
    let ttl = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    let set = match expected {
        Expected::Any => kv::set(store, key, value, ttl),
        Expected::Absent => kv::cas(store, key, None, value, ttl),
        Expected::Version(version) => kv::cas(store, key, Some(version), value, ttl),
    };
    set.map_err(Error::from)
}

/// Deletes a key.
pub(crate) fn delete(store: &str, key: &str) -> Result<bool, Error> {
    kv::delete(store, key).map_err(Error::from)
}

/// The keys of all pages.
pub(crate) fn keys(store: &str, prefix: &str) -> Result<Vec<String>, Error> {
    let (mut keys, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = kv::list_keys(store, prefix, cursor.as_deref()).map_err(Error::from)?;
        keys.extend(page.keys);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(keys),
        }
    }
}

/// A secret.
pub(crate) fn secret(name: &str) -> Result<Handle, Error> {
    secrets::get(name).map_err(Error::from)
}

/// The text of a secret.
pub(crate) fn reveal(secret: &Handle) -> Result<String, Error> {
    reveal::reveal(secret).map_err(Error::from)
}

/// Runs an action.
pub(crate) fn call(action: &str, parameters: &Value) -> Result<Called, Error> {
    let done = call::run(action, &parameters.to_string()).map_err(Error::from)?;
    let result = serde_json::from_str(&done.output)?;
    Ok(Called { execution_id: done.execution_id, result })
}
