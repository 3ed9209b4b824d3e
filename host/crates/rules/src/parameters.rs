//! Parameters of actions: rendered, also with one another, and cast to the types that the action declares.
//!
//! This happens twice in the life of an execution. [`live`] runs when it is requested: it takes the given values and
//! those defaults that contain templates, and its result is stored. [`finals`] runs when the execution starts, and
//! adds the remaining defaults. Text without a template never reaches the template engine. (Source of every rule:
//! StackStorm's `param.py` and `casts.py`, and the conformance cases.)

pub mod absent;
pub mod cast;
mod error;
mod given;
mod graph;
mod meant;
pub mod secret;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_expressions::members::members;
use petrel_expressions::{Datastore, Scope, Template};
use petrel_model::Object;
use petrel_model::secrets::Marks;
use serde_json::Value;

pub use error::Error;
pub use given::Given;
use given::Parameter;
pub use signature::Signature;

use crate::reads::Reads;
use graph::{Node, Nodes};
use meant::with_meant_name;

/// Whether a template in `given` or in the defaults of `signature` reads a part that `schema` marks as secret of the
/// value that templates see as `name`.
pub fn read_secret(name: &str, given: &Given, signature: &Signature, schema: &Value) -> bool {
    let mut reads = Reads::default();
    given
        .templates()
        .chain(signature.templates())
        .for_each(|template| reads.add_name(name, template.source()));
    reads.has_secret(&Marks::of(schema))
}

/// The keys that templates in `given` or in the defaults of `signature` read of the object that they see as `name`:
/// `x` for `{{ name.x.y }}` and `{{ name['x'] }}`.
pub fn keys_read(name: &str, given: &Given, signature: &Signature) -> BTreeSet<String> {
    let templates = given.templates().chain(signature.templates());
    templates
        .flat_map(|template| members(template.source(), name))
        .map(|member| member.key.to_owned())
        .collect()
}

/// The parameters with which an execution runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Finals {
    /// The parameters that its runner declares.
    pub runner: Object,
    /// The parameters that only the action declares.
    pub action: Object,
}

/// The scope of parameters, apart from other parameters: `action_context`, `config_context` and `st2kv`. A rule adds
/// `trigger` with [`Scope::with`].
pub fn scope(
    context: impl Into<Arc<Value>>,
    config: impl Into<Arc<Value>>,
    datastore: Arc<Datastore>,
) -> Scope {
    Scope::new().with("action_context", context).with("config_context", config).with_datastore(datastore)
}

/// The parameters to store with an execution: those given, rendered and cast, and those whose default contains a
/// template.
///
/// # Errors
/// See [`Error`].
pub fn live(given: &Given, signature: &Signature, scope: &Scope) -> Result<Object, Error> {
    let mut nodes = Nodes::default();
    for (name, parameter) in given.iter() {
        nodes.insert(name, Node::from(parameter));
    }
    add_defaults(&mut nodes, signature);
    let values = resolved(&nodes, signature, scope)?;
    let mut live = Object::new();
    for (name, parameter) in given.iter() {
        let value = values.get(name).cloned().unwrap_or_default();
        let cast = match parameter {
            Parameter::Data(_) => signature.cast_data(name, value),
            Parameter::Value(_) | Parameter::Template(_) => signature.cast(name, value),
        };
        let value =
            cast.map_err(|error| hidden(with_missing_keys(error, parameter, scope), &nodes, signature))?;
        live.insert(name.to_owned(), value);
    }
    for declared in signature.iter() {
        // As in StackStorm, only defaults that are templates are stored with the execution. `finals` adds the others.
        if declared.is_immutable || !declared.default.is_text_template() || live.contains_key(&declared.name)
        {
            continue;
        }
        if let Some(value) = values.get(declared.name.as_str()) {
            let value = signature.cast(&declared.name, value.clone());
            let value = value.map_err(|error| {
                hidden(with_missing_keys(error, &declared.default, scope), &nodes, signature)
            })?;
            live.insert(declared.name.clone(), value);
        }
    }
    Ok(live)
}

/// The parameters to run with: `live` unchanged, and defaults for missing ones.
///
/// # Errors
/// See [`Error`].
pub fn finals(live: &Object, signature: &Signature, scope: &Scope) -> Result<Finals, Error> {
    let mut nodes = Nodes::default();
    for (name, value) in live {
        nodes.insert(name, Node::Value(value));
    }
    add_defaults(&mut nodes, signature);
    let values = resolved(&nodes, signature, scope)?;
    let mut finals = Finals { runner: Object::new(), action: Object::new() };
    for (name, node) in nodes.iter() {
        let side = match signature.side(name) {
            Some(signature::Side::Runner) => &mut finals.runner,
            Some(signature::Side::Action) => &mut finals.action,
            None => continue,
        };
        let value = signature.cast(name, values.get(name).cloned().unwrap_or_default());
        let value = value.map_err(|error| match node {
            Node::Template(parameter) => {
                hidden(with_missing_keys(error, parameter, scope), &nodes, signature)
            }
            Node::Value(_) => error,
        })?;
        side.insert(name.to_owned(), value);
    }
    Ok(finals)
}

