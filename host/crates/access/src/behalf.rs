//! On whose behalf something is asked for. A name in a request is a claim: it counts when it is the caller's own, or when
//! the caller may act as others.

use petrel_engine_core::Error;
use petrel_model::names::check_text;

use crate::service::Access;
use crate::users::{ADMIN, RULE_USER};

/// A user, and who really asked where that is somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behalf {
    /// On whose behalf.
    pub user: String,
    /// Who really asked.
    pub api_user: Option<String>,
}

impl Behalf {
    /// Of somebody who asks for themselves.
    pub fn own(user: impl Into<String>) -> Self {
        Self { user: user.into(), api_user: None }
    }
}

impl Access {
    /// Whether `caller` may act as somebody else: the admin may, and whom the settings name
    /// ([`Options::may_impersonate`](crate::Options::may_impersonate)), these as everybody but the admin. (Roles will ask
    /// here.)
    pub fn may_impersonate(&self, caller: &str) -> bool {
        self.is_admin(caller) || self.options().may_impersonate.iter().any(|name| name == caller)
    }

    /// Whether a user of this name may do or see more than others: whoever makes that user signs in as it.
    pub(crate) fn comes_with_rights(&self, name: &str) -> bool {
        name == RULE_USER || self.may_impersonate(name)
    }

    /// Whether `caller` is the admin. (Roles will ask here.)
    pub fn is_admin(&self, caller: &str) -> bool {
        caller == ADMIN
    }

    /// On whose behalf `caller` asks that names `wanted`.
    ///
    /// # Errors
    /// When that is somebody else, and the caller may not act as others; or when it cannot be a name.
    pub fn behalf(&self, caller: &str, wanted: Option<&str>) -> Result<Behalf, Error> {
        match wanted.filter(|wanted| !wanted.is_empty() && *wanted != caller) {
            None => Ok(Behalf::own(caller)),
            Some(other) => {
                check_text("a user", other)?;
                self.refuse_impersonation(caller, other)?;
                Ok(Behalf { user: other.to_owned(), api_user: Some(caller.to_owned()) })
            }
        }
    }

    /// Refuses `caller` what only `owner` and those who may act as others may do. What is the admin's, is the admin's
    /// alone: backups and secrets go with it.
    ///
    /// # Errors
    /// When the caller is none of these.
    pub fn refuse_impersonation(&self, caller: &str, owner: &str) -> Result<(), Error> {
        let is_admins = self.is_admin(owner);
        if caller == owner || (!is_admins && self.may_impersonate(caller)) {
            return Ok(());
        }
        let hint = if is_admins {
            format!(
                "sign in as `{ADMIN}`, or leave the user out: auth.may_impersonate is for acting as others than `{ADMIN}`"
            )
        } else {
            format!("leave the user out, or have the operator add `{caller}` to auth.may_impersonate")
        };
        Err(Error::Forbidden { message: format!("`{caller}` may not act as `{owner}`"), hint })
    }

    /// Refuses what only the admin may do.
    ///
    /// # Errors
    /// When the caller is somebody else.
    pub fn refuse_others_than_admin(&self, caller: &str, what: &str) -> Result<(), Error> {
        if self.is_admin(caller) {
            return Ok(());
        }
        let message = format!("`{caller}` may not {what}: only `{ADMIN}` may");
        Err(Error::Forbidden { message, hint: format!("sign in as `{ADMIN}`") })
    }
}
