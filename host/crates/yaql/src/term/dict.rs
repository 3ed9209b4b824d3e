//! Mappings: built by the expression, within shared JSON, or the variables of the workflow.

use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use petrel_python::work;
use petrel_scope::Variables;

use super::super::error::Error;
use super::super::limits::Run;
use super::super::view::{self, View};
use super::key::{Hashed, Key, TextKey};
use super::{Term, above};

/// A mapping, in the order of its keys' first occurrence.
#[derive(Debug, Clone)]
pub(crate) enum Dict {
    Built(Rc<Entries>),
    View(View),
    /// The variables of a workflow, except those whose names begin with two underscores.
    Variables(Variables),
}

/// The entries of a mapping that an expression built.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    map: IndexMap<Key, Term, Hashed>,
    height: u32,
    /// Whether the mapping is mutable in Python, and therefore not a key.
    pub(crate) is_mutable: bool,
}

impl Entries {
    /// The entries of an empty mutable mapping.
    pub(crate) fn mutable() -> Self {
        Self { is_mutable: true, ..Self::default() }
    }

    pub(crate) fn insert(&mut self, run: &Run<'_>, key: Term, value: Term) -> Result<(), Error> {
        run.allocate(2 * size_of::<Term>() + 16)?;
        self.height = self.height.max(above(key.height().max(value.height()))?);
        self.map.insert(Key::new(run, key)?, value);
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.map.shift_remove(key);
    }

    pub(crate) fn into_dict(self) -> Dict {
        Dict::Built(Rc::new(self))
    }
}

/// Whether a variable of a workflow is internal to the engine.
fn is_hidden(name: &str) -> bool {
    name.starts_with("__")
}

impl Dict {
    /// A copy of the entries, to be changed.
    pub(crate) fn to_entries(&self, run: &Run<'_>) -> Result<Entries, Error> {
        run.steps(self.len() as u64)?;
        if let Self::Built(entries) = self {
            run.allocate(self.len() * (2 * size_of::<Term>() + 16))?;
            return Ok(Entries { is_mutable: false, ..Entries::clone(entries) });
        }
        let mut entries = Entries::default();
        for (key, value) in self.entries() {
            entries.insert(run, key, value)?;
        }
        Ok(entries)
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Built(entries) => entries.map.len(),
            Self::View(view) => view.len(),
            Self::Variables(variables) => variables.iter().filter(|(name, _)| !is_hidden(name)).count(),
        }
    }

    pub(crate) fn is_mutable(&self) -> bool {
        match self {
            Self::Built(entries) => entries.is_mutable,
            Self::View(_) => false,
            Self::Variables(_) => true,
        }
    }

    /// The value under `name`.
    pub(crate) fn field(&self, name: &str) -> Option<Term> {
        match self {
            // A lookup that exceeds a limit finds nothing, and the evaluation fails.
            _ if work::scan(name.len()).is_err() => None,
            Self::Built(entries) => entries.map.get(&TextKey(name)).cloned(),
            Self::View(view) => view.field(name),
            Self::Variables(_) if is_hidden(name) => None,
            Self::Variables(variables) => variables.get(name).map(view::term),
        }
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// When `key` cannot be a key.
    pub(crate) fn get(&self, run: &Run<'_>, key: &Term) -> Result<Option<Term>, Error> {
        if let Term::Text(name) = key {
            return Ok(self.field(name));
        }
        let key = Key::new(run, key.clone())?;
        Ok(match self {
            Self::Built(entries) => entries.map.get(&key).cloned(),
            _ => None,
        })
    }

    /// The keys, in order.
    pub(crate) fn keys(&self) -> Vec<Term> {
        match self {
            Self::Built(entries) => entries.map.keys().map(|key| key.term().clone()).collect(),
            Self::View(view) => view.names().into_iter().map(Term::Text).collect(),
            Self::Variables(variables) => {
                let names = variables.iter().map(|(name, _)| name).filter(|name| !is_hidden(name));
                names.map(|name| Term::Text(Arc::clone(name))).collect()
            }
        }
    }

    /// The value of one of the mapping's own keys.
    pub(crate) fn value_of(&self, key: &Term) -> Term {
        let value = match (self, key) {
            (_, Term::Text(name)) => self.field(name),
            (Self::Built(entries), key) => entries.map.get(&Key::of_existing(key)).cloned(),
            _ => None,
        };
        value.unwrap_or(Term::Null)
    }

    /// Keys and values, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Term, Term)> + '_ {
        // Keys and values are taken together where they are stored so, which hashes no key again.
        let (built, keys) = match self {
            Self::Built(entries) => (Some(entries.map.iter()), Vec::new()),
            _ => (None, self.keys()),
        };
        let built = built.into_iter().flatten().map(|(key, value)| (key.term().clone(), value.clone()));
        built.chain(keys.into_iter().map(|key| {
            let value = self.value_of(&key);
            (key, value)
        }))
    }

    pub(crate) fn height(&self) -> u32 {
        match self {
            Self::Built(entries) => entries.height.max(1),
            Self::View(_) | Self::Variables(_) => 1,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Built(entries), Self::Built(others)) => Rc::ptr_eq(entries, others),
            (Self::View(view), Self::View(other)) => view.is_same(other),
            _ => false,
        }
    }
}
