//! Capabilities that are names: stores of keys, keys of the datastore, secrets, and actions that are called.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::invalid::InvalidCapability;
use super::request::Request;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest pattern of keys or of actions, in bytes.
const LONGEST_PATTERN: usize = 255;
/// The scope of the keys that all share, as patterns begin with it, and the store that has them.
pub const SYSTEM: &str = "system";

/// A kind of capabilities that are names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// Actions that components call: a reference, or a pattern of them, `core.*`.
    Call,
    /// Keys of the datastore that are read: a pattern, `system.jira.*`.
    DatastoreRead,
    /// Keys of the datastore that are changed: a pattern.
    DatastoreWrite,
    /// Stores of keys, by label.
    Kv,
    /// Secrets whose text components see.
    Reveal,
    /// Secrets that components have sent, and do not see.
    Secrets,
}

impl Named {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 6] =
        [Self::Call, Self::DatastoreRead, Self::DatastoreWrite, Self::Kv, Self::Reveal, Self::Secrets];

    /// The word for it in grants.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::DatastoreRead => "datastore_read",
            Self::DatastoreWrite => "datastore_write",
            Self::Kv => "kv",
            Self::Reveal => "reveal",
            Self::Secrets => "secrets",
        }
    }

    /// The kind with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it is granted by name alone, and not together with all that a pack asks for.
    pub fn is_apart(self) -> bool {
        self == Self::Reveal
    }

    /// The place where `pack.yaml` asks for it, below `capabilities`.
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::DatastoreRead => "kv.datastore_read",
            Self::DatastoreWrite => "kv.datastore_write",
            Self::Kv => "kv.stores",
            Self::Reveal => "secrets.reveal",
            Self::Secrets => "secrets.use",
        }
    }

    /// Checks a name of this kind.
    ///
    /// # Errors
    /// When it is none.
    pub fn check(self, name: &str) -> Result<(), InvalidCapability> {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let refused = |reason: &str, remedy: &str| Err(InvalidCapability::new(name, reason, remedy));
        match self {
            Self::Kv if name == SYSTEM => refused(
                "is the store of the keys that all share",
                "ask for these with datastore_read and datastore_write",
            ),
            Self::Kv | Self::Reveal | Self::Secrets => {
                if !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_sign) {
                    return Ok(());
                }
                refused("is no name", "write at most 64 letters, digits, _, - and .")
            }
            Self::Call => {
                let is_pattern = name.bytes().all(|byte| is_sign(byte) || byte == b'*');
                let has_pack =
                    name.split_once('.').is_some_and(|(pack, rest)| !pack.is_empty() && !rest.is_empty());
                if is_pattern && has_pack && name.len() <= LONGEST_PATTERN {
                    return Ok(());
                }
                refused("is no reference of actions", "write PACK.NAME, or PACK.* for all of a pack")
            }
            Self::DatastoreRead | Self::DatastoreWrite => {
                let key = shared(name);
                // What would end the quotes of a command is in no pattern.
                let is_odd = |sign: char| sign.is_control() || "'\"\\`$".contains(sign);
                let is_key = key.is_some_and(|key| !key.is_empty() && !key.chars().any(is_odd));
                if is_key && name.len() <= LONGEST_PATTERN {
                    return Ok(());
                }
                refused(
                    "names no keys of the datastore",
                    "write system. and the key, as system.jira.*; * is any text",
                )
            }
        }
    }
}

/// Names of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Names {
    /// See [`Named::Call`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub call: BTreeSet<String>,
    /// See [`Named::DatastoreRead`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub datastore_read: BTreeSet<String>,
    /// See [`Named::DatastoreWrite`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub datastore_write: BTreeSet<String>,
    /// See [`Named::Kv`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub kv: BTreeSet<String>,
    /// See [`Named::Reveal`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reveal: BTreeSet<String>,
    /// See [`Named::Secrets`].
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
}

impl Names {
    /// The names of a kind.
    pub fn of(&self, kind: Named) -> &BTreeSet<String> {
        match kind {
            Named::Call => &self.call,
            Named::DatastoreRead => &self.datastore_read,
            Named::DatastoreWrite => &self.datastore_write,
            Named::Kv => &self.kv,
            Named::Reveal => &self.reveal,
            Named::Secrets => &self.secrets,
        }
    }

