//! The datastore in templates, `st2kv`: the keys that a template names, and the values along the path to a key.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};
use petrel_scope::{Datastore, KeyName, KeyScope};

use crate::{convert, work};

/// The keys of the datastore among the dotted names of a template (`st2kv.system.a.b`). A last part that is a method
/// of strings (`st2kv.system.a.upper()`) does not belong to the key.
pub(crate) fn keys_among<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<KeyName> {
    let mut keys: Vec<_> = names.into_iter().filter_map(key).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The keys that `source` names in brackets, as `st2kv.system['my-key']`, in their dotted form.
pub(crate) fn bracketed(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for scope in ["st2kv.system", "st2kv.user"] {
        for behind in source.split(scope).skip(1) {
            let Some(inside) = behind.trim_start().strip_prefix('[').map(str::trim_start) else { continue };
            let Some(quote) = inside.chars().next().filter(|char| matches!(char, '\'' | '"')) else {
                continue;
            };
            let Some((name, after)) = inside.strip_prefix(quote).and_then(|text| text.split_once(quote))
            else {
                continue;
            };
            // An escape, or an expression that goes on, is no fixed name.
            if !name.contains('\\') && after.trim_start().starts_with(']') {
                names.push(format!("{scope}.{name}"));
            }
        }
    }
    names
}

fn key(dotted: &str) -> Option<KeyName> {
    let rest = dotted.strip_prefix("st2kv.").unwrap_or(dotted);
    let (scope, name) = match rest.split_once('.')? {
        ("system", name) => (KeyScope::System, name),
        ("user", name) => (KeyScope::User, name),
        _ => return None,
    };
    let name = match name.rsplit_once('.') {
        Some((name, method)) if STRING_METHODS.contains(&method) => name,
        _ => name,
    };
    Some(KeyName { scope, name: name.to_owned() })
}

/// Python's methods of strings that templates call on keys.
const STRING_METHODS: [&str; 27] = [
    "capitalize",
    "count",
    "endswith",
    "find",
    "format",
    "isalnum",
    "isalpha",
    "isascii",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "join",
    "lower",
    "lstrip",
    "replace",
    "rfind",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
];

/// The value of `st2kv`.
#[derive(Debug)]
pub(crate) struct Scopes {
    pub(crate) datastore: Arc<Datastore>,
    pub(crate) keys: Arc<[KeyName]>,
}

impl Object for Scopes {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let scope = match key.as_str()? {
            "system" => KeyScope::System,
            "user" => KeyScope::User,
            _ => return None,
        };
        Some(self.lookup(scope))
    }
}

impl Scopes {
    pub(crate) fn lookup(&self, scope: KeyScope) -> Value {
        let (datastore, keys) = (Arc::clone(&self.datastore), Arc::clone(&self.keys));
        Value::from_object(Lookup { datastore, keys, scope, name: String::new() })
    }
}

/// A part of a key that has been read so far.
struct Lookup {
    datastore: Arc<Datastore>,
    keys: Arc<[KeyName]>,
    scope: KeyScope,
    name: String,
}

/// Whether `value` is a part of a key.
pub(crate) fn is_key(value: &Value) -> bool {
    value.downcast_object_ref::<Lookup>().is_some()
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.datastore.get(self.scope, &self.name))
    }
}

impl Lookup {
    /// Whether the template reads a longer key that begins with `name`.
    fn goes_on(&self, name: &str) -> bool {
        self.keys.iter().any(|key| {
            key.scope == self.scope && key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        })
    }
}

impl Object for Lookup {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if let Err(limit) = work::scan(key.len() + self.name.len()) {
            return Some(convert::beyond(limit));
        }
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        if !self.goes_on(&name) {
            return Some(convert::from_text(self.datastore.get(self.scope, &name)));
        }
        let (datastore, keys) = (Arc::clone(&self.datastore), Arc::clone(&self.keys));
        Some(Value::from_object(Self { datastore, keys, scope: self.scope, name }))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.datastore.get(self.scope, &self.name).is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.datastore.get(self.scope, &self.name))
    }
}