/// The rendered values. An error says what is likely meant, and quotes no secret.
fn resolved<'a>(
    nodes: &Nodes<'a>,
    signature: &Signature,
    scope: &Scope,
) -> Result<BTreeMap<&'a str, Value>, Error> {
    graph::resolve(nodes, scope).map_err(|error| hidden(with_meant_name(error, nodes), nodes, signature))
}

/// Adds defaults for absent and null parameters, and for immutable ones whatever was given.
fn add_defaults<'a>(nodes: &mut Nodes<'a>, signature: &'a Signature) {
    for declared in signature.iter() {
        let is_open = match nodes.get(&declared.name) {
            None => true,
            Some(Node::Value(value)) => value.is_null(),
            Some(Node::Template(_)) => false,
        };
        if is_open || declared.is_immutable {
            nodes.insert(&declared.name, Node::from(&declared.default));
        }
    }
}

/// Whether what `error` quotes may come from a part that `schema` marks as secret of the value that templates see as
/// `name`: whether the parameter that is wrong reads one, by itself or through the parameters that it refers to.
pub fn may_quote_secret(
    error: &Error,
    name: &str,
    given: &Given,
    signature: &Signature,
    schema: &Value,
) -> bool {
    match error.parameter() {
        Some(parameter) => reads_secret(parameter, name, given, signature, schema),
        None => read_secret(name, given, signature, schema),
    }
}

/// As [`read_secret`], for the sources of one parameter's value.
pub fn reads_secret(
    parameter: &str,
    name: &str,
    given: &Given,
    signature: &Signature,
    schema: &Value,
) -> bool {
    let mut reads = Reads::default();
    let (_, templates) = origin(parameter, given, signature);
    templates.iter().for_each(|template| reads.add_name(name, template.source()));
    reads.has_secret(&Marks::of(schema))
}

/// Whether the value of a parameter is made from a secret one, or decrypted, directly or through others.
pub fn refers_to_secret(parameter: &str, given: &Given, signature: &Signature) -> bool {
    if !signature.has_secret() && !may_decrypt(given, signature) {
        return false;
    }
    let (names, templates) = origin(parameter, given, signature);
    names.iter().any(|name| signature.is_secret(name))
        || templates.iter().any(|template| template.may_decrypt())
}

/// Whether a template in `given` or in the defaults of `signature` may decrypt a key of the datastore.
pub fn may_decrypt(given: &Given, signature: &Signature) -> bool {
    given.may_decrypt() || signature.templates().any(Template::may_decrypt)
}

/// The sources of the value of `parameter`: its own name and those that it refers to, directly or through others, and
/// the templates of all of these.
fn origin<'a>(
    parameter: &'a str,
    given: &'a Given,
    signature: &'a Signature,
) -> (BTreeSet<&'a str>, Vec<&'a Template>) {
    let (mut open, mut names, mut templates) = (vec![parameter], BTreeSet::new(), Vec::new());
    while let Some(parameter) = open.pop() {
        if !names.insert(parameter) {
            continue;
        }
        let own = given.iter().filter(|(name, _)| *name == parameter).map(|(_, value)| value);
        let declared = signature.iter().filter(|declared| declared.name == parameter);
        for template in own.chain(declared.map(|declared| &declared.default)).flat_map(Parameter::templates) {
            open.extend(template.may_read());
            templates.push(template);
        }
    }
    (names, templates)
}

/// Adds to `error` the missing keys of the datastore that `parameter` reads. Each rendered as an empty text.
fn with_missing_keys(error: Error, parameter: &Parameter, scope: &Scope) -> Error {
    if !matches!(error, Error::Cast { .. }) {
        return error;
    }
    let templates = parameter.templates();
    let keys = templates.iter().flat_map(|template| template.datastore_keys());
    match scope.datastore().missing(keys) {
        Some(missing) => Error::Missing { error: Box::new(error), missing },
        None => error,
    }
}

/// Hides quotes in `error` that may be secret: those of a secret parameter, or of one that is made from a secret one, also
/// through others. Of text that cannot be rendered the template is quoted, of what cannot be cast the value.
fn hidden(error: Error, nodes: &Nodes<'_>, signature: &Signature) -> Error {
    let is_secret = error.parameter().is_some_and(|parameter| {
        signature.may_be_secret(parameter) || is_made_from_secret(parameter, nodes, signature)
    });
    if is_secret { error.hidden() } else { error }
}

/// Whether `parameter` is secret, or its template, or that of one that it refers to, decrypts or reads one that is.
fn is_made_from_secret(parameter: &str, nodes: &Nodes<'_>, signature: &Signature) -> bool {
    let (mut open, mut seen) = (vec![parameter], BTreeSet::new());
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        if signature.is_secret(name) {
            return true;
        }
        if let Some(Node::Template(parameter)) = nodes.get(name).copied() {
            let templates = parameter.templates();
            if templates.iter().any(|template| template.may_decrypt()) {
                return true;
            }
            open.extend(templates.into_iter().flat_map(Template::may_read));
        }
    }
    false
}

#[cfg(test)]
mod tests;
