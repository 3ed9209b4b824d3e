//! Dependencies between parameters: they are determined before anything is rendered, and decide the order of
//! rendering. A template sees other parameters before they are cast.

use std::collections::{BTreeMap, BTreeSet};

use petrel_expressions::Scope;
use petrel_model::quoted::quoted;
use serde_json::Value;

use super::error::Error;
use super::given::{Parameter, Shape};

/// The greatest number of parameters that wait for one another: each takes room on the stack, and a caller may give any
/// number.
const LONGEST_CHAIN: usize = 128;

/// The value of a parameter, or the template that renders it.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Value(&'a Value),
    Template(&'a Parameter),
}

impl<'a> From<&'a Parameter> for Node<'a> {
    fn from(parameter: &'a Parameter) -> Self {
        match parameter {
            Parameter::Value(value) | Parameter::Data(value) => Self::Value(value),
            Parameter::Template(_) => Self::Template(parameter),
        }
    }
}

/// Parameters by name, in the order given.
#[derive(Default)]
pub(super) struct Nodes<'a> {
    order: Vec<&'a str>,
    nodes: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Nodes<'a> {
    pub(super) fn insert(&mut self, name: &'a str, node: Node<'a>) {
        if self.nodes.insert(name, node).is_none() {
            self.order.push(name);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.nodes.get(name)
    }

    fn has_template(&self) -> bool {
        self.nodes.values().any(|node| matches!(node, Node::Template(_)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.order.iter().filter_map(|name| Some((*name, *self.nodes.get(name)?)))
    }
}

/// Renders every parameter, without casts.
pub(super) fn resolve<'a>(nodes: &Nodes<'a>, scope: &Scope) -> Result<BTreeMap<&'a str, Value>, Error> {
    let values = nodes.iter().filter_map(|(name, node)| match node {
        Node::Value(value) => Some((name, value.clone())),
        Node::Template(_) => None,
    });
    // Most calls have no template, and need neither an order nor a scope of their own.
    if !nodes.has_template() {
        return Ok(values.collect());
    }
    let mut resolution =
        Resolution { nodes, scope: scope.clone(), values: BTreeMap::new(), path: Vec::new() };
    let needed = resolution.needed()?;
    values.for_each(|(name, value)| resolution.set(name, value, &needed));
    for (name, _) in nodes.iter() {
        resolution.resolve(name, &needed)?;
    }
    Ok(resolution.values)
}

struct Resolution<'a, 'n> {
    nodes: &'n Nodes<'a>,
    scope: Scope,
    values: BTreeMap<&'a str, Value>,
    /// The parameters that wait for the one being rendered, to detect cycles.
    path: Vec<&'a str>,
}

impl<'a> Resolution<'a, '_> {
    /// The names that templates use. Each must exist, as in StackStorm, which refuses the whole call otherwise.
    fn needed(&self) -> Result<BTreeSet<&'a str>, Error> {
        let mut needed = BTreeSet::new();
        for (parameter, node) in self.nodes.iter() {
            for name in names(node) {
                if self.nodes.get(name).is_none() && !self.scope.contains(name) {
                    return Err(Error::Unsatisfied {
                        parameter: parameter.to_owned(),
                        name: name.to_owned(),
                    });
                }
                needed.insert(name);
            }
        }
        Ok(needed)
    }

    fn set(&mut self, name: &'a str, value: Value, needed: &BTreeSet<&str>) {
        // The scope needs a copy, and most values are used by no template.
        if needed.contains(name) {
            self.scope.insert(name, value.clone());
        }
        self.values.insert(name, value);
    }

    fn resolve(&mut self, name: &'a str, needed: &BTreeSet<&str>) -> Result<(), Error> {
        if self.values.contains_key(name) {
            return Ok(());
        }
        let Some(Node::Template(parameter)) = self.nodes.get(name).copied() else { return Ok(()) };
        if let Some(start) = self.path.iter().position(|waiting| *waiting == name) {
            return Err(Error::Cycle(self.path.iter().skip(start).map(|&name| name.to_owned()).collect()));
        }
        if self.path.len() >= LONGEST_CHAIN {
            let parameter = quoted(name).into_owned();
            return Err(Error::Chain { parameter, limit: LONGEST_CHAIN });
        }
        self.path.push(name);
        for other in names(Node::Template(parameter)) {
            self.resolve(other, needed)?;
        }
        self.path.pop();
        let Parameter::Template(shape) = parameter else { return Ok(()) };
        let value = self.render(name, shape)?;
        self.set(name, value, needed);
        Ok(())
    }

    fn render(&self, name: &str, shape: &Shape) -> Result<Value, Error> {
        shape.render(&self.scope).map_err(|source| Error::Render { parameter: name.to_owned(), source })
    }
}

/// The names that the templates of a parameter use.
fn names(node: Node<'_>) -> impl Iterator<Item = &str> {
    let templates = match node {
        Node::Value(_) => Vec::new(),
        Node::Template(parameter) => parameter.templates(),
    };
    templates.into_iter().flat_map(petrel_expressions::Template::names)
}
