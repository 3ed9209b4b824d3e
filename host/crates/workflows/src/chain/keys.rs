//! The keys that the templates of a chain read, and that do not exist: of the datastore, where each is an empty text as in
//! rules and parameters, and of the configuration, where the template fails.

use petrel_expressions::members::ConfigKeys;
use petrel_expressions::words::replaces_absence;
use petrel_expressions::{Datastore, Template, is_template};
use petrel_model::quoted::quoted;
use serde_json::Value;

use super::definition::{ChainDefinition, Invalid};
use crate::inspection::Severity;

/// Largest number of notes on keys of a chain.
const MOST: usize = 100;

impl ChainDefinition {
    /// Notes on keys that `datastore` does not have, by the node whose template reads them.
    pub fn absent_keys(&self, datastore: &Datastore) -> Vec<Invalid> {
        let mut notes = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            for (part, values) in [("parameters", &node.parameters), ("publish", &node.publish)] {
                for (name, value) in values {
                    let path = format!("chain[{number}].{part}.{}", quoted(name));
                    collect(&path, value, datastore, &mut notes);
                }
            }
        }
        notes
    }

    /// Notes on keys of `config_context` that are not among `keys`, by the node or the variable whose template reads them.
    pub fn strange_config(&self, keys: &ConfigKeys) -> Vec<Invalid> {
        let of_vars = self.vars.iter().map(|(name, value)| (format!("vars.{}", quoted(name)), value));
        let of_nodes = self.nodes.iter().enumerate().flat_map(|(number, node)| {
            [("parameters", &node.parameters), ("publish", &node.publish)].into_iter().flat_map(
                move |(part, values)| {
                    let path = move |name: &str| format!("chain[{number}].{part}.{}", quoted(name));
                    values.iter().map(move |(name, value)| (path(name), value))
                },
            )
        });
        let found = of_vars.chain(of_nodes).flat_map(|(path, value)| {
            let strangers = keys.strangers(value).into_iter();
            strangers.map(move |(place, message)| Invalid {
                path: format!("{path}{place}"),
                message,
                severity: Severity::Note,
            })
        });
        found.take(MOST).collect()
    }
}

fn collect(path: &str, value: &Value, datastore: &Datastore, notes: &mut Vec<Invalid>) {
    match value {
        Value::String(text) if is_template(text) && !replaces_absence(text) => {
            let Ok(template) = Template::compile(text) else { return };
            for key in template.datastore_keys().iter().filter(|key| !datastore.contains(key)) {
                if notes.len() >= MOST {
                    return;
                }
                let shown = key.to_string();
                let near = datastore.meant([key]).map_or_else(String::new, |near| format!("; {near}"));
                notes.push(Invalid {
                    path: path.to_owned(),
                    message: format!(
                        "it gets an empty text, since the datastore has no key {}{near}",
                        quoted(&shown)
                    ),
                    severity: Severity::Note,
                });
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(&format!("{path}[{number}]"), item, datastore, notes);
            }
        }
        Value::Object(entries) => {
            for (name, entry) in entries {
                collect(&format!("{path}.{}", quoted(name)), entry, datastore, notes);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_no_configuration_has_is_noted_with_its_place() {
        let chain = ChainDefinition::compile(&json!({"vars": {"v": "{{ config_context.zone }}"}, "chain": [
            {"name": "a", "ref": "core.noop", "parameters": {"x": ["{{ config_context.zoen }}"]}},
        ]}));
        let notes = chain.unwrap().strange_config(&ConfigKeys::new("p", ["zone"]));
        let told: Vec<_> = notes.iter().map(|note| (note.path.as_str(), note.message.as_str())).collect();
        let says = "the configuration of the pack p has no key zoen; did you mean zone?";
        assert_eq!(told, [("chain[0].parameters.x[0]", says)]);
    }

    #[test]
    fn a_key_that_is_not_there_is_noted_with_the_nearest() {
        let chain = ChainDefinition::compile(&json!({"chain": [
            {"name": "a", "ref": "core.noop", "parameters": {"x": "{{ st2kv.system.limit }}", "y": ["{{ st2kv.system.limt }}"]}},
        ]}));
        let datastore = Datastore::shared([("limit".to_owned(), "5".to_owned())].into());
        let notes = chain.unwrap().absent_keys(&datastore);
        let told: Vec<_> = notes.iter().map(|note| (note.path.as_str(), note.message.as_str())).collect();
        let says = "it gets an empty text, since the datastore has no key st2kv.system.limt; did you mean st2kv.system.limit?";
        assert_eq!(told, [("chain[0].parameters.y[0]", says)]);
    }
}