    /// The names of a kind, to be changed.
    pub fn of_mut(&mut self, kind: Named) -> &mut BTreeSet<String> {
        match kind {
            Named::Call => &mut self.call,
            Named::DatastoreRead => &mut self.datastore_read,
            Named::DatastoreWrite => &mut self.datastore_write,
            Named::Kv => &mut self.kv,
            Named::Reveal => &mut self.reveal,
            Named::Secrets => &mut self.secrets,
        }
    }

    /// All of them, each with its kind.
    pub fn all(&self) -> impl Iterator<Item = (Named, &String)> {
        Named::ALL.into_iter().flat_map(|kind| self.of(kind).iter().map(move |name| (kind, name)))
    }

    /// Removes the names of a kind that the pattern covers.
    pub(super) fn take(&mut self, kind: Named, pattern: &str) {
        self.of_mut(kind).retain(|known| !matches(pattern, known));
    }

    /// The name of a kind that covers `name`, which may be a pattern itself.
    pub fn covering(&self, kind: Named, name: &str) -> Option<&str> {
        self.of(kind).iter().find(|pattern| matches(pattern, name)).map(String::as_str)
    }
}

/// The name, or the pattern, of keys that all share, without what such patterns begin with.
pub(super) fn shared(name: &str) -> Option<&str> {
    name.strip_prefix(SYSTEM)?.strip_prefix('.')
}

/// Whether `name` is what the pattern says, in which `*` is any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(last)
}

/// The bounds of a store of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreBounds {
    /// Whether its keys are changed, too.
    pub writes: bool,
    /// The most keys.
    pub keys: usize,
    /// The most bytes of all keys with their values.
    pub bytes: usize,
    /// The most bytes of a value.
    pub value: usize,
}

impl Default for StoreBounds {
    fn default() -> Self {
        Self { writes: true, keys: 10_000, bytes: 16 << 20, value: 1 << 20 }
    }
}

impl StoreBounds {
    /// Whether these are within `others`.
    fn is_within(&self, others: &Self) -> bool {
        (others.writes || !self.writes)
            && self.keys <= others.keys
            && self.bytes <= others.bytes
            && self.value <= others.value
    }
}

/// The part of a request in which a secret is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    /// The value of a header.
    Header,
    /// The query of the address.
    Query,
    /// The body.
    Body,
}

impl SecretPlace {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Header, Self::Query, Self::Body];

    /// `header`, `query` or `body`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Query => "query",
            Self::Body => "body",
        }
    }
}

/// A secret that is sent to an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretUse {
    /// The secret.
    pub name: String,
    /// The part of the request.
    pub place: SecretPlace,
}

impl Request {
    /// The bounds of a store of keys.
    pub fn bounds_of(&self, store: &str) -> StoreBounds {
        self.stores.get(store).copied().unwrap_or_default()
    }

    /// What is asked for of names here and not in `before`, in a line each.
    pub(super) fn names_beyond(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, name) in self.names.all() {
            if before.names.covering(kind, name).is_none() {
                lines.push(format!("{} {name}", kind.as_str()));
            } else if kind == Named::Kv && !self.bounds_of(name).is_within(&before.bounds_of(name)) {
                lines.push(format!("kv {name}, with more room or to be changed"));
            }
        }
        for wish in &self.http {
            let sent_before = |used: &SecretUse| {
                before
                    .http
                    .iter()
                    .any(|known| known.rule.contains(&wish.rule) && known.secrets.contains(used))
            };
            let new = wish.secrets.iter().filter(|used| !sent_before(used));
            lines.extend(
                new.map(|used| {
                    format!("secret {} in the {} of {}", used.name, used.place.as_str(), wish.rule)
                }),
            );
        }
        lines
    }

    /// The stores whose bounds are not those of every store, and the secrets that are sent, for the digest.
    pub(super) fn names_told(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut told = BTreeMap::new();
        for kind in [Named::Call, Named::DatastoreRead, Named::DatastoreWrite, Named::Reveal] {
            told.insert(kind.as_str(), self.names.of(kind).iter().cloned().collect());
        }
        let stores = self.stores.iter().map(|(name, bounds)| format!("{name} {bounds:?}"));
        told.insert("stores", stores.collect());
        let sent = self.http.iter().flat_map(|wish| {
            wish.secrets.iter().map(|used| format!("{} {} {}", wish.rule, used.name, used.place.as_str()))
        });
        let mut sent: Vec<_> = sent.collect();
        sent.sort();
        told.insert("sent", sent);
        told.retain(|_, lines: &mut Vec<String>| !lines.is_empty());
        told
    }
}

#[cfg(test)]
mod tests;
