//! The keys of the datastore that the templates of a chain read, and that do not exist. Each is an empty text there, as in
//! rules and parameters.

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
    fn a_key_that_is_not_there_is_noted_with_the_nearest() {
        let chain = ChainDefinition::compile(&json!({"chain": [
            {"name": "a", "ref": "core.noop", "parameters": {"x": "{{ st2kv.system.limit }}", "y": ["{{ st2kv.system.limt }}"]}},
        ]}));
        let datastore =
            Datastore { system: [("limit".to_owned(), "5".to_owned())].into(), ..Datastore::default() };
        let notes = chain.unwrap().absent_keys(&datastore);
        let told: Vec<_> = notes.iter().map(|note| (note.path.as_str(), note.message.as_str())).collect();
        let says = "it gets an empty text, since the datastore has no key st2kv.system.limt; did you mean st2kv.system.limit?";
        assert_eq!(told, [("chain[0].parameters.y[0]", says)]);
    }
}
