//! Packs: the unit in which actions, triggers and rules are shared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Object;
use crate::parameters::Parameters;

/// A pack as registered. What it holds ([`Action`](crate::Action)s and so on) is stored beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// The pack's short name, the first part of every reference into it: `^[a-z0-9_]+$`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The name for people.
    pub name: String,
    /// One line on what it is for.
    #[serde(default)]
    pub description: String,
    /// Semantic version.
    pub version: String,
    /// Who wrote it.
    #[serde(default)]
    pub author: String,
    /// Where to reach them.
    #[serde(default)]
    pub email: String,
    /// Words to find it by.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Where its files are on this host.
    #[serde(default)]
    pub path: String,
    /// Whether it came with the binary; such a pack is replaced by the next version of the host only.
    #[serde(default)]
    pub built_in: bool,
    /// What its configuration may hold, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<Parameters>,
    /// Actions that are refused when they are to be run, by name, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
    /// Rules of its files that are left out, by name, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused_rules: BTreeMap<String, String>,
    /// The rules that its files held when it was registered, by name, and whether they called them enabled. `None` for
    /// one that was registered before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<BTreeMap<String, bool>>,
    /// Any other keys of `pack.yaml`, kept as they were written.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub other: Object,
}

/// The configuration of a pack, as it was given through the API. What its schema adds is not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackConfig {
    /// The pack's short name.
    pub pack: String,
    /// What was given.
    pub values: Object,
}
