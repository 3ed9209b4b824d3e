//! The identity behind a credential, the users that are known by name, and the reasons why a credential is not accepted.

use petrel_model::{ApiKeyId, Timestamp, TokenId};

/// The user that the first start creates.
pub const ADMIN: &str = "admin";
/// The user on whose behalf rules run, as in StackStorm. Nobody needs to be called so.
pub const RULE_USER: &str = "stanley";

/// The user on whose behalf a request is made, with its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// The user who had the token issued for this one, if there is such a user.
    pub made_by: Option<String>,
    /// The credential of the request.
    pub credential: Credential,
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The token in the host's own file.
    AdminToken,
    /// A token, with the end of its validity.
    Token(TokenId, Timestamp),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// The reason why a credential is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// No user has it, or its user was deleted.
    Unknown,
    /// Its validity is over.
    Expired,
    /// The key was disabled.
    Disabled,
}

/// A new token or key. The secret is shown once and not stored.
#[derive(Clone)]
pub struct Issued<T> {
    /// The stored record.
    pub record: T,
    /// The token or the key itself, for its owner.
    pub secret: String,
}
