//! All keys in memory: the values in the form in which expressions read them, and what else is known of each.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use petrel_engine_core::Vault;
use petrel_model::{RevisionId, Timestamp};
use petrel_scope::{Datastore, Opener};

use crate::key::{Entry, KeyId};
use crate::sealing::Opening;

/// Values by name.
type Values = BTreeMap<String, String>;

/// All keys.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// The keys that all share, as those see them who have none of their own.
    shared: Arc<Datastore>,
    /// The keys of users who have any.
    users: BTreeMap<String, Arc<Values>>,
    marks: BTreeMap<KeyId, Mark>,
    /// The keys that expire, by the time when they do.
    due: BTreeSet<(Timestamp, KeyId)>,
    /// The bytes of all names and values.
    bytes: usize,
    /// The number of keys of each store of a pack, and the bytes of their names and values.
    stores: BTreeMap<String, (usize, usize)>,
}

/// What is known of a key besides its value.
#[derive(Debug, Clone, Copy)]
struct Mark {
    secret: bool,
    expires_at: Option<Timestamp>,
    revision: Option<RevisionId>,
}

impl Held {
    /// No keys yet. `opener` opens those that all share.
    pub(crate) fn new(opener: Arc<dyn Opener>) -> Self {
        Self {
            shared: Arc::new(Datastore { opener: Some(opener), ..Datastore::default() }),
            users: BTreeMap::new(),
            marks: BTreeMap::new(),
            due: BTreeSet::new(),
            bytes: 0,
            stores: BTreeMap::new(),
        }
    }

    /// Adds or replaces a key.
    pub(crate) fn put(&mut self, entry: Entry<'static>) {
        let id = entry.id();
        self.remove(&id);
        let Entry { secret, expires_at, revision, value, .. } = entry;
        let bytes = id.name.len() + value.len();
        self.bytes += bytes;
        if let Some(store) = id.store() {
            let (keys, taken) = self.stores.entry(store.to_owned()).or_default();
            (*keys, *taken) = (*keys + 1, *taken + bytes);
        }
        self.due.extend(expires_at.map(|at| (at, id.clone())));
        self.values(id.owner.as_deref()).insert(id.name.clone(), value.into_owned());
        self.marks.insert(id, Mark { secret, expires_at, revision });
    }

    /// Removes a key, if it is there.
    pub(crate) fn remove(&mut self, id: &KeyId) {
        let Some(mark) = self.marks.remove(id) else { return };
        if let Some(at) = mark.expires_at {
            self.due.remove(&(at, id.clone()));
        }
        let values = self.values(id.owner.as_deref());
        let bytes = values.remove(&id.name).map_or(0, |value| id.name.len() + value.len());
        let is_last = values.is_empty();
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(store) = id.store()
            && let Some((keys, taken)) = self.stores.get_mut(store)
        {
            (*keys, *taken) = (keys.saturating_sub(1), taken.saturating_sub(bytes));
            if *keys == 0 {
                self.stores.remove(store);
            }
        }
        if let Some(owner) = id.owner.as_ref().filter(|_| is_last) {
            self.users.remove(owner);
        }
    }

    fn values(&mut self, owner: Option<&str>) -> &mut Values {
        match owner {
            None => Arc::make_mut(&mut Arc::make_mut(&mut self.shared).system),
            Some(owner) => Arc::make_mut(self.users.entry(owner.to_owned()).or_default()),
        }
    }

