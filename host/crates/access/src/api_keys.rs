//! Creates, changes and deletes API keys.

use petrel_engine_core::{Decided, Error};
use petrel_model::{ApiKey, ApiKeyId, Object};
use petrel_persistence::Change;

use crate::accounts::Accounts;
use crate::identity::Issued;
use crate::secrets;
use crate::service::Access;

/// The largest metadata of a key, in bytes of JSON.
const LARGEST_METADATA: usize = 4096;

/// A change of an API key. `None` leaves an attribute as it is.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// The new owner.
    pub user: Option<String>,
    /// The new metadata.
    pub metadata: Option<Object>,
    /// Whether the key is accepted from now on.
    pub enabled: Option<bool>,
}

impl Access {
    /// Creates a key for `user`.
    ///
    /// # Errors
    /// When the user does not exist, `caller` may not act on behalf of the user, or the metadata is too large.
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

    /// Changes a key, which is named by its id or by the key itself.
    ///
    /// # Errors
    /// When the key or the user does not exist, `caller` may not act on behalf of the present or the new owner, or
    /// the metadata is too large.
    pub async fn change_api_key(
        &self,
        caller: &str,
        id_or_key: &str,
        change: KeyChange,
    ) -> Result<ApiKey, Error> {
        let (access, id_or_key, caller) = (self.clone(), id_or_key.to_owned(), caller.to_owned());
        self.change(move |accounts| {
            let mut key = accounts.api_key(&id_or_key)?.clone();
            // Both owners are checked: a key may neither be taken from a user nor be given to one.
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

    /// Deletes a key, which is named by its id or by the key itself.
    ///
    /// # Errors
    /// When the key does not exist, or `caller` may not act on behalf of its owner.
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

/// Stores a key, if its owner exists.
fn put(accounts: &Accounts, key: ApiKey) -> Result<Decided<Accounts, ApiKey>, Error> {
    // Checked with the accounts locked, since the user may have been deleted since the request came.
    accounts.user(&key.user)?;
    let shown = key.clone();
    Ok(Decided::new(vec![Change::put(key.clone())], key, move |accounts: &mut Accounts| {
        accounts.put_api_key(shown);
    }))
}

fn check_metadata(metadata: &Object) -> Result<(), Error> {
    let size = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_METADATA {
        let message = format!("the metadata has {size} bytes; the limit is {LARGEST_METADATA}");
        return Err(Error::invalid(message, "say less"));
    }
    Ok(())
}
