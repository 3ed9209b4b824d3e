//! The handle of the service and its state. Credentials are identified here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use petrel_engine_core::{Core, Decided, Error, Mirror};
use petrel_model::Timestamp;

use crate::accounts::Accounts;
use crate::identity::{Credential, Identity, Rejected};
use crate::runs::Runs;
use crate::sign_in::SignIns;

/// The settings of this service.
#[derive(Debug, Clone)]
pub struct Options {
    /// The longest lifetime of a token, and the default. 24 hours unless set.
    pub token_ttl: Duration,
    /// Users who may act on behalf of others, besides the admin, but never of the admin. Empty unless set.
    pub may_impersonate: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { token_ttl: Duration::from_secs(24 * 60 * 60), may_impersonate: Vec::new() }
    }
}

/// The service that knows users and credentials. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    core: Core,
    options: Options,
    accounts: Mirror<Accounts>,
    sign_ins: SignIns,
    runs: Runs,
}

impl Access {
    /// Starts the service with the accounts in the store of `core`.
    ///
    /// # Errors
    /// When the accounts cannot be read.
    pub async fn load(core: Core, options: Options) -> Result<Self, Error> {
        let accounts = Mirror::new(Accounts::load(core.store()).await?);
        Ok(Self(Arc::new(Inner {
            core,
            options,
            accounts,
            sign_ins: SignIns::default(),
            runs: Runs::default(),
        })))
    }

    /// A snapshot of all accounts.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.0.accounts.get()
    }

    /// The owner of a token.
    ///
    /// # Errors
    /// When it is not accepted.
    pub fn identify_token(&self, secret: &str) -> Result<Identity, Rejected> {
        match self.accounts().token_owner(secret, self.0.core.now()) {
            Err(Rejected::Unknown) => self.run_owner(secret),
            known => known,
        }
    }

    /// The owner of an API key.
    ///
    /// # Errors
    /// When it is not accepted.
    pub fn identify_api_key(&self, secret: &str) -> Result<Identity, Rejected> {
        self.accounts().key_owner(secret)
    }

    /// The end of a token's validity; `None` for one that is not valid.
    pub fn validate_token(&self, secret: &str) -> Option<Timestamp> {
        match self.identify_token(secret).ok()?.credential {
            Credential::Token(_, expires_at) => Some(expires_at),
            _ => None,
        }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    pub(crate) fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// Decides on the present accounts, commits the decision, and then shows it.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&Accounts) -> Result<Decided<Accounts, R>, Error> + Send + 'static,
    ) -> Result<R, Error> {
        self.0.accounts.change(&self.0.core, decide).await
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("options", &self.0.options).finish_non_exhaustive()
    }
}
