//! What a template sees: names and values, in order.
//!
//! A value is handed in as shared JSON, and only what a template reads of it is turned into the engine's
//! form. So a scope is cheap to build and to extend, however large a payload is.

use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::Object;
use serde_json::Value;

use crate::datastore::{Datastore, KeyName, KeyScope, Scopes};
use crate::mutable::Thaw;
use crate::view::view;

/// Named values, and the datastore under `st2kv`.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    entries: Vec<(Arc<str>, Entry)>,
    datastore: Arc<Datastore>,
}

/// A value that is made when somebody reads it.
type Late = LazyLock<Arc<Value>, Box<dyn FnOnce() -> Arc<Value> + Send>>;

#[derive(Clone)]
enum Entry {
    Json(Arc<Value>),
    Late(Arc<Late>),
    Datastore(KeyScope),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => json.fmt(f),
            Self::Late(late) => late.fmt(f),
            Self::Datastore(scope) => scope.fmt(f),
        }
    }
}

impl Scope {
    /// Nothing but an empty datastore.
    pub fn new() -> Self {
        Self::default()
    }

    /// This and `value` under `name`, in place of what was there.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Arc<Value>>) -> Self {
        self.insert(name, value);
        self
    }

    /// This and what `make` makes under `name`, once a template reads it; most read none of what they could.
    #[must_use]
    pub fn with_late(mut self, name: &str, make: impl FnOnce() -> Value + Send + 'static) -> Self {
        let late: Late = LazyLock::new(Box::new(move || Arc::new(make())));
        self.put(name, Entry::Late(Arc::new(late)));
        self
    }

    /// Adds `value` under `name`, in place of what was there.
    pub fn insert(&mut self, name: &str, value: impl Into<Arc<Value>>) {
        self.put(name, Entry::Json(value.into()));
    }

    /// This with `datastore` under `st2kv`.
    #[must_use]
    pub fn with_datastore(mut self, datastore: Arc<Datastore>) -> Self {
        self.datastore = datastore;
        self
    }

    /// This with one part of the datastore under a name of its own: criteria patterns may say `system.x`.
    #[must_use]
    pub fn with_key_scope(mut self, name: &str, scope: KeyScope) -> Self {
        self.put(name, Entry::Datastore(scope));
        self
    }

    /// The JSON value under `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<&Arc<Value>> {
        match self.entry(name)? {
            Entry::Json(json) => Some(json),
            Entry::Late(late) => Some(late),
            Entry::Datastore(_) => None,
        }
    }

    /// Whether a template finds something under `name`.
    pub fn contains(&self, name: &str) -> bool {
        name == DATASTORE || self.entry(name).is_some()
    }

    /// The datastore under `st2kv`.
    pub fn datastore(&self) -> &Arc<Datastore> {
        &self.datastore
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|(known, _)| **known == *name).map(|(_, entry)| entry)
    }

    fn put(&mut self, name: &str, entry: Entry) {
        match self.entries.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, old)) => *old = entry,
            None => self.entries.push((name.into(), entry)),
        }
    }

    /// The engine's root context for a template that reads `keys` of the datastore, and
    /// changes what it sees if `changes` says so.
    pub(crate) fn context(&self, keys: &Arc<[KeyName]>, changes: bool) -> minijinja::Value {
        minijinja::Value::from_object(Context {
            scope: self.clone(),
            keys: Arc::clone(keys),
            thaw: changes.then(Thaw::default),
        })
    }
}

/// The name of the datastore in templates.
pub const DATASTORE: &str = "st2kv";

#[derive(Debug)]
struct Context {
    scope: Scope,
    keys: Arc<[KeyName]>,
    /// What was handed in, where the template changes it.
    thaw: Option<Thaw>,
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let name = key.as_str()?;
        let scopes = || Scopes { datastore: Arc::clone(&self.scope.datastore), keys: Arc::clone(&self.keys) };
        let shown = |json| match &self.thaw {
            Some(thaw) => thaw.get(name, || Some(view(json))),
            None => Some(view(json)),
        };
        match self.scope.entry(name) {
            Some(Entry::Json(json)) => shown(json),
            Some(Entry::Late(late)) => shown(late),
            Some(Entry::Datastore(scope)) => Some(scopes().lookup(*scope)),
            None if name == DATASTORE => Some(minijinja::Value::from_object(scopes())),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;
    use crate::Template;

    #[test]
    fn what_is_late_is_made_once_and_only_for_who_reads_it() {
        for (template, gives, makes) in
            [("{{ n }}", "1", 0), ("{{ late.user }}-{{ late.user }}", "ada-ada", 1)]
        {
            let made = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&made);
            let scope = Scope::new().with("n", json!(1)).with_late("late", move || {
                count.fetch_add(1, Ordering::Relaxed);
                json!({"user": "ada"})
            });
            assert!(scope.contains("late"));
            let rendered = Template::compile(template).unwrap().render(&scope.clone()).unwrap();
            assert_eq!((rendered.as_str(), made.load(Ordering::Relaxed)), (gives, makes), "{template}");
            assert_eq!(
                Template::compile(template).unwrap().render(&scope).unwrap(),
                gives,
                "the scope is shared"
            );
            assert_eq!(made.load(Ordering::Relaxed), makes, "{template}");
        }
    }
}
