//! The user on whose behalf a request is made. A name in a request is only a claim: it counts when it is the caller's
//! own, or when the caller may act on behalf of others.

use petrel_engine_core::Error;
use petrel_model::names::check_text;

use crate::identity::{ADMIN, RULE_USER};
use crate::likeness::likeness;
use crate::service::Access;

/// A user, and the caller where that is somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behalf {
    /// The user on whose behalf something is done.
    pub user: String,
    /// The caller, if it is not `user`.
    pub api_user: Option<String>,
}

impl Behalf {
    /// A caller who asks for itself.
    pub fn own(user: impl Into<String>) -> Self {
        Self { user: user.into(), api_user: None }
    }
}

impl Access {
    /// Whether `caller` may act on behalf of others: the admin may, and the users in the settings
    /// ([`Options::may_impersonate`](crate::Options::may_impersonate)), these on behalf of everybody but the admin. Roles
    /// will be asked here.
    pub fn may_impersonate(&self, caller: &str) -> bool {
        self.is_admin(caller) || self.options().may_impersonate.iter().any(|name| name == caller)
    }

    /// Whether a user of this name is allowed more than others. Whoever creates that user can sign in as it.
    pub(crate) fn comes_with_rights(&self, name: &str) -> bool {
        name == RULE_USER || self.may_impersonate(name)
    }

    /// The name with rights that `name` cannot be told apart from, unless it is one itself.
    pub(crate) fn resembled(&self, name: &str) -> Option<&str> {
        if self.comes_with_rights(name) {
            return None;
        }
        let looks = likeness(name);
        let settings = self.options().may_impersonate.iter().map(String::as_str);
        [ADMIN, RULE_USER].into_iter().chain(settings).find(|known| likeness(known) == looks)
    }

    /// Whether `caller` is the admin. Roles will be asked here.
    pub fn is_admin(&self, caller: &str) -> bool {
        caller == ADMIN
    }

    /// The user on whose behalf `caller` asks with the name `wanted` in its request.
    ///
    /// # Errors
    /// When `wanted` is somebody else and the caller may not act on behalf of others, or when it is not a valid name.
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

    /// Refuses an act that only `owner` and those who may act on its behalf are allowed. Acts of the admin are allowed to
    /// the admin alone, since backups and secrets go with them.
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

    /// Refuses an act that only the admin is allowed.
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
