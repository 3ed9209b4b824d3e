//! Accounts: users, the tokens that they sign in for, and API keys.

use std::borrow::Cow;
use std::fmt;

use petrel_model::secrets::MASK;
use petrel_model::{ApiKeyId, Object, Timestamp, TokenId, account};
use serde::{Deserialize, Serialize};

use crate::Secrets;

/// A user. The hash of the password is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User<'a> {
    /// The name again.
    pub id: Cow<'a, str>,
    /// The name.
    pub name: Cow<'a, str>,
    /// Whether the user is the admin.
    #[serde(default)]
    pub is_admin: bool,
    /// The time of creation.
    pub created_at: Timestamp,
}

impl<'a> From<&'a account::User> for User<'a> {
    fn from(user: &'a account::User) -> Self {
        Self {
            id: Cow::Borrowed(&user.name),
            name: Cow::Borrowed(&user.name),
            is_admin: user.is_admin,
            created_at: user.created_at,
        }
    }
}

/// A new token, for the user who has just signed in.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Token<'a> {
    /// The id of the token.
    pub id: TokenId,
    /// The owner.
    pub user: Cow<'a, str>,
    /// The token itself. It is shown once and not stored.
    pub token: Cow<'a, str>,
    /// The end of its validity.
    pub expiry: Timestamp,
    /// Free attributes.
    pub metadata: Cow<'a, Object>,
}

// The secret must not get into a log.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

impl<'a> Token<'a> {
    /// The view of `token`, with its secret.
    pub fn of(token: &'a account::Token, secret: &'a str) -> Self {
        Self {
            id: token.id,
            user: Cow::Borrowed(&token.user),
            token: Cow::Borrowed(secret),
            expiry: token.expires_at,
            metadata: Cow::Borrowed(&token.metadata),
        }
    }
}

/// The validity of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// Whether the token is valid.
    pub valid: bool,
}

/// The confirmation that the admin's token was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Always true.
    pub rotated: bool,
}

/// An API key. Its hash is masked unless secrets are to be shown.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKey<'a> {
    /// The id of the key.
    pub id: ApiKeyId,
    /// `api_key:hash`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// The user on whose behalf the key is used.
    pub user: Cow<'a, str>,
    /// The SHA-256 hash of the key, in hexadecimal.
    #[serde(default)]
    pub key_hash: Cow<'a, str>,
    /// Free attributes.
    #[serde(default)]
    pub metadata: Cow<'a, Object>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// Whether the key is accepted at present.
    pub enabled: bool,
}

impl<'a> ApiKey<'a> {
    /// The view of `key`. Its hash is masked unless secrets are to be shown.
    pub fn of(key: &'a account::ApiKey, secrets: Secrets) -> Self {
        let hash = if secrets == Secrets::Shown { key.digest.as_str() } else { MASK };
        Self {
            id: key.id,
            // StackStorm's uid of a key holds the hash, and so is masked with it.
            uid: Cow::Owned(format!("api_key:{hash}")),
            user: Cow::Borrowed(&key.user),
            key_hash: Cow::Borrowed(hash),
            metadata: Cow::Borrowed(&key.metadata),
            created_at: key.created_at,
            enabled: key.enabled,
        }
    }
}

/// A new API key, for the user who has just created it. The key is shown only once, so that few other fields are
/// required to read it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MadeApiKey<'a> {
    /// The id of the key.
    pub id: ApiKeyId,
    /// `api_key:` and a mask.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// The user on whose behalf the key is used.
    #[serde(default)]
    pub user: Cow<'a, str>,
    /// Whether the key is accepted at present.
    #[serde(default)]
    pub enabled: bool,
    /// Free attributes.
    #[serde(default)]
    pub metadata: Cow<'a, Object>,
    /// The time of creation.
    #[serde(default)]
    pub created_at: Timestamp,
    /// The key itself. It is shown once and not stored.
    pub key: Cow<'a, str>,
}

impl<'a> MadeApiKey<'a> {
    /// The view of `key`, with its secret.
    pub fn of(key: &'a account::ApiKey, secret: &'a str) -> Self {
        let ApiKey { id, uid, user, metadata, created_at, enabled, .. } = ApiKey::of(key, Secrets::Masked);
        Self { id, uid, user, enabled, metadata, created_at, key: Cow::Borrowed(secret) }
    }
}

