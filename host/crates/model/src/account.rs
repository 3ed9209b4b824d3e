//! Who may use the host: users, the tokens that they sign in for, and API keys.
//!
//! No secret is part of these: a password is kept as a hash that is costly to compute, tokens and keys as
//! their SHA-256, which is enough for what is random. They are minted and checked in
//! `petrel_access`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, Object, Timestamp, TokenId};

/// Somebody who may sign in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name, by which the user is kept.
    pub name: String,
    /// The hash of the password, in the PHC form; it says by itself how it was made.
    pub password_hash: String,
    /// Whether the user may do everything. There are no roles yet: it is true for all.
    #[serde(default = "yes")]
    pub is_admin: bool,
    /// When the user was made.
    pub created_at: Timestamp,
}

fn yes() -> bool {
    true
}

/// The SHA-256 of a token or a key, as hexadecimal digits.
pub type Digest = String;

/// What a user got for signing in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id; not the token itself.
    pub id: TokenId,
    /// Whose it is.
    pub user: String,
    /// The SHA-256 of the token.
    pub digest: Digest,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// Anything that is to be kept with it.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub metadata: Object,
}

/// What a program signs in with. It does not expire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id; not the key itself.
    pub id: ApiKeyId,
    /// On whose behalf.
    pub user: String,
    /// The SHA-256 of the key.
    pub digest: Digest,
    /// Anything that is to be kept with it: what it is for, most often.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub metadata: Object,
    /// Whether it is worth anything at present.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

// Hashes stay out of logs and messages.

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_not_printed() {
        let user = User {
            name: "ada".into(),
            password_hash: "$argon2id$secret".into(),
            is_admin: true,
            created_at: Timestamp::default(),
        };
        let printed = format!("{user:?}");
        assert!(printed.contains("ada") && !printed.contains("secret"), "{printed}");
    }
}
