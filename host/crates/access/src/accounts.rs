//! A snapshot of users, tokens and API keys, with the indexes by which they are looked up. It reads the store only
//! once, at the start; `service` keeps it current.

use std::collections::{BTreeMap, HashMap};

use petrel_engine_core::Error;
use petrel_model::account::Digest;
use petrel_model::{ApiKey, ApiKeyId, Timestamp, Token, TokenId, User};
use petrel_persistence::{Store, StoreExt as _};
use serde_json::Value;

use crate::identity::{Credential, Identity, Rejected};
use crate::secrets;

/// The length of an id in characters. A key is longer.
const LENGTH_OF_ID: usize = 24;

/// The attribute of a token's metadata that names the user who had it issued for somebody else.
pub(crate) const MADE_BY: &str = "created_by";

/// All users with their tokens and API keys, at one moment.
#[derive(Clone, Default)]
pub struct Accounts {
    users: BTreeMap<String, User>,
    tokens: HashMap<Digest, Token>,
    api_keys: BTreeMap<ApiKeyId, ApiKey>,
    keys_by_digest: HashMap<Digest, ApiKeyId>,
}

impl Accounts {
    /// Reads all accounts from `store`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, Error> {
        let mut accounts = Self::default();
        store.all::<User>().await?.into_iter().for_each(|user| accounts.put_user(user));
        store.all::<Token>().await?.into_iter().for_each(|token| accounts.put_token(token));
        store.all::<ApiKey>().await?.into_iter().for_each(|key| accounts.put_api_key(key));
        Ok(accounts)
    }

    /// All users, by name.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// A user.
    pub fn user(&self, name: &str) -> Result<&User, Error> {
        let known = self.users.keys().map(String::as_str);
        self.users.get(name).ok_or_else(|| Error::not_found("user", name, known))
    }

    /// All API keys, oldest first.
    pub fn api_keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.api_keys.values()
    }

    /// An API key, by its id or by the key itself.
    pub fn api_key(&self, id_or_key: &str) -> Result<&ApiKey, Error> {
        let by_key = || self.keys_by_digest.get(&secrets::digest(id_or_key)).copied();
        let id = id_or_key.parse().ok().or_else(by_key);
        id.and_then(|id: ApiKeyId| self.api_keys.get(&id)).ok_or_else(|| Error::NotFound {
            what: "API key",
            // A text longer than an id may be a key, and must not be repeated in a message.
            name: match id_or_key.chars().count() {
                ..=LENGTH_OF_ID => id_or_key.to_owned(),
                length => format!("(not shown: {length} characters)"),
            },
            hint: "`petrel apikey list` shows the known ones".into(),
        })
    }

    /// The owner of a token.
    pub(crate) fn token_owner(&self, secret: &str, now: Timestamp) -> Result<Identity, Rejected> {
        let token = self.tokens.get(&secrets::digest(secret)).ok_or(Rejected::Unknown)?;
        // Expired tokens stay for a while, so that their owners learn the reason.
        if token.expires_at <= now {
            return Err(Rejected::Expired);
        }
        // The row of the user may be unreadable; then nobody may act as that user.
        if !self.users.contains_key(&token.user) {
            return Err(Rejected::Unknown);
        }
        let credential = Credential::Token(token.id, token.expires_at);
        let made_by = token.metadata.get(MADE_BY).and_then(Value::as_str).map(str::to_owned);
        Ok(Identity { user: token.user.clone(), made_by, credential })
    }

    /// The owner of an API key.
    pub(crate) fn key_owner(&self, secret: &str) -> Result<Identity, Rejected> {
        let id = self.keys_by_digest.get(&secrets::digest(secret)).ok_or(Rejected::Unknown)?;
        let key = self.api_keys.get(id).ok_or(Rejected::Unknown)?;
        if !key.enabled {
            return Err(Rejected::Disabled);
        }
        if !self.users.contains_key(&key.user) {
            return Err(Rejected::Unknown);
        }
        Ok(Identity { user: key.user.clone(), made_by: None, credential: Credential::ApiKey(key.id) })
    }

    pub(crate) fn tokens_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Token> {
        self.tokens.values().filter(move |token| token.user == user)
    }

    pub(crate) fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Token> {
        self.tokens.values().filter(move |token| token.expires_at <= now)
    }

    pub(crate) fn put_user(&mut self, user: User) {
        self.users.insert(user.name.clone(), user);
    }

    pub(crate) fn put_token(&mut self, token: Token) {
        self.tokens.insert(token.digest.clone(), token);
    }

    pub(crate) fn put_api_key(&mut self, key: ApiKey) {
        self.keys_by_digest.insert(key.digest.clone(), key.id);
        self.api_keys.insert(key.id, key);
    }

    pub(crate) fn delete_api_key(&mut self, id: ApiKeyId) {
        self.api_keys.remove(&id);
        self.keys_by_digest.retain(|_, of| *of != id);
    }

    pub(crate) fn delete_tokens(&mut self, ids: &[TokenId]) {
        self.tokens.retain(|_, token| !ids.contains(&token.id));
    }

    pub(crate) fn delete_user(&mut self, name: &str) {
        self.users.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::{Id, Object};

    use super::*;

    #[test]
    fn a_token_is_good_until_it_expires_or_its_user_is_gone() {
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let mut accounts = Accounts::default();
        let user =
            User { name: "ada".into(), password_hash: String::new(), is_admin: true, created_at: at(0) };
        accounts.put_user(user);
        let id: TokenId = Id::from_parts(1, 1).into();
        let token = Token {
            id,
            user: "ada".into(),
            digest: secrets::digest("secret"),
            expires_at: at(10),
            metadata: Object::new(),
        };
        accounts.put_token(token);
        let good = Identity { user: "ada".into(), made_by: None, credential: Credential::Token(id, at(10)) };
        assert_eq!(accounts.token_owner("secret", at(9)), Ok(good));
        assert_eq!(accounts.token_owner("secret", at(10)), Err(Rejected::Expired));
        assert_eq!(accounts.token_owner("Secret", at(9)), Err(Rejected::Unknown));
        assert_eq!(accounts.key_owner("secret"), Err(Rejected::Unknown));
        accounts.users.clear();
        assert_eq!(accounts.token_owner("secret", at(9)), Err(Rejected::Unknown));
    }

    #[test]
    fn a_key_is_good_while_it_is_enabled() {
        let mut accounts = Accounts::default();
        let id: ApiKeyId = Id::from_parts(1, 1).into();
        let user = User {
            name: "ada".into(),
            password_hash: String::new(),
            is_admin: true,
            created_at: Timestamp::default(),
        };
        accounts.put_user(user);
        let mut key = ApiKey {
            id,
            user: "ada".into(),
            digest: secrets::digest("key"),
            metadata: Object::new(),
            enabled: true,
            created_at: Timestamp::default(),
        };
        accounts.put_api_key(key.clone());
        assert!(accounts.key_owner("key").is_ok());
        assert_eq!(accounts.api_key("key").map(|key| key.id).ok(), Some(id));
        key.enabled = false;
        accounts.put_api_key(key);
        assert_eq!(accounts.key_owner("key"), Err(Rejected::Disabled));
        accounts.delete_api_key(id);
        assert_eq!(accounts.key_owner("key"), Err(Rejected::Unknown));
        let message = accounts.api_key(&"5ec2e7".repeat(8)).unwrap_err().to_string();
        assert!(!message.contains("5ec2e7"), "{message}");
        let message = accounts.api_key("nope").unwrap_err().to_string();
        assert_eq!(message, "API key `nope` does not exist");
    }
}
