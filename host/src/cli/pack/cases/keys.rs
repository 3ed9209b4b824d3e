//! The keys of a case, or of a trial: those that are written in it, and what the action makes of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use petrel_packs::definition::Expectation;
use petrel_runners::asked::{KeyEntry, KeyState, KeyValues, NewKey, Unserved, Why};

/// The keys of the case that runs, by their whole names.
#[derive(Debug, Default)]
pub(in super::super) struct Keys(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Their texts, with the numbers of their states.
    open: BTreeMap<String, (String, u64)>,
    /// The texts of those that are secret.
    secret: BTreeMap<String, String>,
    /// The number of the latest state.
    latest: u64,
}

impl Keys {
    /// Has these from now on.
    pub(in super::super) fn begin(
        &self,
        keys: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, String>,
    ) {
        let open = keys.iter().map(|(name, text)| (name.clone(), (text.clone(), 1)));
        *self.state() = State { open: open.collect(), secret: secrets.clone(), latest: 1 };
    }

    /// The keys that are not as expected.
    pub(super) fn differences(&self, expected: &Expectation) -> Vec<String> {
        let state = self.state();
        let differences = expected.keys.iter().filter_map(|(name, wanted)| {
            match (state.open.get(name).map(|(text, _)| text), wanted) {
                (found, wanted) if found == wanted.as_ref() => None,
                (None, Some(wanted)) => Some(format!("there is no key {name}, and it must be `{wanted}`")),
                (Some(found), None) => Some(format!("the key {name} is `{found}`, and must not be there")),
                (Some(found), Some(wanted)) => {
                    Some(format!("the key {name} is `{found}`, and must be `{wanted}`"))
                }
                (None, None) => None,
            }
        });
        differences.collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuse_secret(&self, name: &str) -> Result<(), Unserved> {
        if !self.secret.contains_key(name) {
            return Ok(());
        }
        Err(Unserved::new(
            Why::Denied,
            format!("the key {name} is secret"),
            "ask for it as a secret of the pack",
        ))
    }

    fn set(&mut self, key: NewKey) -> Result<String, Unserved> {
        self.refuse_secret(&key.name)?;
        let found = self.open.get(&key.name).map(|(_, state)| state.to_string());
        let is_expected = match &key.expected {
            KeyState::Any => true,
            KeyState::Absent => found.is_none(),
            KeyState::Version(version) => found.as_ref() == Some(version),
        };
        if !is_expected {
            let message = format!("the key {} is in another state than was expected", key.name);
            return Err(Unserved::new(Why::Conflict, message, "read it again"));
        }
        self.latest = self.latest.saturating_add(1);
        self.open.insert(key.name, (key.value, self.latest));
        Ok(self.latest.to_string())
    }
}

#[async_trait]
impl KeyValues for Keys {
    fn get(&self, name: &str) -> Result<Option<KeyEntry>, Unserved> {
        let state = self.state();
        state.refuse_secret(name)?;
        let found = state.open.get(name);
        Ok(found.map(|(text, number)| KeyEntry {
            value: text.clone(),
            version: number.to_string(),
            expires_at: None,
        }))
    }

    async fn set(&self, key: NewKey) -> Result<String, Unserved> {
        self.state().set(key)
    }

    async fn delete(&self, name: &str) -> Result<bool, Unserved> {
        let mut state = self.state();
        state.refuse_secret(name)?;
        Ok(state.open.remove(name).is_some())
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
        is_shown: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let state = self.state();
        let names = state.open.keys().filter(|name| name.starts_with(prefix) && is_shown(name));
        let names = names.filter(|name| after.is_none_or(|after| name.as_str() > after));
        names.take(most).cloned().collect()
    }

    fn secret(&self, name: &str) -> Result<String, Unserved> {
        self.state().secret.get(name).cloned().ok_or_else(|| {
            let message = format!("there is no secret {name} here, without a host");
            Unserved::new(
                Why::NotFound,
                message,
                "write it below `secrets` of the case, or in the file of --secrets",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, value: &str, expected: KeyState) -> NewKey {
        NewKey { name: name.to_owned(), value: value.to_owned(), ttl: None, expected, bounds: None }
    }

    #[tokio::test]
    async fn keys_are_those_of_the_case_and_what_became_of_them_is_told() {
        let keys = Keys::default();
        let text = "- {action: a, keys: {'mine:a': one}, secrets: {'mine:s': hidden}, expect: {keys: {'mine:a': two, 'mine:b': null}}}\n";
        let case = petrel_packs::definition::read_cases("tests/a.yaml", text).unwrap().remove(0);
        keys.begin(&case.keys, &case.secrets);
        assert_eq!(keys.differences(&case.expect), ["the key mine:a is `one`, and must be `two`"]);
        let refused = keys.set(new("mine:a", "two", KeyState::Absent)).await.unwrap_err();
        assert_eq!(refused.why, Why::Conflict);
        let version = keys.get("mine:a").unwrap().unwrap().version;
        keys.set(new("mine:a", "two", KeyState::Version(version))).await.unwrap();
        assert!(keys.differences(&case.expect).is_empty());
        keys.set(new("mine:b", "x", KeyState::Absent)).await.unwrap();
        assert_eq!(keys.differences(&case.expect), ["the key mine:b is `x`, and must not be there"]);
        assert_eq!(keys.list("mine:", Some("mine:a"), 10, &|_| true), ["mine:b"]);
        assert!(keys.delete("mine:b").await.unwrap() && !keys.delete("mine:b").await.unwrap());
        assert_eq!(keys.secret("mine:s").unwrap(), "hidden");
        assert_eq!(keys.get("mine:s").unwrap_err().why, Why::Denied);
        assert_eq!(keys.secret("mine:t").unwrap_err().why, Why::NotFound);
    }
}
