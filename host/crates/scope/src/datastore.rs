//! The datastore as templates see it: `st2kv.system.key` and `st2kv.user.key`.
//!
//! Its values come in as data: the caller first asks a template which keys it reads. Names of keys may contain dots,
//! so `st2kv.system.a.b` is the key `a.b`. A missing key reads as an empty string.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;

/// The number of missing keys that a message names.
const MOST_NAMED: usize = 10;

/// Largest number of keys whose names are compared with a missing one.
const MOST_COMPARED: usize = 1_000;

/// The reason why a value cannot be decrypted that is not the encrypted one of a key.
pub const NOT_OF_A_KEY: &str = "it is not the encrypted value of a key that exists and may be read; leave out decrypt_kv if the key is not \
                                encrypted, or give it one that was set with `petrel key set NAME --encrypt -`, as in \
                                st2kv.system.NAME | decrypt_kv";

/// The words about an empty text that is decrypted.
pub const NOTHING_ENCRYPTED: &str = "was given an empty text: the key does not exist, or is empty";

/// The same of a template that may not be quoted.
pub const DECRYPTS_NOTHING: &str = "decrypts a key that does not exist, or is empty; `petrel key set NAME --encrypt -` sets it from standard input";

/// The words about a key whose value is decrypted although it is not encrypted.
pub const NOT_ENCRYPTED: &str = "is not encrypted; leave out decrypt_kv";

/// The same of a template that may not be quoted.
pub const DECRYPTS_PLAIN: &str = "decrypts a key that is not encrypted; leave out decrypt_kv, or encrypt the key: `petrel key set NAME --encrypt -`";

/// Largest number of keys with the same value that are tried to be decrypted.
const MOST_COPIES: usize = 100;

/// Bytes of a name that is compared with others.
const LONGEST_COMPARED: usize = 60;

/// The path that is likely meant by one behind `st2kv.` that begins with no scope: `system.limit` for `limit` and for
/// `systm.limit`.
pub fn with_scope(path: &str) -> String {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (misspelt_scope(first, &["system", "user"]), rest) {
        (Some(scope), Some(rest)) => format!("{scope}.{rest}"),
        (Some(scope), None) => scope.to_owned(),
        (None, _) => format!("system.{path}"),
    }
}

/// The question about a `path` behind `st2kv.` that begins with no scope: the shared key that is likely meant, and the one of
/// a user where no scope was tried.
pub fn meant_with_scope(path: &str) -> String {
    let meant = with_scope(path);
    let shared = format!("did you mean `st2kv.{}`?", quoted(&meant));
    match meant.strip_prefix("system.") {
        Some(name) if name == path => {
            format!("{shared} A key of a user is read by `st2kv.user.{}`", quoted(path))
        }
        _ => shared,
    }
}

