//! Keys of the datastore.

use std::borrow::Cow;

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The scope of keys that all users share.
pub const SYSTEM: &str = "st2kv.system";

/// The scope of keys of a user.
pub const USER: &str = "st2kv.user";

/// A key of the datastore and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key<'a> {
    /// The name again, under StackStorm's other key.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// The name.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Cow<'a, str>,
    /// [`SYSTEM`] or [`USER`].
    #[serde(default)]
    pub scope: Cow<'a, str>,
    /// Whether the value is a secret.
    #[serde(default)]
    pub secret: bool,
    /// Whether the value is shown encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// `key_value_pair:scope:name`, with the user before the name in the scope of users.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// The time from which on there is no such key any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_timestamp: Option<Timestamp>,
    /// The user, in the scope of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Cow<'a, str>>,
}

impl<'a> Key<'a> {
    /// The key `name`, of `user` if there is one, with its value, which is open.
    pub fn new(user: Option<Cow<'a, str>>, name: Cow<'a, str>, value: Cow<'a, str>) -> Self {
        let (scope, uid) = match &user {
            None => (SYSTEM, format!("key_value_pair:{SYSTEM}:{name}")),
            Some(user) => (USER, format!("key_value_pair:{USER}:{user}:{name}")),
        };
        Self {
            id: name.clone(),
            name,
            value,
            scope: Cow::Borrowed(scope),
            secret: false,
            encrypted: false,
            uid: Cow::Owned(uid),
            expire_timestamp: None,
            user,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_key_is_shown_with_its_scope() {
        assert_shown_as::<Key<'static>>(
            &Key::new(None, "deploy.channel".into(), "#ops".into()),
            &json!({
                "id": "deploy.channel",
                "name": "deploy.channel",
                "value": "#ops",
                "scope": "st2kv.system",
                "secret": false,
                "encrypted": false,
                "uid": "key_value_pair:st2kv.system:deploy.channel",
            }),
        );
    }

    #[test]
    fn a_secret_key_of_a_user_that_expires_is_shown_with_all_that() {
        let key = Key::new(Some("ada".into()), "pin".into(), "petrel:1:a:b".into());
        let expire_timestamp = Some(Timestamp::from_micros(1_763_640_000_000_000));
        assert_shown_as::<Key<'static>>(
            &Key { secret: true, encrypted: true, expire_timestamp, ..key },
            &json!({
                "id": "pin",
                "name": "pin",
                "value": "petrel:1:a:b",
                "scope": "st2kv.user",
                "secret": true,
                "encrypted": true,
                "uid": "key_value_pair:st2kv.user:ada:pin",
                "expire_timestamp": "2025-11-20T12:00:00.000000Z",
                "user": "ada",
            }),
        );
    }
}
