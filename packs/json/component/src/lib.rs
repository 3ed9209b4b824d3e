//! The component of the pack `json`: looks into values, builds others of them, merges and compares them. It needs no grant.
//!
//! [`path`] has the paths by which parts are named, [`compare`] the differences of two values; this file has the actions.

use std::collections::BTreeMap;

use petrel_pack_sdk::{Action, Context, Error, export_actions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub mod compare;
pub mod path;

use compare::{Change, differences};
use path::Path;

/// The input of `query`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Asked {
    /// The value to look into.
    pub value: Value,
    /// What to look for: a JSON pointer as `/items/0/name`, or a path of JSONPath as `$.items[*].name`.
    pub path: String,
    /// Whether it is an error that nothing is found.
    #[serde(default)]
    pub must_exist: bool,
}

/// The output of `query`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Found {
    /// The first value that was found, or null.
    pub first: Value,
    /// All values that were found, in order.
    pub all: Vec<Value>,
    /// Their number.
    pub count: usize,
}

fn query(_ctx: &Context, asked: Asked) -> Result<Found, Error> {
    let Asked { value, path, must_exist } = asked;
    let all: Vec<Value> = path.parse::<Path>()?.find(&value)?.into_iter().cloned().collect();
    if all.is_empty() && must_exist {
        return Err(Error::not_found(format!("nothing is at {path}"))
            .code("json.nothing_found")
            .hint("correct `path`, or leave out `must_exist`"));
    }
    Ok(Found { first: all.first().cloned().unwrap_or_default(), count: all.len(), all })
}

/// The input of `transform`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Shape {
    /// The value to take the parts from.
    pub value: Value,
    /// The paths of the parts, by the names that they are to have. A path with `*`, `..` or a range gives a list.
    pub fields: BTreeMap<String, String>,
    /// Whether it is an error that a part is not there. Without this it is null.
    #[serde(default)]
    pub must_exist: bool,
}

/// The output of `transform`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Shaped {
    /// The value of the parts.
    pub value: Map<String, Value>,
}

fn transform(_ctx: &Context, shape: Shape) -> Result<Shaped, Error> {
    let mut value = Map::new();
    for (name, text) in shape.fields {
        let path: Path = text.parse()?;
        let found = path.find(&shape.value)?;
        let part = if path.is_for_several() {
            found.into_iter().cloned().collect()
        } else if let Some(part) = found.first() {
            (*part).clone()
        } else if shape.must_exist {
            return Err(Error::not_found(format!("nothing is at {text}, which `{name}` is to have"))
                .code("json.nothing_found")
                .hint("correct the path, or leave out `must_exist`"));
        } else {
            Value::Null
        };
        value.insert(name, part);
    }
    Ok(Shaped { value })
}

/// The input of `merge`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Parts {
    /// The values, from the first to the last: what a later one has replaces what an earlier one has.
    pub values: Vec<Value>,
    /// Whether a null removes what was there before, as in a JSON merge patch (RFC 7396).
    #[serde(default)]
    pub null_removes: bool,
}

/// The output of `merge`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Merged {
    /// The merged value.
    pub value: Value,
}

#[expect(clippy::unnecessary_wraps, reason = "the form that actions have")]
fn merge(_ctx: &Context, parts: Parts) -> Result<Merged, Error> {
    let mut value = Value::Null;
    for part in parts.values {
        merge_into(&mut value, part, parts.null_removes);
    }
    Ok(Merged { value })
}

/// Objects are merged field by field. Anything else, lists too, is replaced.
fn merge_into(into: &mut Value, part: Value, null_removes: bool) {
    let Value::Object(fields) = part else {
        *into = part;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (name, value) in fields {
        if value.is_null() && null_removes {
            into.remove(&name);
        } else {
            merge_into(into.entry(name).or_insert(Value::Null), value, null_removes);
        }
    }
}

/// The input of `diff`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Pair {
    /// The value before.
    pub before: Value,
    /// The value after.
    pub after: Value,
}

/// The output of `diff`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Differences {
    /// Whether the values are equal.
    pub equal: bool,
    /// The changes that lead from one to the other, as a JSON patch (RFC 6902) that also has the values before.
    pub changes: Vec<Change>,
}

fn diff(_ctx: &Context, pair: Pair) -> Result<Differences, Error> {
    let Pair { before, after } = pair;
    let changes = differences(&before, &after)?;
    Ok(Differences { equal: changes.is_empty(), changes })
}

export_actions![
    Action::new("query", query).description("Looks for parts of a value.").idempotent(),
    Action::new("transform", transform).description("Builds an object of parts of a value.").idempotent(),
    Action::new("merge", merge).description("Merges values.").idempotent(),
    Action::new("diff", diff).description("Says how two values differ.").idempotent(),
];

#[cfg(test)]
mod tests;
