//! JSON in place as values of the template engine: only the parts that a template touches are converted.
//!
//! The path to a part is charged ([`petrel_scope::parts`]).

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use petrel_scope::parts::{STEP, WAY};
use serde_json::Value as Json;

use crate::convert;
use crate::work::{self, Exceeded};

/// `root` as a value of the engine.
pub(crate) fn view(root: &Arc<Json>) -> Value {
    match &**root {
        Json::Array(_) | Json::Object(_) => Value::from_object(View::of(Arc::clone(root))),
        scalar => convert::from_json(scalar),
    }
}

/// The field `name` of `root` as a value of the engine.
pub(crate) fn field(root: &Arc<Json>, name: &str) -> Option<Value> {
    View::of(Arc::clone(root)).field(root, name)
}

/// A list or an object within shared JSON.
#[derive(Debug)]
pub(crate) struct View {
    root: Arc<Json>,
    path: Vec<Step>,
    /// The units of work of walking to the place.
    way: u64,
    is_list: bool,
    length: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Field(Arc<str>),
    Item(usize),
}

impl View {
    /// The root itself.
    fn of(root: Arc<Json>) -> Self {
        let (is_list, length) = (root.is_array(), length(&root));
        Self { root, path: Vec::new(), way: 0, is_list, length }
    }

    /// The place as JSON; the root is shared and not copied.
    pub(crate) fn shared(&self) -> Result<Arc<Json>, Exceeded> {
        if self.path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let json = self.json().unwrap_or(&Json::Null);
        work::copy(json)?;
        Ok(Arc::new(json.clone()))
    }

    pub(crate) fn json(&self) -> Option<&Json> {
        self.path.iter().try_fold(&*self.root, |json, step| match step {
            Step::Field(name) => json.get(&**name),
            Step::Item(index) => json.get(index),
        })
    }

    /// The field `name` of `json`, which is the JSON of this place.
    fn field(&self, json: &Json, name: &str) -> Option<Value> {
        if let Err(limit) = work::scan(name.len()) {
            return Some(convert::beyond(limit));
        }
        let field = json.get(name)?;
        Some(self.child(STEP + name.len() as u64, || Step::Field(name.into()), field))
    }

    /// A part of this place, `far` units of work from the root.
    fn child(&self, far: u64, step: impl FnOnce() -> Step, json: &Json) -> Value {
        if !matches!(json, Json::Array(_) | Json::Object(_)) {
            return convert::from_json(json);
        }
        let way = self.way + far;
        if way > WAY {
            return match work::copy(json) {
                Ok(()) => Value::from_object(Self::of(Arc::new(json.clone()))),
                Err(limit) => convert::beyond(limit),
            };
        }
        let mut path = Vec::with_capacity(self.path.len() + 1);
        path.extend_from_slice(&self.path);
        path.push(step());
        let (root, is_list, length) = (Arc::clone(&self.root), json.is_array(), length(json));
        Value::from_object(Self { root, path, way, is_list, length })
    }
}

/// The number of items or fields.
fn length(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.len(),
        Json::Object(fields) => fields.len(),
        _ => 0,
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.is_list { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Err(limit) = work::charge(self.way) {
            return Some(convert::beyond(limit));
        }
        match self.json()? {
            Json::Array(items) => {
                let index = key.as_usize()?;
                items.get(index).map(|item| self.child(STEP, || Step::Item(index), item))
            }
            json => self.field(json, key.as_str()?),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        // A mapping may have a key with the name of a method, as in `x.values`. Only a call, `x.values()`, means the
        // method of Python's mappings.
        if self.is_list {
            return None;
        }
        if let Err(limit) = work::charge(self.way) {
            return Some(convert::beyond(limit));
        }
        self.field(self.json()?, name)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.is_list {
            return Enumerator::Seq(self.length);
        }
        match self.json() {
            Some(Json::Object(fields)) => {
                let names = fields.keys().map(String::len).sum::<usize>();
                match work::make_list(fields.len()).and_then(|()| work::make(names)) {
                    Ok(()) => {
                        Enumerator::Values(fields.keys().map(|name| Value::from(name.as_str())).collect())
                    }
                    Err(limit) => Enumerator::Values(vec![convert::beyond(limit)]),
                }
            }
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.length)
    }
}
