//! What a credential stands for, and why one is not accepted.

use petrel_model::{ApiKeyId, Timestamp, TokenId};

/// On whose behalf a request comes, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// Who had the token made, where that was somebody else.
    pub made_by: Option<String>,
    /// What was presented.
    pub credential: Credential,
}

/// What a request presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The token in the host's own file.
    AdminToken,
    /// A token, good until then.
    Token(TokenId, Timestamp),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// Why a credential is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// Nobody has it, or its user is gone.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was switched off.
    Disabled,
}

/// A new token or key. The secret is shown once and not stored.
#[derive(Clone)]
pub struct Issued<T> {
    /// What is stored of it.
    pub record: T,
    /// What its owner presents.
    pub secret: String,
}
