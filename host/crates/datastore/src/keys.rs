//! The handle of the service, and its state.

use std::sync::Arc;

use petrel_engine_core::{Core, Decided, Error, Mirror};
use petrel_model::KeyValue;
use petrel_model::names::check_text;
use petrel_persistence::{Change, StoreExt as _};
use petrel_scope::Datastore;

/// The largest value, in bytes.
const LARGEST_VALUE: usize = 1 << 20;

/// The service that holds the keys of the datastore. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    core: Core,
    datastore: Mirror<Datastore>,
}

impl Keys {
    /// The service over what the store of `core` holds.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn load(core: Core) -> Result<Self, Error> {
        let keys = core.store().all::<KeyValue>().await?;
        let system = keys.into_iter().map(|key| (key.name, key.value)).collect();
        let datastore = Mirror::new(Datastore { system, ..Datastore::default() });
        Ok(Self { core, datastore })
    }

    /// All that is in the datastore now.
    pub fn all(&self) -> Arc<Datastore> {
        self.datastore.get()
    }

    /// What the templates and expressions of `user` may read of it. Whoever evaluates something on behalf of somebody
    /// asks here, and only here: what a user may not read is left out in this place.
    pub fn readable_by(&self, _user: &str) -> Arc<Datastore> {
        // All may read all: there are no roles and no keys of users yet.
        self.all()
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// When the name or the value is not fit to be kept, or the store fails.
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
    /// When there is no such key, or the store fails.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        let delete = move |datastore: &Datastore| {
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
            format!("the value of `{name}` has {} bytes, and {LARGEST_VALUE} is the limit", value.len()),
            "keep what is larger in a file",
        ));
    }
    Ok(())
}
