//! Who may use the host: users, tokens and API keys, in memory. They are read from the store at the start
//! and changed after each commit that changes them, never before.
//!
//! [`sign_in`] gives tokens for passwords, [`users`] and [`api_keys`] make and change what they are named
//! for, [`throttle`] slows guessing down, [`secrets`] mints and hashes. What a request presents, and
//! where, is read in `petrel_api::auth`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use petrel_model::account::Digest;
use petrel_model::{ApiKey, ApiKeyId, Timestamp, Token, TokenId, User};
use petrel_persistence::{Store, StoreExt as _};
use serde_json::Value;

use crate::clock;
use crate::error::Error;
use crate::service::Engine;

pub mod api_keys;
mod secrets;
pub mod sign_in;
pub mod throttle;
pub mod users;

pub(crate) use sign_in::SignIns;

/// How many characters an id has; a key has more.
const LENGTH_OF_ID: usize = 24;

/// Where a token's metadata says who had it made for somebody else.
const MADE_BY: &str = "created_by";

/// On whose behalf a request comes, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// Who had the token made, where that was somebody else.
    pub made_by: Option<String>,
    /// What was presented.
    pub credential: Credential,
}

/// What a request presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The token in the host's own file.
    AdminToken,
    /// A token, good until then.
    Token(TokenId, Timestamp),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// Why a token or a key is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worthless {
    /// Nobody knows it.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was switched off.
    Disabled,
}

/// Everybody who may use the host.
#[derive(Default)]
pub struct Accounts {
    users: BTreeMap<String, User>,
    tokens: HashMap<Digest, Token>,
    api_keys: BTreeMap<ApiKeyId, ApiKey>,
    keys_by_digest: HashMap<Digest, ApiKeyId>,
}

impl Accounts {
    /// What `store` holds.
    ///
    /// # Errors
    /// When it cannot be read.
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
            // What is longer than an id may be a key: it is not repeated.
            name: match id_or_key.chars().count() {
                ..=LENGTH_OF_ID => id_or_key.to_owned(),
                length => format!("(not shown: {length} characters)"),
            },
            hint: "`petrel apikey list` shows what there is".into(),
        })
    }

    /// Whose token this is.
    fn token_owner(&self, secret: &str, now: Timestamp) -> Result<Identity, Worthless> {
        let token = self.tokens.get(&secrets::digest(secret)).ok_or(Worthless::Unknown)?;
        if token.expires_at <= now {
            return Err(Worthless::Expired);
        }
        if !self.users.contains_key(&token.user) {
            return Err(Worthless::Unknown);
        }
        let credential = Credential::Token(token.id, token.expires_at);
        let made_by = token.metadata.get(MADE_BY).and_then(Value::as_str).map(str::to_owned);
        Ok(Identity { user: token.user.clone(), made_by, credential })
    }

    /// Whose key this is.
    fn key_owner(&self, secret: &str) -> Result<Identity, Worthless> {
        let id = self.keys_by_digest.get(&secrets::digest(secret)).ok_or(Worthless::Unknown)?;
        let key = self.api_keys.get(id).ok_or(Worthless::Unknown)?;
        if !key.enabled {
            return Err(Worthless::Disabled);
        }
        if !self.users.contains_key(&key.user) {
            return Err(Worthless::Unknown);
        }
        Ok(Identity { user: key.user.clone(), made_by: None, credential: Credential::ApiKey(key.id) })
    }

    fn tokens_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Token> {
        self.tokens.values().filter(move |token| token.user == user)
    }

    fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Token> {
        self.tokens.values().filter(move |token| token.expires_at <= now)
    }

    fn put_user(&mut self, user: User) {
        self.users.insert(user.name.clone(), user);
    }

    fn put_token(&mut self, token: Token) {
        self.tokens.insert(token.digest.clone(), token);
    }

    fn put_api_key(&mut self, key: ApiKey) {
        self.keys_by_digest.insert(key.digest.clone(), key.id);
        self.api_keys.insert(key.id, key);
    }

    fn delete_api_key(&mut self, id: ApiKeyId) {
        self.api_keys.remove(&id);
        self.keys_by_digest.retain(|_, of| *of != id);
    }

    fn delete_tokens(&mut self, ids: &[TokenId]) {
        self.tokens.retain(|_, token| !ids.contains(&token.id));
    }
}

impl Engine {
    /// Who may use the host.
    pub fn accounts(&self) -> RwLockReadGuard<'_, Accounts> {
        self.0.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts_mut(&self) -> RwLockWriteGuard<'_, Accounts> {
        self.0.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// When it is worth nothing.
    pub fn identify_token(&self, secret: &str) -> Result<Identity, Worthless> {
        self.accounts().token_owner(secret, clock::now())
    }

    /// Whose API key this is.
    ///
    /// # Errors
    /// When it is worth nothing.
    pub fn identify_api_key(&self, secret: &str) -> Result<Identity, Worthless> {
        self.accounts().key_owner(secret)
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
        assert_eq!(accounts.token_owner("secret", at(10)), Err(Worthless::Expired));
        assert_eq!(accounts.token_owner("Secret", at(9)), Err(Worthless::Unknown));
        assert_eq!(accounts.key_owner("secret"), Err(Worthless::Unknown));
        accounts.users.clear();
        assert_eq!(accounts.token_owner("secret", at(9)), Err(Worthless::Unknown));
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
        assert_eq!(accounts.key_owner("key"), Err(Worthless::Disabled));
        accounts.delete_api_key(id);
        assert_eq!(accounts.key_owner("key"), Err(Worthless::Unknown));
        let message = accounts.api_key(&"5ec2e7".repeat(8)).unwrap_err().to_string();
        assert!(!message.contains("5ec2e7"), "{message}");
        let message = accounts.api_key("nope").unwrap_err().to_string();
        assert_eq!(message, "API key `nope` does not exist");
    }
}
