//! `petrel:kv`: keys of the datastore. Those of a store of the pack begin with `PACK:`, or `PACK.STORE:` for a store with another
//! label than `pack`; the store `system` has those that all share.

use std::sync::Arc;
use std::time::Duration;

use petrel_model::Timestamp;
use petrel_model::capabilities::{Layer, Named, Refusal, SYSTEM, StoreBounds};
use petrel_runners::asked::{KeyState, KeyValues, NewKey, Unserved, Why};

use super::errors::{denied, error, shown, unserved};
use crate::bindings::petrel::kv::kv::{Entry, Host, Page};
use crate::bindings::petrel::types::types::{Error, ErrorKind};
use crate::linker::CallState;

/// The label of the store for keys that need none of their own.
const PACK: &str = "pack";
/// The most keys of a page.
const PAGE: usize = 1_000;
/// The first part of the codes of errors.
const AREA: &str = "kv";

/// What is done with a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

/// The keys that a call may use.
struct Place {
    keys: Arc<dyn KeyValues>,
    /// What the names of the keys begin with.
    prefix: String,
    /// The bounds of the store, if it is one of the pack.
    bounds: Option<StoreBounds>,
}

impl Place {
    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

impl Host for CallState {
    fn get(&mut self, store: String, key: String) -> wasmtime::Result<Result<Option<Entry>, Error>> {
        Ok(self.kept(&store, &key))
    }

    async fn set(
        &mut self,
        store: String,
        key: String,
        value: String,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.put((&store, &key), value, ttl_ms, KeyState::Any).await)
    }

    async fn cas(
        &mut self,
        store: String,
        key: String,
        expected: Option<String>,
        value: String,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<String, Error>> {
        let expected = expected.map_or(KeyState::Absent, KeyState::Version);
        Ok(self.put((&store, &key), value, ttl_ms, expected).await)
    }

    async fn delete(&mut self, store: String, key: String) -> wasmtime::Result<Result<bool, Error>> {
        let place = match self.place(&store, &key, Use::Write) {
            Ok(place) => place,
            Err(error) => return Ok(Err(error)),
        };
        let deleted = place.keys.delete(&place.name(&key)).await;
        Ok(deleted.map_err(|reason| unserved(AREA, reason)))
    }

    fn list_keys(
        &mut self,
        store: String,
        prefix: String,
        cursor: Option<String>,
    ) -> wasmtime::Result<Result<Page, Error>> {
        Ok(self.page(&store, &prefix, cursor.as_deref()))
    }
}

impl CallState {
    fn kept(&self, store: &str, key: &str) -> Result<Option<Entry>, Error> {
        let place = self.place(store, key, Use::Read)?;
        let found = place.keys.get(&place.name(key)).map_err(|reason| unserved(AREA, reason))?;
        Ok(found.map(|entry| Entry {
            value: entry.value,
            version: entry.version,
            expires_at_ms: entry.expires_at.map(Timestamp::as_millis),
        }))
    }

    async fn put(
        &mut self,
        (store, key): (&str, &str),
        value: String,
        ttl_ms: Option<u64>,
        expected: KeyState,
    ) -> Result<String, Error> {
        let place = self.place(store, key, Use::Write)?;
        let ttl = ttl_ms.map(Duration::from_millis);
        let new = NewKey { name: place.name(key), value, ttl, expected, bounds: place.bounds };
        place.keys.set(new).await.map_err(|reason| unserved(AREA, reason))
    }

    fn page(&self, store: &str, prefix: &str, cursor: Option<&str>) -> Result<Page, Error> {
        let is_system = store == SYSTEM;
        let place = if is_system { self.shared()? } else { self.store(store, Use::Read)? };
        let after = cursor.map(|cursor| place.name(cursor));
        let rights = self.record.rights();
        // Also the cursor names no key that the pack may not read.
        let is_shown = |name: &str| !is_system || rights.reads_shared(name);
        let found = place.keys.list(&place.name(prefix), after.as_deref(), PAGE, &is_shown);
        let is_last = found.len() < PAGE;
        let own = |name: &String| name.strip_prefix(place.prefix.as_str()).map(str::to_owned);
        let keys: Vec<_> = found.iter().filter_map(own).collect();
        let next = keys.last().filter(|_| !is_last).cloned();
        Ok(Page { keys, next })
    }

    /// The place of a key, if the pack may use it so at this moment.
    fn place(&self, store: &str, key: &str, how: Use) -> Result<Place, Error> {
        if key.is_empty() {
            let hint = "give the key a name";
            return Err(error(ErrorKind::InvalidInput, "the key has no name".to_owned(), "kv.invalid", hint));
        }
        if store != SYSTEM {
            return self.store(store, how);
        }
        let kind = if how == Use::Read { Named::DatastoreRead } else { Named::DatastoreWrite };
        self.may(kind, &format!("{SYSTEM}.{key}"))?;
        self.shared()
    }

    /// The keys that all share.
    fn shared(&self) -> Result<Place, Error> {
        Ok(Place { keys: self.keys()?, prefix: String::new(), bounds: None })
    }

    /// A store of the pack.
    fn store(&self, store: &str, how: Use) -> Result<Place, Error> {
        self.may(Named::Kv, store)?;
        let rights = self.record.rights();
        let bounds = rights.bounds_of(store);
        if how == Use::Write && !bounds.writes {
            let hint = format!(
                "the pack asks to read the store alone; its author writes access: [read, write] for {store} in kv of its \
                 capabilities in pack.yaml"
            );
            let what = format!("change a key of {}", shown(store));
            return Err(denied(&self.record, Named::Kv, what, Refusal { layer: Layer::Request, hint }));
        }
        if rights.is_trial && how == Use::Write {
            self.record.used("writes", store);
        }
        let pack = &rights.pack;
        let prefix = if store == PACK { format!("{pack}:") } else { format!("{pack}.{store}:") };
        Ok(Place { keys: self.keys()?, prefix, bounds: Some(bounds) })
    }

    /// Whether the pack may use this at this moment.
    pub(super) fn may(&self, kind: Named, name: &str) -> Result<(), Error> {
        let rights = self.record.rights();
        let asked =
            rights.named(kind, name).map_err(|refusal| denied(&self.record, kind, shown(name), refusal))?;
        self.record.used(kind.as_str(), asked);
        Ok(())
    }

    /// What has the keys.
    pub(super) fn keys(&self) -> Result<Arc<dyn KeyValues>, Error> {
        let missing =
            || Unserved::new(Why::Failed, "this host has no datastore", "run the action with `petrel serve`");
        self.record.keys().ok_or_else(|| unserved(AREA, missing()))
    }
}
