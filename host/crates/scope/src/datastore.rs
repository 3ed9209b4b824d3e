//! The datastore as templates see it: `st2kv.system.key` and `st2kv.user.key`.
//!
//! Its values come in as data: the caller first asks a template which keys it reads. Names of keys may contain dots,
//! so `st2kv.system.a.b` is the key `a.b`. A missing key reads as an empty string.

use std::collections::BTreeMap;
use std::fmt;

use petrel_model::quoted::quoted;

/// The number of missing keys that a message names.
const MOST_NAMED: usize = 10;

/// The scope of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// The key is shared by all users.
    System,
    /// The key belongs to the user on whose behalf something runs.
    User,
}

/// The name of a key in a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    /// The scope.
    pub scope: KeyScope,
    /// The name without the scope.
    pub name: String,
}

/// The form in templates: `st2kv.system.name`.
impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            KeyScope::System => "system",
            KeyScope::User => "user",
        };
        write!(f, "st2kv.{scope}.{}", self.name)
    }
}

/// The values of the datastore for an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Datastore {
    /// The shared values, by key.
    pub system: BTreeMap<String, String>,
    /// The values of one user, by key.
    pub user: BTreeMap<String, String>,
}

impl Datastore {
    /// The value of a key; as in StackStorm, an empty string if the key does not exist.
    pub fn get(&self, scope: KeyScope, name: &str) -> &str {
        self.values(scope).get(name).map_or("", String::as_str)
    }

    /// A message that names those of `keys` which do not exist; `None` if all exist.
    pub fn missing<'k>(&self, keys: impl IntoIterator<Item = &'k KeyName>) -> Option<String> {
        let is_missing = |key: &&KeyName| !self.values(key.scope).contains_key(&key.name);
        let missing: Vec<_> = keys.into_iter().filter(is_missing).collect();
        let named: Vec<_> =
            missing.iter().take(MOST_NAMED).map(|key| quoted(&key.to_string()).into_owned()).collect();
        let more = match missing.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!named.is_empty()).then(|| format!("the datastore has no key {}{more}", named.join(", ")))
    }

    fn values(&self, scope: KeyScope) -> &BTreeMap<String, String> {
        match scope {
            KeyScope::System => &self.system,
            KeyScope::User => &self.user,
        }
    }
}
