//! The scope of templates: named values, in order.
//!
//! A value comes in as shared JSON, and a template turns only the parts that it reads into values of its language. So
//! a scope is cheap to build and to extend, however large a payload is.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::{Datastore, KeyScope};

/// Named values, and the datastore under `st2kv`.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    // A scope has a handful of names, so a search through a list costs no more than a map would.
    entries: Vec<(Arc<str>, Binding)>,
    datastore: Arc<Datastore>,
}

/// The meaning of a name in a scope.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// A value.
    Value(&'a Arc<Value>),
    /// One scope of the datastore.
    Keys(KeyScope),
    /// The whole datastore.
    Datastore,
}

/// A value that is built when somebody reads it.
type Late = LazyLock<Arc<Value>, Box<dyn FnOnce() -> Arc<Value> + Send>>;

#[derive(Clone)]
enum Binding {
    Json(Arc<Value>),
    Late(Arc<Late>),
    Datastore(KeyScope),
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => json.fmt(f),
            Self::Late(late) => late.fmt(f),
            Self::Datastore(scope) => scope.fmt(f),
        }
    }
}

impl Scope {
    /// A scope with an empty datastore and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces the value of `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Arc<Value>>) -> Self {
        self.insert(name, value);
        self
    }

    /// Adds or replaces the value of `name`, which `make` builds once a template reads it. Most templates read little
    /// of their scope.
    #[must_use]
    pub fn with_late(mut self, name: &str, make: impl FnOnce() -> Value + Send + 'static) -> Self {
        // Shared, so that copies of the scope build the value once between them.
        let late: Late = LazyLock::new(Box::new(move || Arc::new(make())));
        self.put(name, Binding::Late(Arc::new(late)));
        self
    }

    /// Adds or replaces the value of `name`.
    pub fn insert(&mut self, name: &str, value: impl Into<Arc<Value>>) {
        self.put(name, Binding::Json(value.into()));
    }

    /// Sets the datastore under `st2kv`.
    #[must_use]
    pub fn with_datastore(mut self, datastore: Arc<Datastore>) -> Self {
        self.datastore = datastore;
        self
    }

    /// Adds one scope of the datastore under a name of its own: patterns of criteria may read `system.x`.
    #[must_use]
    pub fn with_key_scope(mut self, name: &str, scope: KeyScope) -> Self {
        self.put(name, Binding::Datastore(scope));
        self
    }

    /// The JSON value of `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<&Arc<Value>> {
        match self.look_up(name)? {
            Named::Value(json) => Some(json),
            Named::Keys(_) | Named::Datastore => None,
        }
    }

    /// The meaning of `name` in a template. A late value is built now.
    pub fn look_up(&self, name: &str) -> Option<Named<'_>> {
        match self.entry(name) {
            Some(Binding::Json(json)) => Some(Named::Value(json)),
            Some(Binding::Late(late)) => Some(Named::Value(late)),
            Some(Binding::Datastore(scope)) => Some(Named::Keys(*scope)),
            None => (name == DATASTORE).then_some(Named::Datastore),
        }
    }

    /// Whether `name` has a meaning in a template.
    pub fn contains(&self, name: &str) -> bool {
        name == DATASTORE || self.entry(name).is_some()
    }

    /// The datastore under `st2kv`.
    pub fn datastore(&self) -> &Arc<Datastore> {
        &self.datastore
    }

    fn entry(&self, name: &str) -> Option<&Binding> {
        self.entries.iter().find(|(known, _)| **known == *name).map(|(_, entry)| entry)
    }

    fn put(&mut self, name: &str, entry: Binding) {
        match self.entries.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, old)) => *old = entry,
            None => self.entries.push((name.into(), entry)),
        }
    }
}

/// The name of the datastore in templates.
pub const DATASTORE: &str = "st2kv";
