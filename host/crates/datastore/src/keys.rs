//! The handle of the service and its state.

use std::borrow::Cow;
use std::sync::Arc;

use petrel_engine_core::{Core, Decided, Error, Mirror};
use petrel_model::{KeyValue, UserKeyValue};
use petrel_persistence::StoreExt as _;
use petrel_scope::{Datastore, Opener};

use crate::asked::ByComponent;
use crate::events;
use crate::held::{Held, Snapshot};
use crate::key::{Entry, Expected, KeyId, New};
use crate::options::Options;
use crate::sealing::{self, Given, Opening};

/// The number of keys that a message names.
const MOST_NAMED: usize = 10;

/// The service with the keys of the datastore. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    core: Core,
    held: Mirror<Held>,
    options: Arc<Options>,
}

impl Keys {
    /// Starts the service with the keys in the store of `core`, and with the default options.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn load(core: Core) -> Result<Self, Error> {
        Self::load_with(core, Options::default()).await
    }

    /// Starts the service with the keys in the store of `core`.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn load_with(core: Core, options: Options) -> Result<Self, Error> {
        let shared = core.store().all::<KeyValue>().await?;
        let of_users = core.store().all::<UserKeyValue>().await?;
        let mut held = Held::new(Opening::of(core.vault(), None));
        shared.into_iter().for_each(|key| held.put(Entry::read(None, key)));
        of_users.into_iter().for_each(|one| held.put(Entry::read(Some(one.owner), one.key)));
        Ok(Self { core, held: Mirror::new(held), options: Arc::new(options) })
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn held(&self) -> &Mirror<Held> {
        &self.held
    }

    /// A snapshot of all keys that all users share.
    pub fn all(&self) -> Arc<Datastore> {
        self.readable_by("")
    }

    /// The keys that templates and expressions of `user` may read: those that all share, and their own. Every evaluation on
    /// behalf of a user must ask here, so that keys which the user may not read are left out in one place.
    pub fn readable_by(&self, user: &str) -> Arc<Datastore> {
        self.held.get().readable_by(user, self.core.vault(), || self.core.now())
    }

    /// What opens values that expressions on behalf of `user` have read at some time.
    pub fn opener_of(&self, user: &str) -> Arc<dyn Opener> {
        Opening::of(self.core.vault(), Some(user))
    }

    /// All keys at this moment, in the form in which they are stored.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { held: self.held.get(), now: self.core.now() }
    }

    /// The text of `entry`, decrypted if it is secret.
    ///
    /// # Errors
    /// When the host has not its key, or it is damaged.
    pub fn opened(&self, entry: &Entry<'_>) -> Result<String, Error> {
        if !entry.secret {
            return Ok(entry.value.to_string());
        }
        sealing::opened(self.core.vault(), &entry.id(), &entry.value)
    }

    /// A message about secret keys that cannot be read, as the host has not the key by which they were sealed.
    pub fn told_of_lost(&self) -> Option<String> {
        let held = self.held.get();
        let lost: Vec<_> = held.without_key(self.core.vault()).map(KeyId::told).collect();
        let named = lost.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = match lost.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!lost.is_empty()).then(|| {
            format!("{named}{more} cannot be decrypted, as the host has not the key for secrets of then")
        })
    }

    /// Sets the value of a key that all share.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        self.put(New::open(KeyId::shared(name), value)).await.map(drop)
    }

    /// Sets a key, and returns it as it is stored.
    ///
    /// # Errors
    /// When the name, the value or the time is not valid, the key is not in the expected state, a secret cannot be sealed,
    /// there is no room, or the store fails.
    pub async fn put(&self, new: New) -> Result<Entry<'static>, Error> {
        self.put_by(new, None).await
    }

    /// As [`put`](Self::put), within further bounds if a component sets it.
    pub(crate) async fn put_by(&self, new: New, by: Option<ByComponent>) -> Result<Entry<'static>, Error> {
        new.check()?;
        let New { id, value, form, end, expected } = new;
        let Given { stored, opened } = sealing::given(self.core.vault(), &id, value, form)?;
        let (core, options) = (self.core.clone(), Arc::clone(&self.options));
        let set = move |held: &Held| {
            let now = core.now();
            let found = held.get(&id);
            let before = found.as_ref().filter(|entry| entry.expires_at.is_none_or(|at| at > now));
            expected.check(&id, before)?;
            let entry = Entry {
                owner: id.owner.clone().map(Cow::Owned),
                name: Cow::Owned(id.name.clone()),
                value: Cow::Owned(stored),
                secret: opened.is_some(),
                expires_at: end.map(|end| end.at(&id, now)).transpose()?,
                revision: Some(core.mint(now)),
            };
            by.map_or(Ok(()), |by| by.check(held, found.as_ref(), Some(&entry)))?;
            refuse_overflow(held, found.as_ref(), &entry, &options)?;
            let mut changes = vec![entry.stored()];
            if let (Some(expired), None) = (&found, before) {
                events::deleted(&core, now, expired, &mut changes);
            }
            let has_changed =
                before.is_some_and(|before| !is_same(&core, &id, before, &entry, opened.as_deref()));
            events::set(&core, now, (before, &entry), has_changed, &mut changes);
            let shown = entry.clone();
            Ok(Decided::new(changes, entry, move |held: &mut Held| held.put(shown)))
        };
        self.held.change(&self.core, set).await
    }

    /// Deletes a key that all share.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        self.remove(KeyId::shared(name), Expected::Any).await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// When the key does not exist or is not in the expected state, or the store fails.
    pub async fn remove(&self, id: KeyId, expected: Expected) -> Result<(), Error> {
        self.remove_by(id, expected, None).await
    }

    /// As [`remove`](Self::remove), but not what a component must not change if one does.
    pub(crate) async fn remove_by(
        &self,
        id: KeyId,
        expected: Expected,
        by: Option<ByComponent>,
    ) -> Result<(), Error> {
        let (core, keys) = (self.core.clone(), self.clone());
        let delete = move |held: &Held| {
            let now = core.now();
            // Decided on the keys of this moment: of two who delete a key, the second is told that it is
            // gone.
            let found = held.get(&id).filter(|entry| entry.expires_at.is_none_or(|at| at > now));
            let Some(entry) = found else {
                return Err(if by.is_some() { id.missing() } else { keys.missing(&id) });
            };
            by.map_or(Ok(()), |by| by.check(held, Some(&entry), None))?;
            expected.check(&id, Some(&entry))?;
            let mut changes = vec![id.deleted()];
            events::deleted(&core, now, &entry, &mut changes);
            Ok(Decided::new(changes, (), move |held: &mut Held| held.remove(&id)))
        };
        self.held.change(&self.core, delete).await
    }

    /// The error for a key that does not exist, with the name of the same scope that is likely meant.
    pub fn missing(&self, id: &KeyId) -> Error {
        let readable = self.readable_by(id.owner.as_deref().unwrap_or_default());
        let names = if id.owner.is_some() { &readable.user } else { &readable.system };
        Error::not_found("key", id.name.as_str(), names.keys().map(String::as_str))
    }
}

