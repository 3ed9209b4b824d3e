//! The handle of the service and its state.

use std::sync::Arc;

use petrel_engine_core::{Core, Decided, Error, Mirror};
use petrel_model::KeyValue;
use petrel_model::names::check_text;
use petrel_persistence::{Change, StoreExt as _};
use petrel_scope::Datastore;

/// The largest value, in bytes.
const LARGEST_VALUE: usize = 1 << 20;

/// The service with the keys of the datastore. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    core: Core,
    datastore: Mirror<Datastore>,
}

impl Keys {
    /// Starts the service with the keys in the store of `core`.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn load(core: Core) -> Result<Self, Error> {
        let keys = core.store().all::<KeyValue>().await?;
        let system = keys.into_iter().map(|key| (key.name, key.value)).collect();
        let datastore = Mirror::new(Datastore { system, ..Datastore::default() });
        Ok(Self { core, datastore })
    }

    /// A snapshot of all keys.
    pub fn all(&self) -> Arc<Datastore> {
        self.datastore.get()
    }

    /// The keys that templates and expressions of `user` may read. Every evaluation on behalf of a user must ask
    /// here, so that keys which the user may not read are left out in one place.
    pub fn readable_by(&self, _user: &str) -> Arc<Datastore> {
        // All users may read all keys so far: there are neither roles nor keys of users.
        self.all()
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// When the name or the value is not valid, or the store fails.
    pub async fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        check(name, value)?;
        let key = KeyValue { name: name.to_owned(), value: value.to_owned() };
        let set = move |_: &Datastore| {
            let shown = key.clone();
            Ok(Decided::new(vec![Change::put(key)], (), move |datastore: &mut Datastore| {
                datastore.system.insert(shown.name, shown.value);
            }))
        };
        self.datastore.change(&self.core, set).await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// When the key does not exist, or the store fails.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        let delete = move |datastore: &Datastore| {
            // Decided on the keys of this moment: of two who delete a key, the second is told that it is
            // gone.
            if !datastore.system.contains_key(&name) {
                return Err(Error::not_found("key", name, datastore.system.keys().map(String::as_str)));
            }
            Ok(Decided::new(
                vec![Change::delete::<KeyValue>(name.clone())],
                (),
                move |datastore: &mut Datastore| {
                    datastore.system.remove(&name);
                },
            ))
        };
        self.datastore.change(&self.core, delete).await
    }
}

fn check(name: &str, value: &str) -> Result<(), Error> {
    check_text("a key", name)?;
    if value.len() > LARGEST_VALUE {
        return Err(Error::invalid(
            format!("the value of `{name}` has {} bytes; the limit is {LARGEST_VALUE}", value.len()),
            "keep larger values in files",
        ));
    }
    Ok(())
}
