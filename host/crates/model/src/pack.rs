//! Packs, the unit in which actions, triggers and rules are distributed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Object;
use crate::capabilities::Request;
use crate::parameters::Parameters;

/// A registered pack. Its [`Action`](crate::Action)s and other contents are stored separately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// The pack's short name, which begins every reference into it: `^[a-z0-9_]+$`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its name for people.
    pub name: String,
    /// One line on its purpose.
    #[serde(default)]
    pub description: String,
    /// Its semantic version.
    pub version: String,
    /// Its author.
    #[serde(default)]
    pub author: String,
    /// The address of the author.
    #[serde(default)]
    pub email: String,
    /// Keywords for searches.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The directory of its files on this host.
    #[serde(default)]
    pub path: String,
    /// Whether it came with the binary. Such a pack is only replaced by another version of the host.
    #[serde(default)]
    pub built_in: bool,
    /// The schema of its configuration, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<Parameters>,
    /// Actions that cannot be run, by name, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
    /// Rules in its files that were not registered, by name, with the reasons.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused_rules: BTreeMap<String, String>,
    /// The rules in its files at registration, by name, and whether the files enable them. `None` for packs registered
    /// by versions that did not store this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<BTreeMap<String, bool>>,
    /// The capabilities that it asks for. `None` if it does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Box<Request>>,
    /// The artifact that it was installed from, if it did not come from a plain directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<PackArtifact>,
    /// Other keys of `pack.yaml`, unchanged.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub other: Object,
}

/// The artifact that a pack was installed from, as who has installed it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackArtifact {
    /// The reference that was asked for; empty for one that came from a file without a name.
    #[serde(default)]
    pub reference: String,
    /// The digest of its manifest.
    pub digest: String,
    /// What its signatures were worth, as the admin says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signed>,
    /// The digest of the key that has signed it; empty if none has.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
}

/// The worth of an artifact's signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signed {
    /// There are none.
    Unsigned,
    /// There are some, and none by a key that is known.
    Unverified,
    /// One is by a key that is known.
    Verified,
}

impl Signed {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Unverified => "unverified",
            Self::Verified => "verified",
        }
    }
}

/// The configuration of a pack, as given through the API, without the defaults of its schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackConfig {
    /// The pack's short name.
    pub pack: String,
    /// The given values.
    pub values: Object,
    /// Whether the schema declared something of it secret when it was stored, so that it is stored encrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}
