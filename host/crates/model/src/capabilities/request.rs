//! The capabilities that a pack asks for in its `pack.yaml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::files::FileWish;
use super::http::HttpRule;
use super::named::{Names, SecretUse, StoreBounds};
use crate::hexadecimal;

/// Addresses that a pack asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpWish {
    /// The name within the request, for commands.
    pub id: String,
    /// What for.
    #[serde(default)]
    pub reason: String,
    /// The addresses.
    #[serde(flatten)]
    pub rule: HttpRule,
    /// The secrets that are sent there, each in one place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretUse>,
}

/// The capabilities that a pack asks for. The configuration of the pack, events of its trigger types, clocks and
/// randomness need not be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpWish>,
    /// Directories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileWish>,
    /// Names of variables of the host's environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Stores of keys, keys of the datastore, secrets and actions.
    #[serde(flatten)]
    pub names: Names,
    /// The bounds of stores of keys, if they are not those of every store.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stores: BTreeMap<String, StoreBounds>,
}

impl Request {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The digest of all that is asked for, whatever the order, the names and the reasons.
    pub fn hash(&self) -> String {
        let mut rules: Vec<_> = self.http.iter().map(|wish| wish.rule.clone()).collect();
        rules.sort();
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort();
            names
        };
        let files: Vec<_> = self.files.iter().map(ToString::to_string).collect();
        let mut whole = json!({
            "http": rules, "files": sorted(&files), "env": sorted(&self.env), "secrets": self.names.secrets,
            "kv": self.names.kv,
        });
        if let Value::Object(whole) = &mut whole {
            whole.extend(self.names_told().into_iter().map(|(name, lines)| (name.to_owned(), json!(lines))));
        }
        format!("sha256:{}", hexadecimal(&Sha256::digest(whole.to_string())))
    }

    /// What is asked for here and not in `before`, in a line each. What several lines of `before` cover together counts as
    /// new.
    pub fn beyond(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let http = self.http.iter();
        let http = http.filter(|wish| !before.http.iter().any(|known| known.rule.contains(&wish.rule)));
        lines.extend(http.map(|wish| format!("http {}{}", wish.rule, because(&wish.reason))));
        let is_known = |wish: &FileWish| {
            before.files.iter().any(|known| known.path == wish.path && known.access >= wish.access)
        };
        let files = self.files.iter().filter(|wish| !is_known(wish));
        lines.extend(files.map(|wish| format!("files {wish}{}", because(&wish.reason))));
        let env = self.env.iter().filter(|name| !before.env.contains(name));
        lines.extend(env.map(|name| format!("env {name}")));
        lines.extend(self.names_beyond(before));
        lines
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(http: &[&str], env: &[&str]) -> Request {
        let wish = |text: &&str| HttpWish {
            id: "api".into(),
            reason: "r".into(),
            rule: text.parse().unwrap(),
            secrets: Vec::new(),
        };
        Request {
            http: http.iter().map(wish).collect(),
            env: env.iter().map(ToString::to_string).collect(),
            files: vec![serde_json::from_value(json!({"path": "/data", "access": "ro"})).unwrap()],
            ..Request::default()
        }
    }

    #[test]
    fn the_same_request_has_the_same_hash_in_any_order() {
        let one = request(&["https://a.example", "https://b.example"], &["TZ", "LANG"]);
        let other = request(&["https://b.example", "https://a.example"], &["LANG", "TZ"]);
        assert_eq!(one.hash(), other.hash());
        assert!(one.hash().starts_with("sha256:"));
        let fewer = request(&["https://a.example"], &["TZ", "LANG"]);
        assert_ne!(one.hash(), fewer.hash());
        let stored: Request = serde_json::from_value(json!(one)).unwrap();
        assert_eq!(stored, one);
    }

    #[test]
    fn what_is_asked_for_beyond_is_told() {
        let before = request(&["GET+POST https://*.example"], &["TZ"]);
        for (http, env, told) in [
            (&["GET https://a.example/api"][..], &["TZ"][..], &[][..]),
            (&[], &[], &[]),
            (&["DELETE https://a.example"], &["TZ"], &["http DELETE https://a.example/ (r)"]),
            (&["https://a.example"], &["TZ", "LANG"], &["http https://a.example/ (r)", "env LANG"]),
        ] {
            assert_eq!(request(http, env).beyond(&before), told);
        }
        let mut wider = before.clone();
        wider.files[0].access = crate::capabilities::Access::ReadWrite;
        assert_eq!((wider.beyond(&before), before.beyond(&wider)), (vec!["files /data:rw".into()], vec![]));
    }
}
