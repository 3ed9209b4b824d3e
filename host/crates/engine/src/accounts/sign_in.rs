//! Gives tokens for passwords, and takes them back.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use petrel_model::{Object, Timestamp, Token, TokenId};
use petrel_persistence::Change;
use tokio::sync::Semaphore;

use super::MADE_BY;
use super::secrets;
use super::throttle::{Subject, Throttle};
use crate::clock;
use crate::error::Error;
use crate::service::Engine;

/// How many passwords are checked at once: each takes 19 MiB and a processor.
const CHECKED_AT_ONCE: usize = 2;
/// How many may wait for that.
const WAITING: usize = 64;
/// The longest password, in bytes.
pub(super) const LONGEST_PASSWORD: usize = 1024;
/// How many expired tokens are cleared away at once.
const CLEARED: usize = 100;

/// Attempts to sign in, under way and past.
pub(crate) struct SignIns {
    throttle: Mutex<Throttle>,
    under_way: Arc<Semaphore>,
    checking: Arc<Semaphore>,
}

impl Default for SignIns {
    fn default() -> Self {
        Self {
            throttle: Mutex::default(),
            under_way: Arc::new(Semaphore::new(CHECKED_AT_ONCE + WAITING)),
            checking: Arc::new(Semaphore::new(CHECKED_AT_ONCE)),
        }
    }
}

/// Somebody wants to sign in.
#[derive(Clone)]
pub struct SignIn {
    /// As whom.
    pub name: String,
    /// The password.
    pub password: String,
    /// Where from.
    pub address: Option<IpAddr>,
    /// For how long; [`Options::token_ttl`](crate::Options::token_ttl) if nothing is said, and at most.
    pub ttl: Option<Duration>,
    /// Whom the token is for, if it is for somebody else.
    pub on_behalf_of: Option<String>,
}

/// Something new, with its secret, which is told this once.
#[derive(Clone)]
pub struct Minted<T> {
    /// What was made.
    pub noun: T,
    /// The secret.
    pub secret: String,
}

impl Engine {
    /// Gives a token to who knows the password.
    ///
    /// # Errors
    /// When name and password do not fit, with no difference between the two; when it was tried too often;
    /// when more time is asked for than there is; when the store fails.
    pub async fn sign_in(&self, attempt: SignIn) -> Result<Minted<Token>, Error> {
        let ttl = self.checked_ttl(attempt.ttl)?;
        let hash = self.check_password(&attempt).await?;
        let SignIn { name, on_behalf_of, .. } = attempt;
        let engine = self.clone();
        self.to_the_end(async move {
            let _changing = engine.0.changing_accounts.lock().await;
            // It may have been changed, or the user deleted, while it was checked.
            if engine.accounts().user(&name).ok().is_none_or(|user| user.password_hash != hash) {
                return Err(Error::Unauthorized("Invalid or missing credentials".into()));
            }
            let mut metadata = Object::new();
            let user = match on_behalf_of.filter(|user| *user != name) {
                Some(user) => {
                    engine.refuse_impersonation(&name, &user)?;
                    metadata.insert(MADE_BY.into(), name.into());
                    user
                }
                None => name,
            };
            engine.accounts().user(&user)?;
            engine.give_token(user, metadata, ttl).await
        })
        .await
    }

    fn checked_ttl(&self, ttl: Option<Duration>) -> Result<Duration, Error> {
        let longest = self.0.options.token_ttl;
        match ttl {
            Some(ttl) if ttl > longest => Err(Error::invalid(
                format!("TTL specified {} is greater than max allowed {}.", ttl.as_secs(), longest.as_secs()),
                "ask for less, or set auth.token_seconds to more",
            )),
            Some(ttl) if ttl.is_zero() => {
                Err(Error::invalid("TTL specified 0 is no time.", "ask for at least 1"))
            }
            given => Ok(given.unwrap_or(longest)),
        }
    }

    /// The hash that the password fits.
    async fn check_password(&self, attempt: &SignIn) -> Result<String, Error> {
        let sign_ins = &self.0.sign_ins;
        let too_many = |_full| Error::Busy("too many sign in at once".into());
        let _under_way = Arc::clone(&sign_ins.under_way).try_acquire_owned().map_err(too_many)?;
        // Of a user who does not exist only a hash is remembered, whatever was sent as the name.
        let subjects: Vec<_> = [Subject::User(secrets::digest(&attempt.name))]
            .into_iter()
            .chain(attempt.address.map(Subject::Address))
            .collect();
        let throttle = || sign_ins.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle().begin(&subjects, Instant::now()).map_err(Error::TooOften)?;
        if attempt.password.len() <= LONGEST_PASSWORD {
            let hash = self.accounts().user(&attempt.name).ok().map(|user| user.password_hash.clone());
            let (password, checked) = (attempt.password.clone(), hash.clone());
            let fits = self.costly(move || secrets::is_password(&password, checked.as_deref())).await?;
            if let (true, Some(hash)) = (fits, hash) {
                throttle().succeeded(&subjects, Instant::now());
                return Ok(hash);
            }
        }
        tracing::warn!(
            address = attempt.address.map(tracing::field::display),
            "an attempt to sign in has failed"
        );
        Err(Error::Unauthorized("Invalid or missing credentials".into()))
    }

    /// Does what takes a processor for long, a few at once.
    pub(super) async fn costly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.0.sign_ins.checking).acquire_owned().await;
        let slot = slot.map_err(|closed| Error::Internal(closed.to_string()))?;
        // The slot is held until the work is done, also when nobody waits for it any more.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        });
        done.await.map_err(Error::from)
    }

    /// Mints a token; clears away what has expired.
    async fn give_token(
        &self,
        user: String,
        metadata: Object,
        ttl: Duration,
    ) -> Result<Minted<Token>, Error> {
        let now = clock::now();
        let secret = secrets::random::<16>()?;
        let digest = secrets::digest(&secret);
        let token = Token { id: self.mint(now), user, digest, expires_at: now.plus(ttl), metadata };
        let expired: Vec<_> = self.accounts().expired(now).take(CLEARED).map(|token| token.id).collect();
        let mut changes = vec![Change::put(token.clone())];
        changes.extend(expired.iter().copied().map(Change::delete::<Token>));
        self.commit(Vec::new(), changes).await?;
        let mut accounts = self.accounts_mut();
        accounts.put_token(token.clone());
        accounts.delete_tokens(&expired);
        Ok(Minted { noun: token, secret })
    }

    /// Takes a token back: it is worth nothing from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, id: TokenId) -> Result<(), Error> {
        let engine = self.clone();
        self.to_the_end(async move {
            let _changing = engine.0.changing_accounts.lock().await;
            engine.commit(Vec::new(), vec![Change::delete::<Token>(id)]).await?;
            engine.accounts_mut().delete_tokens(&[id]);
            Ok(())
        })
        .await
    }

    /// Whether a token is good now, and until when.
    pub fn validate_token(&self, secret: &str) -> Option<Timestamp> {
        match self.identify_token(secret).ok()?.credential {
            super::Credential::Token(_, expires_at) => Some(expires_at),
            _ => None,
        }
    }
}
