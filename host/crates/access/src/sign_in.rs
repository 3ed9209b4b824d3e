//! Gives tokens for passwords, and takes them back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::{Decided, Error};
use petrel_model::{Object, Timestamp, Token, TokenId};
use petrel_persistence::Change;
use tokio::sync::Semaphore;

use crate::accounts::{Accounts, MADE_BY};
use crate::identity::Issued;
use crate::secrets;
use crate::service::Access;
use crate::throttle::{Subject, Throttle};

/// How many passwords are checked at once: each takes 19 MiB and a processor.
const CHECKED_AT_ONCE: usize = 2;
/// How many may wait for that.
const WAITING: usize = 64;
/// The longest password, in bytes.
pub(crate) const LONGEST_PASSWORD: usize = 1024;
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

impl Access {
    /// Gives a token to who knows the password.
    ///
    /// # Errors
    /// When name and password do not fit, with no difference between the two; when it was tried too often;
    /// when more time is asked for than there is; when the store fails.
    pub async fn sign_in(&self, attempt: SignIn) -> Result<Issued<Token>, Error> {
        let ttl = self.checked_ttl(attempt.ttl)?;
        let hash = self.check_password(&attempt).await?;
        let SignIn { name, on_behalf_of, .. } = attempt;
        let secret = secrets::random::<16>()?;
        let (access, digest) = (self.clone(), secrets::digest(&secret));
        let record = self.change(move |accounts| {
            // It may have been changed, or the user deleted, while it was checked.
            if accounts.user(&name).ok().is_none_or(|user| user.password_hash != hash) {
                return Err(not_accepted());
            }
            let mut metadata = Object::new();
            let user = match on_behalf_of.filter(|user| *user != name) {
                Some(user) => {
                    access.refuse_impersonation(&name, &user)?;
                    metadata.insert(MADE_BY.into(), name.into());
                    user
                }
                None => name,
            };
            accounts.user(&user)?;
            let now = access.core().now();
            let id = access.core().mint(now);
            let token = Token { id, user, digest, expires_at: now.plus(ttl), metadata };
            Ok(put(accounts, token, now))
        });
        Ok(Issued { record: record.await?, secret })
    }

    fn checked_ttl(&self, ttl: Option<Duration>) -> Result<Duration, Error> {
        let longest = self.options().token_ttl;
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
        let sign_ins = self.sign_ins();
        let too_many = |_full| Error::Busy("too many sign in at once".into());
        let _under_way = Arc::clone(&sign_ins.under_way).try_acquire_owned().map_err(too_many)?;
        // Of a user who does not exist only a hash is remembered, whatever was sent as the name.
        let subjects: Vec<_> = [Subject::User(secrets::digest(&attempt.name))]
            .into_iter()
            .chain(attempt.address.map(Subject::Address))
            .collect();
        sign_ins.throttle.lock().begin(&subjects, self.core().monotonic()).map_err(Error::TooOften)?;
        if attempt.password.len() <= LONGEST_PASSWORD {
            let hash = self.accounts().user(&attempt.name).ok().map(|user| user.password_hash.clone());
            let (password, checked) = (attempt.password.clone(), hash.clone());
            let fits = self.costly(move || secrets::is_password(&password, checked.as_deref())).await?;
            if let (true, Some(hash)) = (fits, hash) {
                sign_ins.throttle.lock().succeeded(&subjects, self.core().monotonic());
                return Ok(hash);
            }
        }
        tracing::warn!(
            address = attempt.address.map(tracing::field::display),
            "an attempt to sign in has failed"
        );
        Err(not_accepted())
    }

    /// Does what takes a processor for long, a few at once.
    pub(crate) async fn costly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.sign_ins().checking).acquire_owned().await;
        let slot = slot.map_err(|closed| Error::Internal(closed.to_string()))?;
        // The slot is held until the work is done, also when nobody waits for it any more.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        });
        done.await.map_err(Error::from)
    }

    /// Takes a token back: it is worth nothing from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, id: TokenId) -> Result<(), Error> {
        self.change(move |_accounts| {
            Ok(Decided::new(vec![Change::delete::<Token>(id)], (), move |accounts: &mut Accounts| {
                accounts.delete_tokens(&[id]);
            }))
        })
        .await
    }
}

/// Whether there is no such user or the password is wrong is not told.
fn not_accepted() -> Error {
    Error::Unauthorized("Invalid or missing credentials".into())
}

/// To store a new token, and to clear away some of what has expired.
fn put(accounts: &Accounts, token: Token, now: Timestamp) -> Decided<Accounts, Token> {
    let expired: Vec<_> = accounts.expired(now).take(CLEARED).map(|token| token.id).collect();
    let mut changes = vec![Change::put(token.clone())];
    changes.extend(expired.iter().copied().map(Change::delete::<Token>));
    let shown = token.clone();
    Decided::new(changes, token, move |accounts: &mut Accounts| {
        accounts.put_token(shown);
        accounts.delete_tokens(&expired);
    })
}
