//! The handle of the service, and its state: what a token or a key is worth is asked here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use petrel_engine_core::{Core, Decided, Error, Mirror};
use petrel_model::Timestamp;

use crate::accounts::Accounts;
use crate::identity::{Credential, Identity, Rejected};
use crate::sign_in::SignIns;

/// Settings of access.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a token is good for, unless less is asked for. Default 24 hours.
    pub token_ttl: Duration,
    /// Who may act as somebody else, beside the admin, but never as the admin. Default: nobody.
    pub may_impersonate: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { token_ttl: Duration::from_secs(24 * 60 * 60), may_impersonate: Vec::new() }
    }
}

/// The service that knows who may use the host. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    core: Core,
    options: Options,
    accounts: Mirror<Accounts>,
    sign_ins: SignIns,
}

impl Access {
    /// The service over what the store of `core` holds.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn load(core: Core, options: Options) -> Result<Self, Error> {
        let accounts = Mirror::new(Accounts::load(core.store()).await?);
        Ok(Self(Arc::new(Inner { core, options, accounts, sign_ins: SignIns::default() })))
    }

    /// Users and API keys as they are now.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.0.accounts.get()
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// When it is not accepted.
    pub fn identify_token(&self, secret: &str) -> Result<Identity, Rejected> {
        self.accounts().token_owner(secret, self.0.core.now())
    }

    /// Whose API key this is.
    ///
    /// # Errors
    /// When it is not accepted.
    pub fn identify_api_key(&self, secret: &str) -> Result<Identity, Rejected> {
        self.accounts().key_owner(secret)
    }

    /// Until when a token is good; nothing for one that is not.
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

    pub(crate) fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// Decides on the accounts as they are now, commits, and then shows it.
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
