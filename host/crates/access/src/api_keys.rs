//! Makes, changes and deletes API keys.

use petrel_engine_core::{Decided, Error};
use petrel_model::{ApiKey, ApiKeyId, Object};
use petrel_persistence::Change;

use crate::accounts::Accounts;
use crate::identity::Issued;
use crate::secrets;
use crate::service::Access;

/// The largest metadata of a key, in bytes of JSON.
const LARGEST_METADATA: usize = 4096;

/// What is to be changed of a key.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// Whose it is from now on.
    pub user: Option<String>,
    /// What is kept with it from now on.
    pub metadata: Option<Object>,
    /// Whether it is worth anything from now on.
    pub enabled: Option<bool>,
}

impl Access {
    /// Makes a key for `user`.
    ///
    /// # Errors
    /// When there is no such user, `caller` may not act as that user, or the metadata is too large.
    pub async fn create_api_key(
        &self,
        caller: &str,
        user: &str,
        metadata: Object,
        enabled: bool,
    ) -> Result<Issued<ApiKey>, Error> {
        check_metadata(&metadata)?;
        self.refuse_impersonation(caller, user)?;
        let secret = secrets::random::<32>()?;
        let now = self.core().now();
        let key = ApiKey {
            id: self.core().mint(now),
            user: user.to_owned(),
            digest: secrets::digest(&secret),
            metadata,
            enabled,
            created_at: now,
        };
        let record = self.change(move |accounts| put(accounts, key)).await?;
        Ok(Issued { record, secret })
    }

    /// Changes a key, given by its id or by itself.
    ///
    /// # Errors
    /// When there is no such key or no such user, `caller` may not act as the one whose it is or is to be, or the
    /// metadata is too large.
    pub async fn change_api_key(
        &self,
        caller: &str,
        id_or_key: &str,
        change: KeyChange,
    ) -> Result<ApiKey, Error> {
        let (access, id_or_key, caller) = (self.clone(), id_or_key.to_owned(), caller.to_owned());
        self.change(move |accounts| {
            let mut key = accounts.api_key(&id_or_key)?.clone();
            access.refuse_impersonation(&caller, &key.user)?;
            if let Some(metadata) = change.metadata {
                check_metadata(&metadata)?;
                key.metadata = metadata;
            }
            key.user = change.user.unwrap_or(key.user);
            access.refuse_impersonation(&caller, &key.user)?;
            key.enabled = change.enabled.unwrap_or(key.enabled);
            put(accounts, key)
        })
        .await
    }

    /// Deletes a key, given by its id or by itself.
    ///
    /// # Errors
    /// When there is no such key, or `caller` may not act as the one whose it is.
    pub async fn delete_api_key(&self, caller: &str, id_or_key: &str) -> Result<ApiKeyId, Error> {
        let (access, id_or_key, caller) = (self.clone(), id_or_key.to_owned(), caller.to_owned());
        self.change(move |accounts| {
            let key = accounts.api_key(&id_or_key)?;
            access.refuse_impersonation(&caller, &key.user)?;
            let id = key.id;
            let deleted = move |accounts: &mut Accounts| accounts.delete_api_key(id);
            Ok(Decided::new(vec![Change::delete::<ApiKey>(id)], id, deleted))
        })
        .await
    }
}

/// To store a key, if there is the user whose it is.
fn put(accounts: &Accounts, key: ApiKey) -> Result<Decided<Accounts, ApiKey>, Error> {
    accounts.user(&key.user)?;
    let shown = key.clone();
    Ok(Decided::new(vec![Change::put(key.clone())], key, move |accounts: &mut Accounts| {
        accounts.put_api_key(shown);
    }))
}

fn check_metadata(metadata: &Object) -> Result<(), Error> {
    let size = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_METADATA {
        let message = format!("the metadata has {size} bytes, and {LARGEST_METADATA} is the limit");
        return Err(Error::invalid(message, "say less"));
    }
    Ok(())
}
