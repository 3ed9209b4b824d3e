//! Makes, changes and deletes API keys.

use petrel_model::{ApiKey, ApiKeyId, Object};
use petrel_persistence::Change;

use super::secrets;
use super::sign_in::Minted;
use crate::clock;
use crate::error::Error;
use crate::service::Engine;

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

impl Engine {
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
    ) -> Result<Minted<ApiKey>, Error> {
        check_metadata(&metadata)?;
        self.refuse_impersonation(caller, user)?;
        let secret = secrets::random::<32>()?;
        let now = clock::now();
        let key = ApiKey {
            id: self.mint(now),
            user: user.to_owned(),
            digest: secrets::digest(&secret),
            metadata,
            enabled,
            created_at: now,
        };
        let engine = self.clone();
        let noun = self.to_the_end(async move {
            let _changing = engine.0.changing_accounts.lock().await;
            engine.put_api_key(key).await
        });
        noun.await.map(|noun| Minted { noun, secret })
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
        let (engine, id_or_key, caller) = (self.clone(), id_or_key.to_owned(), caller.to_owned());
        self.to_the_end(async move {
            let _changing = engine.0.changing_accounts.lock().await;
            let mut key = engine.accounts().api_key(&id_or_key)?.clone();
            engine.refuse_impersonation(&caller, &key.user)?;
            if let Some(metadata) = change.metadata {
                check_metadata(&metadata)?;
                key.metadata = metadata;
            }
            key.user = change.user.unwrap_or(key.user);
            engine.refuse_impersonation(&caller, &key.user)?;
            key.enabled = change.enabled.unwrap_or(key.enabled);
            engine.put_api_key(key).await
        })
        .await
    }

    /// Stores a key; the lock of accounts is held.
    async fn put_api_key(&self, key: ApiKey) -> Result<ApiKey, Error> {
        self.accounts().user(&key.user)?;
        self.commit(Vec::new(), vec![Change::put(key.clone())]).await?;
        self.accounts_mut().put_api_key(key.clone());
        Ok(key)
    }

    /// Deletes a key, given by its id or by itself.
    ///
    /// # Errors
    /// When there is no such key, or `caller` may not act as the one whose it is.
    pub async fn delete_api_key(&self, caller: &str, id_or_key: &str) -> Result<ApiKeyId, Error> {
        let (engine, id_or_key, caller) = (self.clone(), id_or_key.to_owned(), caller.to_owned());
        self.to_the_end(async move {
            let _changing = engine.0.changing_accounts.lock().await;
            let key = engine.accounts().api_key(&id_or_key)?.clone();
            engine.refuse_impersonation(&caller, &key.user)?;
            let id = key.id;
            engine.commit(Vec::new(), vec![Change::delete::<ApiKey>(id)]).await?;
            engine.accounts_mut().delete_api_key(id);
            Ok(id)
        })
        .await
    }
}

fn check_metadata(metadata: &Object) -> Result<(), Error> {
    let size = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_METADATA {
        let message = format!("the metadata has {size} bytes, and {LARGEST_METADATA} is the limit");
        return Err(Error::invalid(message, "say less"));
    }
    Ok(())
}