    /// The number of keys, and the bytes of their names and values.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.marks.len(), self.bytes)
    }

    /// The number of keys of the store that the key `name` belongs to, and the bytes of their names and values.
    pub(crate) fn size_of_store(&self, name: &str) -> (usize, usize) {
        let store = name.split_once(':').and_then(|(store, _)| self.stores.get(store));
        store.copied().unwrap_or_default()
    }

    /// The time when the next key expires.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Up to `most` keys that have expired at `now`.
    pub(crate) fn expired(&self, now: Timestamp, most: usize) -> impl Iterator<Item = &KeyId> {
        self.due.iter().take_while(move |(at, _)| *at <= now).map(|(_, id)| id).take(most)
    }

    /// A key, though it may have expired.
    pub(crate) fn get(&self, id: &KeyId) -> Option<Entry<'_>> {
        let (id, mark) = self.marks.get_key_value(id)?;
        self.entry(id, *mark)
    }

    fn entry<'h>(&'h self, id: &'h KeyId, mark: Mark) -> Option<Entry<'h>> {
        let values = match &id.owner {
            None => &self.shared.system,
            Some(owner) => self.users.get(owner)?,
        };
        let Mark { secret, expires_at, revision } = mark;
        Some(Entry {
            owner: id.owner.as_deref().map(Cow::Borrowed),
            name: Cow::Borrowed(&id.name),
            value: Cow::Borrowed(values.get(&id.name)?),
            secret,
            expires_at,
            revision,
        })
    }

    /// The keys that all share, or those of a user, in the order of their names.
    fn entries<'h>(&'h self, owner: Option<&str>, prefix: &str) -> impl Iterator<Item = Entry<'h>> + use<'h> {
        let (owner, prefix) = (owner.map(str::to_owned), prefix.to_owned());
        let from = KeyId { owner: owner.clone(), name: prefix.clone() };
        let range = self.marks.range(from..);
        range
            .take_while(move |(id, _)| id.owner == owner && id.name.starts_with(&prefix))
            .filter_map(move |(id, mark)| self.entry(id, *mark))
    }

    /// The keys that all share, whose names begin with `prefix` and come after `after`, in order.
    fn shared<'h>(
        &'h self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'h str, Mark)> + use<'h> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(KeyId::shared(after)),
            _ => Bound::Included(KeyId::shared(prefix)),
        };
        let prefix = prefix.to_owned();
        self.marks
            .range((from, Bound::Unbounded))
            .take_while(move |(id, _)| id.owner.is_none() && id.name.starts_with(&prefix))
            .map(|(id, mark)| (id.name.as_str(), *mark))
    }

    /// The secret keys whose value `vault` has no key for.
    pub(crate) fn without_key<'h>(&'h self, vault: &'h Vault) -> impl Iterator<Item = &'h KeyId> {
        let is_lost = move |id: &KeyId, mark: Mark| {
            mark.secret && self.entry(id, mark).is_some_and(|entry| !vault.has_key_of(&entry.value))
        };
        self.marks.iter().filter(move |(id, mark)| is_lost(id, **mark)).map(|(id, _)| id)
    }

    /// The secret keys that were sealed with an older key which `vault` has.
    pub(crate) fn with_older_key<'h>(&'h self, vault: &'h Vault) -> impl Iterator<Item = &'h KeyId> {
        let is_older = move |id: &KeyId, mark: Mark| {
            mark.secret
                && self
                    .entry(id, mark)
                    .is_some_and(|entry| vault.has_key_of(&entry.value) && !vault.is_current(&entry.value))
        };
        self.marks.iter().filter(move |(id, mark)| is_older(id, **mark)).map(|(id, _)| id)
    }

    /// What expressions on behalf of `user` read `now`. Where no key expires, nobody looks at the clock.
    pub(crate) fn readable_by(
        &self,
        user: &str,
        vault: &Vault,
        now: impl Fn() -> Timestamp,
    ) -> Arc<Datastore> {
        let own = self.users.get(user);
        let now = self.next_due().map(|_| now());
        let mut expired = now.into_iter().flat_map(|now| self.expired(now, usize::MAX)).peekable();
        if own.is_none() && expired.peek().is_none() {
            return Arc::clone(&self.shared);
        }
        let mut readable = Datastore::clone(&self.shared);
        if let Some(own) = own {
            readable.user = Arc::clone(own);
            readable.opener = Some(Opening::of(vault, Some(user)));
        }
        for id in expired {
            match &id.owner {
                None => drop(Arc::make_mut(&mut readable.system).remove(&id.name)),
                Some(owner) if owner == user => drop(Arc::make_mut(&mut readable.user).remove(&id.name)),
                Some(_) => {}
            }
        }
        Arc::new(readable)
    }
}

/// All keys at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) held: Arc<Held>,
    pub(crate) now: Timestamp,
}

impl Snapshot {
    /// A key, if it exists.
    pub fn get(&self, id: &KeyId) -> Option<Entry<'_>> {
        self.held.get(id).filter(|entry| self.is_there(entry))
    }

    /// The keys that all share, or those of `owner`, whose names begin with `prefix`, in the order of their names.
    pub fn entries<'s>(
        &'s self,
        owner: Option<&str>,
        prefix: &str,
    ) -> impl Iterator<Item = Entry<'s>> + use<'s> {
        self.held.entries(owner, prefix).filter(move |entry| self.is_there(entry))
    }

    /// The names of the keys that all share and that are not secret, if they begin with `prefix` and come after `after`, in
    /// order.
    pub(crate) fn open_names<'s>(
        &'s self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'s str> + use<'s> {
        let is_there = |mark: &Mark| mark.expires_at.is_none_or(|at| at > self.now);
        let open = self.held.shared(prefix, after).filter(move |(_, mark)| !mark.secret && is_there(mark));
        open.map(|(name, _)| name)
    }

    fn is_there(&self, entry: &Entry<'_>) -> bool {
        entry.expires_at.is_none_or(|at| at > self.now)
    }
}
