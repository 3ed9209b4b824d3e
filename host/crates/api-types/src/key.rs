//! Keys of the datastore.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The scope of keys that all users share. There is no other scope yet.
pub const SCOPE: &str = "st2kv.system";

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
    /// [`SCOPE`].
    #[serde(default)]
    pub scope: Cow<'a, str>,
    /// Whether the value is a secret. Always false so far.
    #[serde(default)]
    pub secret: bool,
    /// Whether the value is encrypted. Always false so far.
    #[serde(default)]
    pub encrypted: bool,
    /// `key_value_pair:scope:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
}

impl<'a> Key<'a> {
    /// The key `name` with its value.
    pub fn new(name: &'a str, value: &'a str) -> Self {
        Self {
            id: Cow::Borrowed(name),
            name: Cow::Borrowed(name),
            value: Cow::Borrowed(value),
            scope: Cow::Borrowed(SCOPE),
            secret: false,
            encrypted: false,
            uid: Cow::Owned(format!("key_value_pair:{SCOPE}:{name}")),
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
            &Key::new("deploy.channel", "#ops"),
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
}
