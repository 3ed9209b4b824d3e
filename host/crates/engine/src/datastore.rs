//! The datastore that is shared by all: texts by name, set from outside and read by expressions.
//!
//! All of it is held in memory too; a reader gets what was there at one moment.

use std::sync::{Arc, PoisonError};

use petrel_expressions::Datastore;
use petrel_model::KeyValue;
use petrel_model::names::check_text;
use petrel_persistence::{Change, Store, StoreExt as _};

use crate::error::Error;
use crate::service::Engine;

/// The largest value, in bytes.
const LARGEST_VALUE: usize = 1 << 20;

/// What the store holds.
pub(crate) async fn load(store: &dyn Store) -> Result<Arc<Datastore>, Error> {
    let keys = store.all::<KeyValue>().await?;
    let system = keys.into_iter().map(|key| (key.name, key.value)).collect();
    Ok(Arc::new(Datastore { system, ..Datastore::default() }))
}

impl Engine {
    /// All that is in the datastore now.
    pub fn datastore(&self) -> Arc<Datastore> {
        Arc::clone(&self.0.datastore.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the templates and expressions of `user` may read of the datastore. Whoever evaluates something on
    /// behalf of somebody asks here, and only here: what a user may not read is left out in this place.
    pub(crate) fn datastore_for(&self, _user: &str) -> Arc<Datastore> {
        // All may read all: there are no roles and no keys of users yet.
        self.datastore()
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// When the name or the value is not fit to be kept, or the store fails.
    pub async fn set_key(&self, name: &str, value: &str) -> Result<(), Error> {
        check(name, value)?;
        self.change_key(name.to_owned(), Some(value.to_owned())).await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// When there is no such key, or the store fails.
    pub async fn delete_key(&self, name: &str) -> Result<(), Error> {
        let datastore = self.datastore();
        if !datastore.system.contains_key(name) {
            return Err(Error::not_found("key", name, datastore.system.keys().map(String::as_str)));
        }
        self.change_key(name.to_owned(), None).await
    }

    /// Stores the value of a key, or that it has none any more, and then shows that.
    async fn change_key(&self, name: String, value: Option<String>) -> Result<(), Error> {
        let engine = self.clone();
        self.to_the_end(async move {
            let _changing = engine.0.changing_content.lock().await;
            let change = match value.clone() {
                Some(value) => Change::put(KeyValue { name: name.clone(), value }),
                None => Change::delete::<KeyValue>(name.clone()),
            };
            engine.commit(Vec::new(), vec![change]).await?;
            let mut datastore = engine.0.datastore.write().unwrap_or_else(PoisonError::into_inner);
            let system = &mut Arc::make_mut(&mut datastore).system;
            match value {
                Some(value) => drop(system.insert(name, value)),
                None => drop(system.remove(&name)),
            }
            Ok(())
        })
        .await
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
