//! Tokens of executions that run, with which their processes ask the API. They are in memory only, and die with the run:
//! nothing of them is stored, and none is worth anything after a restart.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use petrel_engine_core::Error;
use petrel_model::account::Digest;
use petrel_model::{Timestamp, TokenId};

use crate::identity::{Credential, Identity, RULE_USER, Rejected};
use crate::secrets;
use crate::service::Access;

/// The owner of a token.
#[derive(Debug, Clone)]
struct Owner {
    user: String,
    id: TokenId,
    expires_at: Timestamp,
}

type Table = HashMap<Digest, Owner>;

/// The tokens of all executions that run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<Table>>);

impl Runs {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of an execution that runs. It is worth nothing once this is dropped.
pub struct RunToken {
    runs: Runs,
    digest: Digest,
    secret: String,
}

impl RunToken {
    /// The token itself, for the process of the execution.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunToken").finish_non_exhaustive()
    }
}

impl Drop for RunToken {
    fn drop(&mut self) {
        self.runs.table().remove(&self.digest);
    }
}

impl Access {
    /// A token for an execution of `user`, until it has ended, and as long as a token may be valid at most.
    ///
    /// # Errors
    /// When the system provides no random bytes.
    pub fn token_of_run(&self, user: &str) -> Result<RunToken, Error> {
        let secret = secrets::random::<16>()?;
        let now = self.core().now();
        let expires_at = now.plus(self.options().token_ttl);
        let owner = Owner { user: user.to_owned(), id: self.core().mint(now), expires_at };
        let digest = secrets::digest(&secret);
        self.runs().table().insert(digest.clone(), owner);
        Ok(RunToken { runs: self.runs().clone(), digest, secret })
    }

    /// The owner of such a token.
    pub(crate) fn run_owner(&self, secret: &str) -> Result<Identity, Rejected> {
        let owner = self.runs().table().get(&secrets::digest(secret)).cloned().ok_or(Rejected::Unknown)?;
        if owner.expires_at <= self.core().now() {
            return Err(Rejected::Expired);
        }
        // A user who was deleted meanwhile may do nothing more.
        if owner.user != RULE_USER && self.accounts().user(&owner.user).is_err() {
            return Err(Rejected::Unknown);
        }
        let credential = Credential::Token(owner.id, owner.expires_at);
        Ok(Identity { user: owner.user, made_by: None, credential })
    }
}
