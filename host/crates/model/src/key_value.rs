//! Keys of the datastore: texts by name, in the scope that all share, or in that of a user.

use serde::{Deserialize, Serialize};

use crate::{RevisionId, Timestamp};

/// A key of the datastore with its value, in the scope that all share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// Its name.
    pub name: String,
    /// The text, which is sealed if it is secret.
    pub value: String,
    /// Whether the value is secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// The time from which on there is no such key any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The state of the key. An earlier version has written none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionId>,
}

impl KeyValue {
    /// A key that is open and stays.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), secret: false, expires_at: None, revision: None }
    }
}

/// A key of the datastore with its value, in the scope of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserKeyValue {
    /// The owner and the name, as [`reference_of`](Self::reference_of) writes them.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The user.
    pub owner: String,
    /// The key.
    pub key: KeyValue,
}

impl UserKeyValue {
    /// `key` of the user `owner`.
    pub fn new(owner: impl Into<String>, key: KeyValue) -> Self {
        let owner = owner.into();
        Self { reference: Self::reference_of(&owner, &key.name), owner, key }
    }

    /// The reference of a key of a user. Names of either may contain any sign, so the length of the first tells where it
    /// ends.
    pub fn reference_of(owner: &str, name: &str) -> String {
        format!("{}:{owner}:{name}", owner.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_of_an_earlier_version_is_read() {
        let earlier = json!({"name": "a.b", "value": "#ops"});
        let key: KeyValue = serde_json::from_value(earlier.clone()).unwrap();
        assert_eq!(key, KeyValue::new("a.b", "#ops"));
        assert_eq!(serde_json::to_value(key).unwrap(), earlier, "what is not used takes no space");
    }

    #[test]
    fn keys_of_users_never_share_a_reference() {
        let pairs = [("a", "b:c"), ("a:b", "c"), ("1", "a:b"), ("1:a", "b"), ("", "1:a:b")];
        let references: std::collections::BTreeSet<_> =
            pairs.iter().map(|(owner, name)| UserKeyValue::reference_of(owner, name)).collect();
        assert_eq!(references.len(), pairs.len(), "{references:?}");
        assert_eq!(UserKeyValue::new("ada", KeyValue::new("color", "red")).reference, "3:ada:color");
    }
}
