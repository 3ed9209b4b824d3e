//! Access as other services and the API see it, over a store in memory and a clock that the tests turn. Nothing sleeps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are the parts of tests")]

mod api_keys;
mod behalf;
mod concurrent;
mod sign_in;
mod tokens;
mod users;

use std::sync::Arc;
use std::time::Duration;

use petrel_access::{Access, Issued, Options, SignIn};
use petrel_engine_core::{Core, Error, SetClock};
use petrel_model::{ApiKey, Timestamp, Token, User};
use petrel_persistence::{MemoryStore, StoreExt as _};

/// A password that is good enough.
const PASSWORD: &str = "correct horse";

/// Access with what it stands on.
struct House {
    access: Access,
    core: Core,
    clock: Arc<SetClock>,
    store: MemoryStore,
}

impl House {
    /// One with nobody in it.
    async fn empty() -> Self {
        Self::over(MemoryStore::default(), Options::default()).await
    }

    /// One with these users, all of whom have the same password.
    async fn with(users: &[&str]) -> Self {
        let house = Self::empty().await;
        house.add(users).await;
        house
    }

    async fn over(store: MemoryStore, options: Options) -> Self {
        let clock = Arc::new(SetClock::default());
        let core = Core::new(Arc::new(store.clone()), Arc::<SetClock>::clone(&clock));
        Self { access: Access::load(core.clone(), options).await.unwrap(), core, clock, store }
    }

    /// What the next process finds; this one is fenced off.
    async fn next_process(&self) -> Self {
        Self::over(self.store.reopen(), Options::default()).await
    }

    async fn add(&self, users: &[&str]) {
        for user in users {
            self.access.create_user("admin", user, PASSWORD).await.unwrap();
        }
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<Issued<Token>, Error> {
        self.access.sign_in(attempt(name, password)).await
    }

    async fn token(&self, name: &str) -> String {
        self.sign_in(name, PASSWORD).await.unwrap().secret
    }

    fn turn(&self, seconds: u64) {
        self.clock.turn(Duration::from_secs(seconds));
    }

    fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// How many users, tokens and keys are stored.
    async fn stored(&self) -> (usize, usize, usize) {
        let users = self.store.all::<User>().await.unwrap().len();
        let tokens = self.store.all::<Token>().await.unwrap().len();
        (users, tokens, self.store.all::<ApiKey>().await.unwrap().len())
    }

    fn users(&self) -> Vec<User> {
        self.access.accounts().users().cloned().collect()
    }
}

/// Somebody who tries to sign in, from nowhere in particular.
fn attempt(name: &str, password: &str) -> SignIn {
    SignIn { name: name.into(), password: password.into(), address: None, ttl: None, on_behalf_of: None }
}

/// The code and the message of a refusal.
fn refused<T>(result: Result<T, Error>) -> (&'static str, String) {
    let error = result.err().unwrap();
    assert!(!error.hint().is_empty(), "{error}");
    (error.code(), error.to_string())
}
