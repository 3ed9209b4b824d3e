//! The datastore as templates see it: `st2kv.system.key` and `st2kv.user.key`.
//!
//! Its values come in as data: who renders asks the template first which keys it reads. Names of keys may
//! hold dots, so `st2kv.system.a.b` is the key `a.b`; a key that is not there reads as an empty string.

use std::collections::BTreeMap;
use std::fmt;

use petrel_model::quoted::quoted;

/// How many keys that are not there are named.
const MOST_NAMED: usize = 10;

/// Which part of the datastore a key is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// Shared by all.
    System,
    /// Of the user on whose behalf something runs.
    User,
}

/// A key, as a template names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    /// Where it is.
    pub scope: KeyScope,
    /// Its name, without the scope.
    pub name: String,
}

/// As templates write it: `st2kv.system.name`.
impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            KeyScope::System => "system",
            KeyScope::User => "user",
        };
        write!(f, "st2kv.{scope}.{}", self.name)
    }
}

/// Values of the datastore that are at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Datastore {
    /// Values shared by all, by key.
    pub system: BTreeMap<String, String>,
    /// Values of one user, by key.
    pub user: BTreeMap<String, String>,
}

impl Datastore {
    /// The value of a key; an empty string when it is not there, as in StackStorm.
    pub fn get(&self, scope: KeyScope, name: &str) -> &str {
        self.values(scope).get(name).map_or("", String::as_str)
    }

    /// Says which of `keys` are not there, as templates write them; nothing when all are.
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