/// The caller, in the form of StackStorm's `whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me<'a> {
    /// The name of the caller.
    pub username: Cow<'a, str>,
    /// The credential.
    pub authentication: Authentication<'a>,
    /// The rights of the caller.
    pub rbac: Rights<'a>,
}

/// The credential of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication<'a> {
    /// By what, for people.
    pub method: Cow<'a, str>,
    /// Its place in the request: `header`, `query` or `cookie`.
    #[serde(default)]
    pub location: Cow<'a, str>,
    /// The end of its validity: [`Timestamp::LAST`] for the admin's token, which does not expire although
    /// StackStorm's clients expect a time. Left out for an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expire: Option<Timestamp>,
}

/// The rights of a user. There are no roles yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights<'a> {
    /// Whether roles are in force.
    pub enabled: bool,
    /// The names of the roles.
    pub roles: Cow<'a, [String]>,
    /// Whether the user is the admin.
    pub is_admin: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    const ID: &str = "65a000000000000000000001";
    const NOON: &str = "2026-11-20T12:00:00.000000Z";

    #[test]
    fn a_user_is_shown_without_the_password() {
        let stored: account::User =
            noun(json!({"name": "ada", "password_hash": "$argon2id$", "is_admin": true, "created_at": NOON}));
        assert_shown_as::<User<'static>>(
            &User::from(&stored),
            &json!({"id": "ada", "name": "ada", "is_admin": true, "created_at": NOON}),
        );
    }

    #[test]
    fn a_token_is_shown_with_itself() {
        let stored: account::Token = noun(json!({
            "id": ID, "user": "ada", "digest": "0a", "expires_at": NOON, "metadata": {"z": 1, "a": 2},
        }));
        assert_shown_as::<Token<'static>>(
            &Token::of(&stored, "secret"),
            &json!({"id": ID, "user": "ada", "token": "secret", "expiry": NOON, "metadata": {"z": 1, "a": 2}}),
        );
    }

    #[test]
    fn what_became_of_a_token_is_one_word() {
        assert_shown_as::<Validity>(&Validity { valid: false }, &json!({"valid": false}));
        assert_shown_as::<Rotation>(&Rotation { rotated: true }, &json!({"rotated": true}));
    }

    #[test]
    fn an_api_key_is_shown_with_its_hash_masked_and_once_with_itself() {
        let stored: account::ApiKey =
            noun(json!({"id": ID, "user": "ada", "digest": "0a", "enabled": true, "created_at": NOON}));
        for (secrets, hash) in [(Secrets::Masked, MASK), (Secrets::Shown, "0a")] {
            assert_shown_as::<ApiKey<'static>>(
                &ApiKey::of(&stored, secrets),
                &json!({
                    "id": ID,
                    "uid": format!("api_key:{hash}"),
                    "user": "ada",
                    "key_hash": hash,
                    "metadata": {},
                    "created_at": NOON,
                    "enabled": true,
                }),
            );
        }
        assert_shown_as::<MadeApiKey<'static>>(
            &MadeApiKey::of(&stored, "secret"),
            &json!({
                "id": ID,
                "uid": "api_key:********",
                "user": "ada",
                "enabled": true,
                "metadata": {},
                "created_at": NOON,
                "key": "secret",
            }),
        );
    }

    #[test]
    fn who_asks_is_told_who_that_is() {
        let me = |method: &'static str, token_expire| Me {
            username: "ada".into(),
            authentication: Authentication { method: method.into(), location: "header".into(), token_expire },
            rbac: Rights { enabled: false, roles: Cow::default(), is_admin: true },
        };
        let rbac = json!({"enabled": false, "roles": [], "is_admin": true});
        assert_shown_as::<Me<'static>>(
            &me("authentication token", Some(NOON.parse().unwrap())),
            &json!({
                "username": "ada",
                "authentication":
                    {"method": "authentication token", "location": "header", "token_expire": NOON},
                "rbac": rbac,
            }),
        );
        assert_shown_as::<Me<'static>>(
            &me("API key", None),
            &json!({
                "username": "ada",
                "authentication": {"method": "API key", "location": "header"},
                "rbac": rbac,
            }),
        );
    }
}