/// Whether the value of a key stays the same. Two sealed values are compared by what was sealed.
fn is_same(core: &Core, id: &KeyId, before: &Entry<'_>, after: &Entry<'_>, opened: Option<&str>) -> bool {
    match opened {
        Some(text) if before.secret => {
            core.vault().open(&before.value, &id.place()).is_ok_and(|before| before == text)
        }
        _ => before.secret == after.secret && before.value == after.value,
    }
}

/// Refuses a key for which there is no room.
fn refuse_overflow(
    held: &Held,
    before: Option<&Entry<'_>>,
    after: &Entry<'_>,
    options: &Options,
) -> Result<(), Error> {
    let size = |entry: &Entry<'_>| entry.name.len() + entry.value.len();
    let (count, bytes) = held.size();
    let freed = before.map_or(0, size);
    let (more, needed) = (usize::from(before.is_none()), bytes.saturating_sub(freed) + size(after));
    // What takes no more than before is always taken.
    if count + more > options.most_keys && more > 0 {
        return Err(Error::TooLarge {
            message: format!("the datastore has {count} keys, and {} is the limit", options.most_keys),
            hint: "delete keys that nobody needs; values that belong together fit into one, as JSON".into(),
        });
    }
    if needed > options.most_bytes && size(after) > freed {
        return Err(Error::TooLarge {
            message: format!(
                "with the key `{}` the datastore would have {needed} bytes, and {} is the limit",
                petrel_model::quoted::quoted(&after.name),
                options.most_bytes
            ),
            hint: "delete keys that nobody needs, or raise the setting datastore.max_mib and start the host again".into(),
        });
    }
    Ok(())
}
