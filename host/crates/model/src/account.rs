//! Accounts: users, the tokens that they get by signing in, and API keys.
//!
//! None of these contains a secret. A password is stored as a hash that is expensive to compute, tokens and keys as
//! their SHA-256, which is enough for random values. `petrel_access` creates and checks them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, Object, Timestamp, TokenId};

/// A user who can sign in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name, which is the key in the store.
    pub name: String,
    /// The password's hash in the PHC string format, which names its own algorithm and cost.
    pub password_hash: String,
    /// Whether the user may do everything. True for all users, as long as there are no roles.
    #[serde(default = "yes")]
    pub is_admin: bool,
    /// The time of creation.
    pub created_at: Timestamp,
}

fn yes() -> bool {
    true
}

/// The SHA-256 of a token or a key, as hexadecimal digits.
pub type Digest = String;

/// A token that a user got by signing in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id, which is not the token itself.
    pub id: TokenId,
    /// The user.
    pub user: String,
    /// The SHA-256 of the token.
    pub digest: Digest,
    /// The time from which it is not accepted.
    pub expires_at: Timestamp,
    /// Metadata given by the client.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub metadata: Object,
}

/// An API key, with which a program authenticates. It does not expire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, which is not the key itself.
    pub id: ApiKeyId,
    /// The user on whose behalf the program acts.
    pub user: String,
    /// The SHA-256 of the key.
    pub digest: Digest,
    /// Metadata given by the client, usually the purpose of the key.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub metadata: Object,
    /// Whether it is accepted at present.
    pub enabled: bool,
    /// The time of creation.
    pub created_at: Timestamp,
}

// Written by hand, so that hashes never reach a log or a message.

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