/// The one of `scopes` that is likely meant by `word`. A longer word, such as `systemd` or `users`, is one of its own, unless
/// it repeats a letter.
pub(crate) fn misspelt_scope(word: &str, scopes: &[&'static str]) -> Option<&'static str> {
    let near = nearest(word, scopes.iter().copied())?;
    let lower = word.to_lowercase();
    lower.strip_prefix(near).is_none_or(|rest| near.ends_with(rest)).then_some(near)
}

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

/// What opens encrypted values of the datastore.
pub trait Opener: fmt::Debug + Send + Sync {
    /// The text of a key whose value is `sealed`; `None` if that is not encrypted.
    ///
    /// # Errors
    /// The reason why it cannot be opened, for people. It does not quote the value.
    fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String>;

    /// As [`open`](Self::open), for a value that is not among those of the evaluation. Mostly it is that of no key.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn open_other(&self, _sealed: &str) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// The text of the first of `keys` that `opener` opens, and that key. Somebody may have copied the encrypted value of one to
/// others, where it does not open, and that must not keep the one from being read.
///
/// # Errors
/// The reason why none can be opened, by the first of them.
pub fn open_any(
    keys: impl Iterator<Item = KeyName>,
    opener: Option<&dyn Opener>,
    sealed: &str,
) -> Result<Option<(KeyName, String)>, String> {
    let Some(opener) = opener else { return Ok(None) };
    let mut failed = None;
    for key in keys.take(MOST_COPIES) {
        match opener.open(&key, sealed) {
            Ok(Some(text)) => return Ok(Some((key, text))),
            Ok(None) => return Ok(None),
            Err(reason) => failed = failed.or(Some(reason)),
        }
    }
    failed.map_or(Ok(None), Err)
}

/// The values of the datastore for an evaluation. Those of secret keys are encrypted, as in StackStorm.
#[derive(Debug, Clone, Default)]
pub struct Datastore {
    /// The shared values, by key.
    pub system: Arc<BTreeMap<String, String>>,
    /// The values of one user, by key.
    pub user: Arc<BTreeMap<String, String>>,
    /// What opens encrypted values; without it none can be opened.
    pub opener: Option<Arc<dyn Opener>>,
}

impl Datastore {
    /// A datastore with these shared values alone.
    pub fn shared(system: BTreeMap<String, String>) -> Self {
        Self { system: Arc::new(system), ..Self::default() }
    }

    /// The keys whose value is `value`: filters know no more than that of them. Those of the user hide those that all share,
    /// so that nobody has an encrypted value of all opened as one of their own.
    pub fn keys_of<'d>(&'d self, value: &'d str) -> impl Iterator<Item = KeyName> + use<'d> {
        let of = move |scope: KeyScope, values: &'d BTreeMap<String, String>| {
            let named = values.iter().filter(move |(_, known)| known.as_str() == value);
            named.map(move |(name, _)| KeyName { scope, name: name.clone() })
        };
        let mut own = of(KeyScope::User, &self.user).peekable();
        let shared = own.peek().is_none().then(|| of(KeyScope::System, &self.system));
        own.chain(shared.into_iter().flatten())
    }

    /// The text of the key whose encrypted value is `sealed`; `None` if it is not that of a key.
    ///
    /// # Errors
    /// The reason why it cannot be opened, for people. It does not quote the value.
    pub fn open(&self, sealed: &str) -> Result<Option<String>, String> {
        let mut keys = self.keys_of(sealed).peekable();
        if let (None, Some(opener)) = (keys.peek(), &self.opener) {
            return opener.open_other(sealed);
        }
        let opened = open_any(keys, self.opener.as_deref(), sealed);
        opened.map(|opened| opened.map(|(_, text)| text))
    }

    /// The reason why `value`, which [`open`](Self::open) does not find encrypted, is not that of a secret key. It names the
    /// key if only one has that value.
    pub fn why_not_encrypted(&self, value: &str) -> String {
        let mut keys = self.keys_of(value);
        match (keys.next(), keys.next()) {
            // Without an opener it is not known whether the value is encrypted.
            (Some(key), None) if self.opener.is_some() => {
                let scope = if key.scope == KeyScope::User { " --scope user" } else { "" };
                let name = quoted(&key.name);
                format!("{key} {NOT_ENCRYPTED}, or encrypt it: `petrel key set {name} --encrypt -{scope}`")
            }
            (Some(_), Some(_)) if self.opener.is_some() => {
                format!("the key {NOT_ENCRYPTED}, or encrypt it: `petrel key set NAME --encrypt -`")
            }
            _ => NOT_OF_A_KEY.to_owned(),
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.system.len() + self.user.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key; as in StackStorm, an empty string if the key does not exist.
    pub fn get(&self, scope: KeyScope, name: &str) -> &str {
        self.values(scope).get(name).map_or("", String::as_str)
    }

    /// Whether a key exists.
    pub fn contains(&self, key: &KeyName) -> bool {
        self.values(key.scope).contains_key(&key.name)
    }

    /// The existing key that is likely meant by a missing one: the shared key of the same name, or one of a near name.
    /// It compares names, so it is for people who write or ask, and not for every event.
    pub fn near(&self, key: &KeyName) -> Option<KeyName> {
        let shared = |name: &str| KeyName { scope: KeyScope::System, name: name.to_owned() };
        // A key without its scope is one of the user, although most people mean the shared one.
        if key.scope == KeyScope::User && self.system.contains_key(&key.name) {
            return Some(shared(&key.name));
        }
        // Comparing two names takes the product of their lengths, and names of keys come from anybody.
        if key.name.len() > LONGEST_COMPARED {
            return None;
        }
        let names = self.system.keys().map(String::as_str);
        let names = names.filter(|name| name.len() <= LONGEST_COMPARED).take(MOST_COMPARED);
        nearest(&key.name, names).map(shared)
    }

    /// The keys that are likely meant by those of `keys` which do not exist, as a question; `None` if no name is near.
    pub fn meant<'k>(&self, keys: impl IntoIterator<Item = &'k KeyName>) -> Option<String> {
        let missing = keys.into_iter().filter(|key| !self.contains(key)).take(MOST_NAMED);
        let mut near: Vec<_> = missing.filter_map(|key| self.near(key)).collect();
        near.dedup();
        let names: Vec<_> = near.iter().map(KeyName::to_string).collect();
        (!names.is_empty()).then(|| format!("did you mean {}?", names.join(", ")))
    }

    /// A message that names those of `keys` which do not exist; `None` if all exist.
    pub fn missing<'k>(&self, keys: impl IntoIterator<Item = &'k KeyName>) -> Option<String> {
        let is_missing = |key: &&KeyName| !self.contains(key);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_a_scope_gets_one() {
        for (path, meant) in [
            ("limit", "system.limit"),
            ("other.long", "system.other.long"),
            ("systm.limit", "system.limit"),
            ("usr.limit", "user.limit"),
            ("systm", "system"),
            ("System.limit", "system.limit"),
            ("systemm.limit", "system.limit"),
            ("systemd.unit", "system.systemd.unit"),
            ("users.limit", "system.users.limit"),
        ] {
            assert_eq!(with_scope(path), meant, "{path}");
        }
    }

    #[test]
    fn both_scopes_are_told_where_none_was_tried() {
        for (path, told) in [
            ("limit", "did you mean `st2kv.system.limit`? A key of a user is read by `st2kv.user.limit`"),
            ("systm.limit", "did you mean `st2kv.system.limit`?"),
            ("usr.limit", "did you mean `st2kv.user.limit`?"),
            ("systm", "did you mean `st2kv.system`?"),
        ] {
            assert_eq!(meant_with_scope(path), told, "{path}");
        }
    }

    #[test]
    fn the_key_that_is_likely_meant_is_told() {
        let system = ["limit", "other.long"].map(|name| (name.to_owned(), String::new()));
        let datastore = Datastore::shared(system.into());
        for (scope, name, near) in [
            (KeyScope::System, "limt", Some("st2kv.system.limit")),
            (KeyScope::System, "other.lomg", Some("st2kv.system.other.long")),
            (KeyScope::User, "limit", Some("st2kv.system.limit")),
            (KeyScope::System, "colour", None),
        ] {
            let key = KeyName { scope, name: name.to_owned() };
            let found = datastore.near(&key).map(|key| key.to_string());
            assert_eq!(found.as_deref(), near, "{name}");
        }
        let long = KeyName { scope: KeyScope::System, name: "x".repeat(1 << 20) };
        assert_eq!(datastore.near(&long), None);
    }

    /// Opens `sealed:NAME`.
    #[derive(Debug)]
    struct ByName;

    impl Opener for ByName {
        fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
            match sealed.strip_prefix("sealed:") {
                None => Ok(None),
                Some(name) if name == key.name => Ok(Some(format!("{key} is open"))),
                Some(_) => Err("it belongs to another".to_owned()),
            }
        }
    }

    #[test]
    fn an_encrypted_value_is_opened_as_that_of_its_key() {
        let of = |pairs: &[(&str, &str)]| -> Arc<BTreeMap<String, String>> {
            Arc::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let system = of(&[
            ("a", "sealed:a"),
            ("b", "sealed:a2"),
            ("copy", "sealed:original"),
            ("open", "text"),
            ("original", "sealed:original"),
            ("taken", "sealed:taken"),
            ("twice", "twice"),
            ("two", "twice"),
        ]);
        // A key of the user with the encrypted value of one that all share does not give that to them.
        let user = of(&[("c", "sealed:c"), ("mine", "sealed:taken"), ("plain", "own")]);
        let datastore = Datastore { system, user, opener: Some(Arc::new(ByName)) };
        for (sealed, opened) in [
            ("sealed:a", Ok(Some("st2kv.system.a is open"))),
            ("sealed:c", Ok(Some("st2kv.user.c is open"))),
            ("sealed:a2", Err("it belongs to another")),
            ("sealed:original", Ok(Some("st2kv.system.original is open"))),
            ("sealed:taken", Err("it belongs to another")),
            ("text", Ok(None)),
            ("sealed:other", Ok(None)),
            ("", Ok(None)),
        ] {
            let found = datastore.open(sealed);
            assert_eq!(found.as_ref().map(Option::as_deref).map_err(String::as_str), opened, "{sealed}");
        }
        for (value, says) in [
            (
                "text",
                "st2kv.system.open is not encrypted; leave out decrypt_kv, or encrypt it: `petrel key set open ",
            ),
            (
                "own",
                "st2kv.user.plain is not encrypted; leave out decrypt_kv, or encrypt it: `petrel key set plain --encrypt - --scope user`",
            ),
            ("twice", "the key is not encrypted; leave out decrypt_kv, or"),
            ("of none", NOT_OF_A_KEY),
        ] {
            let told = datastore.why_not_encrypted(value);
            assert!(told.starts_with(says), "{value}: {told}");
        }
        let without = Datastore { opener: None, ..datastore };
        assert_eq!(without.why_not_encrypted("text"), NOT_OF_A_KEY);
        assert_eq!(without.open("sealed:a"), Ok(None));
        assert_eq!((without.len(), without.is_empty()), (11, false));
    }
}
