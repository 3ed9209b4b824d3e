//! A list or an object within shared JSON. It is read in place, and only the parts that are touched become terms. The
//! path to a part and copies of text are charged ([`petrel_scope::parts`]), as in Jinja. A part at a limit reads as
//! null, and the evaluation fails.

use std::rc::Rc;
use std::sync::Arc;

use petrel_python::work;
use petrel_scope::parts::{STEP, WAY, charge_copy};
use serde_json::Value as Json;

use super::term::{Dict, List, Term};

/// A place in shared JSON.
#[derive(Debug, Clone)]
pub(super) struct View {
    root: Arc<Json>,
    path: Option<Rc<Link>>,
}

/// The path to the place, from its last step on.
#[derive(Debug)]
struct Link {
    before: Option<Rc<Self>>,
    step: Step,
    /// The units of work of walking the whole path.
    way: u64,
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
    /// The JSON at the place.
    pub(super) fn json(&self) -> &Json {
        json(&self.root, self.path.as_deref())
    }

    /// The JSON at the place, shared if it is the whole.
    pub(super) fn to_shared(&self) -> Arc<Json> {
        match self.path {
            None => Arc::clone(&self.root),
            Some(_) => Arc::new(self.json().clone()),
        }
    }

    /// Whether the place is the root.
    pub(super) fn is_whole(&self) -> bool {
        self.path.is_none()
    }

    /// The units of work of walking to the place.
    fn way(&self) -> u64 {
        self.path.as_ref().map_or(0, |link| link.way)
    }

    pub(super) fn len(&self) -> usize {
        let _charged = work::charge(self.way());
        match self.json() {
            Json::Array(items) => items.len(),
            Json::Object(fields) => fields.len(),
            _ => 0,
        }
    }

    pub(super) fn item(&self, index: usize) -> Option<Term> {
        work::charge(self.way()).ok()?;
        let item = self.json().get(index)?;
        Some(self.child(STEP, || Step::Item(index), item))
    }

    pub(super) fn field(&self, name: &str) -> Option<Term> {
        work::charge(self.way()).ok()?;
        let field = self.json().get(name)?;
        Some(self.child(STEP + name.len() as u64, || Step::Field(name.into()), field))
    }

    /// The names of the fields of an object.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        match self.json() {
            Json::Object(fields) if work::make(fields.keys().map(String::len).sum()).is_ok() => {
                fields.keys().map(|name| Arc::from(name.as_str())).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.json(), other.json())
    }

    /// A part of this place, `far` units of work from the root.
    fn child(&self, far: u64, step: impl FnOnce() -> Step, json: &Json) -> Term {
        if !matches!(json, Json::Array(_) | Json::Object(_)) {
            return scalar_term(json);
        }
        let way = self.way() + far;
        if way > WAY {
            return charge_copy(json).map_or(Term::Null, |()| term(&Arc::new(json.clone())));
        }
        let link = Link { before: self.path.clone(), step: step(), way };
        Self { root: Arc::clone(&self.root), path: Some(Rc::new(link)) }.into_term(json)
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
    // Shared JSON never changes, so a step that once existed still does.
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
        Json::String(text) => work::make(text.len()).map_or(Term::Null, |()| Term::text(text)),
        _ => Term::Null,
    }
}
