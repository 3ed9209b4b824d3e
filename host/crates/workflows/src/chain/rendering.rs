//! Renders values of a chain. A value with a template becomes text; any other value stays as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use petrel_expressions::workflow::Keys;
use petrel_expressions::{Datastore, KeyName, KeyScope, Opener, Scope, Template, is_template};
use serde_json::{Map, Value};

use super::{ChainInput, Node};
use crate::conductor::World;

/// The names that templates of a chain can see.
pub(super) struct Scopes<'a> {
    pub(super) given: &'a ChainInput,
    pub(super) results: &'a Map<String, Value>,
    pub(super) variables: &'a Map<String, Value>,
    /// The node that has ended, with its result.
    pub(super) node: Option<(&'a Node, &'a Arc<Value>)>,
}

impl Scopes<'_> {
    /// The scope of the chain's own variables: its parameters.
    pub(super) fn of_variables(&self) -> Scope {
        add(Scope::new(), &self.given.input)
    }

    /// The scope of published variables: the result of the node, and everything that parameters see.
    pub(super) fn of_publish(&self) -> Scope {
        let mut scope = self.of_variables();
        if let Some((node, result)) = self.node {
            scope.insert(&node.name, Arc::clone(result));
        }
        // As in StackStorm, a variable hides a result of its name, which hides a parameter.
        scope = add(add(scope, self.results), self.variables);
        scope
            .with("__results", Value::Object(self.results.clone()))
            .with_key_scope("system", KeyScope::System)
    }

    /// The scope of a node's parameters: those of the chain, results by task, variables and the two contexts.
    pub(super) fn of_parameters(&self) -> Scope {
        self.of_publish()
            .with("action_context", Arc::clone(&self.given.action_context))
            .with("config_context", Arc::clone(&self.given.config))
    }
}

fn add(mut scope: Scope, values: &Map<String, Value>) -> Scope {
    for (name, value) in values {
        scope.insert(name, value.clone());
    }
    scope
}

/// A value that cannot be rendered.
pub(super) struct RenderError {
    pub(super) name: String,
    /// The reason.
    pub(super) reason: String,
}

impl RenderError {
    /// This error without the template and any value.
    pub(super) fn hidden(self) -> Self {
        let reason = "it may hold a secret, so neither its template nor a value is shown".to_owned();
        Self { reason, ..self }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failed rendering value for \"{}\": {}", self.name, self.reason)
    }
}

/// Renders all templates in `values`.
///
/// # Errors
/// The first value that cannot be rendered.
pub(super) fn rendered(
    values: &Map<String, Value>,
    scope: &Scope,
    world: &World,
) -> Result<Map<String, Value>, RenderError> {
    let render = |(name, value): (&String, &Value)| match rendered_value(value, scope, world) {
        Ok(value) => Ok((name.clone(), value)),
        Err(reason) => Err(RenderError { name: name.clone(), reason }),
    };
    values.iter().map(render).collect()
}

fn rendered_value(value: &Value, scope: &Scope, world: &World) -> Result<Value, String> {
    match value {
        Value::String(text) if is_template(text) => {
            let template = Template::compile(text).map_err(|error| error.to_string())?;
            let scope = scope.clone().with_datastore(datastore(&template, world)?);
            template.render(&scope).map(Value::String).map_err(|error| error.to_string())
        }
        Value::Array(items) => items.iter().map(|item| rendered_value(item, scope, world)).collect(),
        Value::Object(object) => {
            let entries = object.iter();
            let entries = entries.map(|(key, value)| Ok((key.clone(), rendered_value(value, scope, world)?)));
            entries.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

/// The datastore values that a template reads.
fn datastore(template: &Template, world: &World) -> Result<Arc<Datastore>, String> {
    let Some(keys) = &world.keys else { return Ok(Arc::default()) };
    let (mut system, mut user) = (BTreeMap::new(), BTreeMap::new());
    for key in template.datastore_keys() {
        if let Some(value) = keys.get(key.scope, &key.name, false)? {
            let values = match key.scope {
                KeyScope::System => &mut system,
                KeyScope::User => &mut user,
            };
            values.insert(key.name.clone(), value);
        }
    }
    let opener: Option<Arc<dyn Opener>> = Some(Arc::new(OfWorld(Arc::clone(keys))));
    Ok(Arc::new(Datastore { system: Arc::new(system), user: Arc::new(user), opener }))
}

/// Decrypts by the keys of the world.
#[derive(Debug)]
struct OfWorld(Arc<dyn Keys>);

impl Opener for OfWorld {
    fn open(&self, _: &KeyName, sealed: &str) -> Result<Option<String>, String> {
        self.0.open(sealed)
    }

    /// A variable of the chain may have the value of a key that the template does not name.
    fn open_other(&self, sealed: &str) -> Result<Option<String>, String> {
        self.0.open(sealed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A datastore with one key, `st2kv.system.pin`.
    #[derive(Debug)]
    struct OnePin;

    impl Keys for OnePin {
        fn get(&self, scope: KeyScope, name: &str, _: bool) -> Result<Option<String>, String> {
            Ok((scope == KeyScope::System && name == "pin").then(|| "sealed:s3cret".to_owned()))
        }

        fn open(&self, sealed: &str) -> Result<Option<String>, String> {
            Ok(sealed.strip_prefix("sealed:").map(str::to_owned))
        }
    }

    #[test]
    fn the_encrypted_value_of_a_key_is_decrypted_wherever_it_is_from() {
        let world = World { keys: Some(Arc::new(OnePin)), ..World::default() };
        let scope = Scope::new().with("taken", json!("sealed:s3cret"));
        for template in ["{{ st2kv.system.pin | decrypt_kv }}", "{{ taken | decrypt_kv }}"] {
            assert_eq!(rendered_value(&json!(template), &scope, &world), Ok(json!("s3cret")), "{template}");
        }
        assert!(rendered_value(&json!("{{ 'other' | decrypt_kv }}"), &scope, &world).is_err());
    }
}
