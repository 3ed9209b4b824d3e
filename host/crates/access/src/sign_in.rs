//! Signing in and out: issues tokens for passwords, and revokes them.

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

/// The number of passwords that are checked at once. Each check takes 19 MiB and a processor.
const CHECKED_AT_ONCE: usize = 2;
/// The number of sign-ins that may wait for a check.
const WAITING: usize = 64;
/// The longest password, in bytes.
pub(crate) const LONGEST_PASSWORD: usize = 1024;
/// The number of expired tokens that are deleted along with a new one.
const CLEARED: usize = 100;

/// The attempts to sign in, present and past.
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

/// An attempt to sign in.
#[derive(Clone)]
pub struct SignIn {
    /// The name of the user.
    pub name: String,
    /// The password.
    pub password: String,
    /// The sender, if known.
    pub address: Option<IpAddr>,
    /// The lifetime of the token. At most [`Options::token_ttl`](crate::Options::token_ttl), which is also the
    /// default.
    pub ttl: Option<Duration>,
    /// The user that the token is for, if it is somebody else.
    pub on_behalf_of: Option<String>,
}

impl Access {
    /// Issues a token to a user with the right password.
    ///
    /// # Errors
    /// When the name or the password is wrong, without telling which; after too many attempts; when the lifetime is
    /// too long or zero; when the store fails.
    pub async fn sign_in(&self, attempt: SignIn) -> Result<Issued<Token>, Error> {
        let ttl = self.checked_ttl(attempt.ttl)?;
        let hash = self.check_password(&attempt).await?;
        let SignIn { name, on_behalf_of, .. } = attempt;
        let secret = secrets::random::<16>()?;
        let (access, digest) = (self.clone(), secrets::digest(&secret));
        let record = self.change(move |accounts| {
            // The password may have been changed, or the user deleted, during the check, which runs without the lock
            // of the accounts.
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
                Err(Error::invalid("TTL specified 0 is not a lifetime.", "ask for at least 1"))
            }
            given => Ok(given.unwrap_or(longest)),
        }
    }

    /// The hash of the user's password, if the attempt has the right one.
    async fn check_password(&self, attempt: &SignIn) -> Result<String, Error> {
        let sign_ins = self.sign_ins();
        let too_many = |_full| Error::Busy("too many sign in at once".into());
        // Refused at once rather than queued without end.
        let _under_way = Arc::clone(&sign_ins.under_way).try_acquire_owned().map_err(too_many)?;
        // Only a hash of the name is remembered, so that an attempt cannot fill the memory with long names.
        let subjects: Vec<_> = [Subject::User(secrets::digest(&attempt.name))]
            .into_iter()
            .chain(attempt.address.map(Subject::Address))
            .collect();
        sign_ins.throttle.lock().begin(&subjects, self.core().monotonic()).map_err(Error::TooOften)?;
        // A longer password never fits, and is not worth a check; the attempt has been counted.
        if attempt.password.len() <= LONGEST_PASSWORD {
            let hash = self.accounts().user(&attempt.name).ok().map(|user| user.password_hash.clone());
            let (password, checked) = (attempt.password.clone(), hash.clone());
            let fits = self.costly(move || secrets::is_password(&password, checked.as_deref())).await?;
            if let (true, Some(hash)) = (fits, hash) {
                sign_ins.throttle.lock().succeeded(&subjects, self.core().monotonic());
                return Ok(hash);
            }
        }
        tracing::warn!(address = attempt.address.map(tracing::field::display), "sign-in failed");
        Err(not_accepted())
    }

    /// Runs work that occupies a processor for long, a few pieces at once.
    pub(crate) async fn costly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.sign_ins().checking).acquire_owned().await;
        let slot = slot.map_err(|closed| Error::Internal(closed.to_string()))?;
        // The slot moves into the work: the processor is busy until its end, even if the caller has gone away.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        });
        done.await.map_err(Error::from)
    }

    /// Revokes a token.
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

/// The error for an unknown user and for a wrong password: the same, so that nobody learns which users exist.
fn not_accepted() -> Error {
    Error::Unauthorized("Invalid or missing credentials".into())
}

/// Stores a new token and deletes some expired ones.
fn put(accounts: &Accounts, token: Token, now: Timestamp) -> Decided<Accounts, Token> {
    // Deleted along the way, so that no task of its own has to clear tokens; a few each time keep the commit small.
    let expired: Vec<_> = accounts.expired(now).take(CLEARED).map(|token| token.id).collect();
    let mut changes = vec![Change::put(token.clone())];
    changes.extend(expired.iter().copied().map(Change::delete::<Token>));
    let shown = token.clone();
    Decided::new(changes, token, move |accounts: &mut Accounts| {
        accounts.put_token(shown);
        accounts.delete_tokens(&expired);
    })
}
