//! Keys as components ask for them (`petrel_runners::asked`): those that all share, by whole names, and never in clear what is
//! secret.

use async_trait::async_trait;
use petrel_engine_core::Error;
use petrel_model::capabilities::StoreBounds;
use petrel_model::quoted::quoted;
use petrel_runners::asked::{KeyEntry, KeyState, KeyValues, NewKey, Unserved, Why};

use crate::held::Held;
use crate::key::{End, Entry, Expected, Form, KeyId, New};
use crate::keys::Keys;

/// What binds a key that a component changes, beside the bounds of all keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByComponent {
    /// The bounds of its store.
    pub(crate) bounds: Option<StoreBounds>,
}

impl ByComponent {
    /// Refuses to change a secret key, or to exceed the bounds of the store with `after`.
    pub(crate) fn check(
        self,
        held: &Held,
        before: Option<&Entry<'_>>,
        after: Option<&Entry<'_>>,
    ) -> Result<(), Error> {
        if let Some(before) = before.filter(|before| before.secret) {
            return Err(secret(&before.id()));
        }
        let (Some(bounds), Some(after)) = (self.bounds, after) else { return Ok(()) };
        let size = |entry: &Entry<'_>| entry.name.len() + entry.value.len();
        let (keys, bytes) = held.size_of_store(&after.name);
        let freed = before.map_or(0, size);
        let full = |message: String| {
            let hint = "delete keys that nobody needs; the pack asks for its room with quota, in kv of its capabilities";
            Err(Error::TooLarge { message, hint: hint.into() })
        };
        let name = quoted(&after.name);
        if after.value.len() > bounds.value {
            let bytes = after.value.len();
            return full(format!(
                "the value of `{name}` has {bytes} bytes; the limit of its store is {}",
                bounds.value
            ));
        }
        if before.is_none() && keys >= bounds.keys {
            return full(format!("the store of `{name}` has {keys} keys, and {} is the limit", bounds.keys));
        }
        let needed = bytes.saturating_sub(freed) + size(after);
        // What takes no more than before is always taken.
        if needed > bounds.bytes && size(after) > freed {
            let most = bounds.bytes;
            return full(format!(
                "with `{name}` its store would have {needed} bytes, and {most} is the limit"
            ));
        }
        Ok(())
    }
}

/// The refusal of a secret key.
fn secret(id: &KeyId) -> Error {
    Error::Forbidden {
        message: format!("{} is secret, and components neither read nor change it", id.told()),
        hint: "ask for it as a secret of the pack, which is the key PACK:NAME".into(),
    }
}

/// The error as a component is told it.
fn told(error: &Error) -> Unserved {
    let why = match error {
        Error::Invalid { .. } => Why::Invalid,
        Error::Forbidden { .. } => Why::Denied,
        Error::NotFound { .. } => Why::NotFound,
        Error::Conflict { .. } => Why::Conflict,
        Error::TooLarge { .. } | Error::NoRoom(_) => Why::Full,
        Error::Busy(_) | Error::Stopping => Why::Busy,
        _ => Why::Failed,
    };
    Unserved::new(why, error.to_string(), error.hint())
}

#[async_trait]
impl KeyValues for Keys {
    fn get(&self, name: &str) -> Result<Option<KeyEntry>, Unserved> {
        let (snapshot, id) = (self.snapshot(), KeyId::shared(name));
        let Some(entry) = snapshot.get(&id) else { return Ok(None) };
        if entry.secret {
            return Err(told(&secret(&id)));
        }
        let (version, expires_at) = (entry.mark(), entry.expires_at);
        Ok(Some(KeyEntry { value: entry.value.into_owned(), version, expires_at }))
    }

    async fn set(&self, key: NewKey) -> Result<String, Unserved> {
        let NewKey { name, value, ttl, expected, bounds } = key;
        let expected = match expected {
            KeyState::Any => Expected::Any,
            KeyState::Absent => Expected::Absent,
            KeyState::Version(mark) => Expected::OneOf(vec![mark]),
        };
        let new =
            New { id: KeyId::shared(name), value, form: Form::Open, end: ttl.map(End::After), expected };
        let stored = self.put_by(new, Some(ByComponent { bounds })).await;
        stored.map(|entry| entry.mark()).map_err(|error| told(&error))
    }

    async fn delete(&self, name: &str) -> Result<bool, Unserved> {
        let by = ByComponent { bounds: None };
        match self.remove_by(KeyId::shared(name), Expected::Any, Some(by)).await {
            Ok(()) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(told(&error)),
        }
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
        is_shown: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let snapshot = self.snapshot();
        let names = snapshot.open_names(prefix, after).filter(|name| is_shown(name));
        names.take(most).map(str::to_owned).collect()
    }

    fn secret(&self, name: &str) -> Result<String, Unserved> {
        let (snapshot, id) = (self.snapshot(), KeyId::shared(name));
        let remedy = format!("`petrel key set {name} --encrypt -` sets it, from standard input");
        let Some(entry) = snapshot.get(&id) else {
            return Err(Unserved::new(Why::NotFound, format!("{} does not exist", id.told()), remedy));
        };
        if !entry.secret {
            return Err(Unserved::new(Why::Invalid, format!("{} is not secret", id.told()), remedy));
        }
        self.opened(&entry).map_err(|error| told(&error))
    }
}
