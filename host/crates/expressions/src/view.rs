//! JSON as the template engine sees it, without copying it: only the parts that a template touches are
//! turned into the engine's values.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::Value as Json;

use crate::convert;
use crate::work::{self, Limit};

/// `root` as the engine sees it.
pub(crate) fn view(root: &Arc<Json>) -> Value {
    match &**root {
        Json::Array(_) | Json::Object(_) => {
            Value::from_object(View { root: Arc::clone(root), path: Vec::new() })
        }
        scalar => convert::from_json(scalar),
    }
}

/// The field `name` of `root` as the engine sees it.
pub(crate) fn field(root: &Arc<Json>, name: &str) -> Option<Value> {
    let view = View { root: Arc::clone(root), path: Vec::new() };
    root.get(name).map(|json| view.child(Step::Field(name.to_owned()), json))
}

/// Whether Python's mappings have a method of that name, which then hides a key: `x.items` is the method,
/// and `x['items']` the value of the key.
pub(crate) fn is_method_of_mappings(name: &str) -> bool {
    matches!(
        name,
        "clear"
            | "copy"
            | "fromkeys"
            | "get"
            | "items"
            | "keys"
            | "pop"
            | "popitem"
            | "setdefault"
            | "update"
            | "values"
    )
}

/// A list or an object somewhere in a shared value.
#[derive(Debug)]
pub(crate) struct View {
    root: Arc<Json>,
    path: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Field(String),
    Item(usize),
}

impl View {
    /// It as JSON; all of a value that was handed in is not copied.
    pub(crate) fn shared(&self) -> Result<Arc<Json>, Limit> {
        if self.path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let json = self.json().unwrap_or(&Json::Null);
        convert::charge_copy(json)?;
        Ok(Arc::new(json.clone()))
    }

    pub(crate) fn json(&self) -> Option<&Json> {
        self.path.iter().try_fold(&*self.root, |json, step| match step {
            Step::Field(name) => json.get(name),
            Step::Item(index) => json.get(index),
        })
    }

    fn child(&self, step: Step, json: &Json) -> Value {
        match json {
            Json::Array(_) | Json::Object(_) => {
                let mut path = Vec::with_capacity(self.path.len() + 1);
                path.extend_from_slice(&self.path);
                path.push(step);
                Value::from_object(Self { root: Arc::clone(&self.root), path })
            }
            scalar => convert::from_json(scalar),
        }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.json() {
            Some(Json::Array(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.json()? {
            Json::Array(items) => {
                let index = key.as_usize()?;
                items.get(index).map(|item| self.child(Step::Item(index), item))
            }
            Json::Object(fields) => {
                let name = key.as_str()?;
                fields.get(name).map(|field| self.child(Step::Field(name.to_owned()), field))
            }
            _ => None,
        }
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        match self.json()? {
            Json::Object(fields) if !is_method_of_mappings(name) => {
                fields.get(name).map(|field| self.child(Step::Field(name.to_owned()), field))
            }
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.json() {
            Some(Json::Array(items)) => Enumerator::Seq(items.len()),
            Some(Json::Object(fields)) => {
                // What is too much fails with the next charge.
                let _charged = work::make_list(fields.len());
                Enumerator::Values(fields.keys().map(|name| Value::from(name.as_str())).collect())
            }
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.json()? {
            Json::Array(items) => Some(items.len()),
            Json::Object(fields) => Some(fields.len()),
            _ => None,
        }
    }
}
