//! What packs ask for, what they are granted, and what they have needed of it.

use std::borrow::Cow;

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};

/// What a pack asks for and is granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capabilities<'a> {
    /// The pack.
    pub id: Cow<'a, str>,
    /// The pack again.
    pub pack: Cow<'a, str>,
    /// Whether the pack says what it asks for. One that does not has what the settings grant it.
    pub declared: bool,
    /// The digest of what it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Cow<'a, str>>,
    /// What it asks for.
    #[serde(default)]
    pub asks: Vec<Ask<'a>>,
    /// What it is granted.
    #[serde(default)]
    pub grants: Vec<Grant<'a>>,
    /// The user who changed the grant last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<Cow<'a, str>>,
    /// The time of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Timestamp>,
    /// The most that the settings allow any pack, by kinds that they bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Ceiling<'a>>,
}

/// Something that a pack asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask<'a> {
    /// `http`, `files`, `env`, `call`, `datastore_read`, `datastore_write`, `kv`, `reveal` or `secrets`.
    pub kind: Cow<'a, str>,
    /// Its name within the kind.
    pub name: Cow<'a, str>,
    /// The addresses, the directory or the name, as words of a grant.
    pub what: Cow<'a, str>,
    /// What for.
    #[serde(default)]
    pub reason: Cow<'a, str>,
    /// How much of it is granted: `all`, `part` or `nothing`.
    pub granted: Cow<'a, str>,
    /// How often it was used since the host began, where that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
}

/// Something that a pack is granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant<'a> {
    /// In the words that grant and revoke it.
    pub capability: Cow<'a, str>,
    /// `grant`, or `settings` for what the settings of the host grant.
    pub source: Cow<'a, str>,
}

/// The most that any pack may have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ceiling<'a> {
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Vec<Cow<'a, str>>>,
    /// Directories of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directories: Option<Vec<Cow<'a, str>>>,
    /// Names of variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<Cow<'a, str>>>,
    /// Kinds of which no pack has anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn what_is_not_known_is_left_out() {
        let capabilities = Capabilities {
            id: "p".into(),
            pack: "p".into(),
            declared: true,
            hash: Some("sha256:0".into()),
            asks: vec![Ask {
                kind: "http".into(),
                name: "api".into(),
                what: "GET https://a.example/".into(),
                reason: "r".into(),
                granted: "part".into(),
                uses: Some(2),
            }],
            grants: vec![Grant { capability: "http=GET https://a.example/x".into(), source: "grant".into() }],
            granted_by: None,
            granted_at: None,
            ceiling: Some(Ceiling { env: Some(Vec::new()), ..Ceiling::default() }),
        };
        assert_shown_as::<Capabilities<'static>>(
            &capabilities,
            &json!({
                "id": "p", "pack": "p", "declared": true, "hash": "sha256:0",
                "asks": [{
                    "kind": "http", "name": "api", "what": "GET https://a.example/", "reason": "r", "granted": "part",
                    "uses": 2,
                }],
                "grants": [{"capability": "http=GET https://a.example/x", "source": "grant"}],
                "ceiling": {"env": []},
            }),
        );
    }
}
