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
    pub capabilities: Option<Request>,
    /// Other keys of `pack.yaml`, unchanged.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub other: Object,
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
