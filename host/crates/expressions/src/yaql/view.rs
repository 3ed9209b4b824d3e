//! A list or an object somewhere in shared JSON: it is read in place, and only what is touched is turned
//! into terms. How Jinja does the same is [`crate::view`].

use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value as Json;

use super::term::{Dict, List, Term};

/// A place in shared JSON.
#[derive(Debug, Clone)]
pub(super) struct View {
    root: Arc<Json>,
    path: Option<Rc<Link>>,
}

/// The way down, from its last step on.
#[derive(Debug)]
struct Link {
    before: Option<Rc<Self>>,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Field(Arc<str>),
    Item(usize),
}

/// `root` as a term.
pub(super) fn term(root: &Arc<Json>) -> Term {
    View { root: Arc::clone(root), path: None }.into_term(root)
}

impl View {
    /// What is there.
    pub(super) fn json(&self) -> &Json {
        json(&self.root, self.path.as_deref())
    }

    /// What is there, shared if it is all of it.
    pub(super) fn to_shared(&self) -> Arc<Json> {
        match self.path {
            None => Arc::clone(&self.root),
            Some(_) => Arc::new(self.json().clone()),
        }
    }

    /// Whether it is all of what is shared.
    pub(super) fn is_whole(&self) -> bool {
        self.path.is_none()
    }

    pub(super) fn len(&self) -> usize {
        match self.json() {
            Json::Array(items) => items.len(),
            Json::Object(fields) => fields.len(),
            _ => 0,
        }
    }

    pub(super) fn item(&self, index: usize) -> Option<Term> {
        let item = self.json().get(index)?;
        Some(self.child(|| Step::Item(index), item))
    }

    pub(super) fn field(&self, name: &str) -> Option<Term> {
        let field = self.json().get(name)?;
        Some(self.child(|| Step::Field(name.into()), field))
    }

    /// The names of the fields of an object.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        match self.json() {
            Json::Object(fields) => fields.keys().map(|name| Arc::from(name.as_str())).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.json(), other.json())
    }

    fn child(&self, step: impl FnOnce() -> Step, json: &Json) -> Term {
        match json {
            Json::Array(_) | Json::Object(_) => {
                let link = Link { before: self.path.clone(), step: step() };
                Self { root: Arc::clone(&self.root), path: Some(Rc::new(link)) }.into_term(json)
            }
            scalar => scalar_term(scalar),
        }
    }

    fn into_term(self, json: &Json) -> Term {
        match json {
            Json::Array(_) => Term::List(List::view(self)),
            Json::Object(_) => Term::Dict(Dict::View(self)),
            scalar => scalar_term(scalar),
        }
    }
}

fn json<'a>(root: &'a Json, path: Option<&Link>) -> &'a Json {
    static NOTHING: Json = Json::Null;
    let Some(link) = path else { return root };
    let parent = json(root, link.before.as_deref());
    let child = match &link.step {
        Step::Field(name) => parent.get(&**name),
        Step::Item(index) => parent.get(index),
    };
    // What is shared never changes, so what was there once is there.
    child.unwrap_or(&NOTHING)
}

fn scalar_term(json: &Json) -> Term {
    match json {
        Json::Bool(value) => Term::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Term::Integer(i128::from(integer)),
            (_, Some(integer)) => Term::Integer(i128::from(integer)),
            _ => Term::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Term::text(text),
        _ => Term::Null,
    }
}
