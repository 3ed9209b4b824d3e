//! Messages of failed workflows without secrets: an error of an expression quotes the value that it met,
//! which may come from a secret parameter, from the configuration or from a secret key of the datastore.

use std::cmp::Reverse;

use petrel_executions::Queue;
use petrel_model::execution::masked;
use petrel_model::secrets::{MASK, secret_texts, secret_texts_at};
use petrel_model::{Execution, Object};
use serde_json::Value;

/// `result`, whose messages quote no secret parameter or configuration of `workflow`, and nothing that is `decrypted`. The
/// output is the author's own affair.
pub(super) fn without_secrets(
    queue: &Queue,
    workflow: &Execution,
    decrypted: Vec<String>,
    mut result: Value,
) -> Value {
    let Some(told) = result.as_object_mut() else { return result };
    let is_quiet = |name: &str| told.get(name).is_none_or(Value::is_null);
    // Only messages are searched, and most workflows have none.
    if is_quiet("errors") && is_quiet("error") {
        return result;
    }
    let mut secrets = {
        let content = queue.catalog().content();
        let registered = content.action(&workflow.action).ok();
        registered.map(|action| secret_texts(&workflow.parameters, &action.parameters)).unwrap_or_default()
    };
    // Also the places found at the beginning, because the action may declare less by now.
    secrets.extend(masked::secret_texts(workflow));
    secrets.extend(configured(queue, workflow));
    secrets.extend(decrypted);
    // The longest first, since one may be a part of another.
    secrets.sort_by_key(|text| Reverse(text.len()));
    if let Some(Value::Array(errors)) = told.get_mut("errors") {
        for error in errors {
            // A hint names what is near to the message, and so may the secret be.
            for part in ["message", "hint"] {
                if let Some(text) = error.get_mut(part) {
                    hide(text, &secrets);
                }
            }
        }
    }
    // The message of a chain.
    if let Some(text) = told.get_mut("error") {
        hide(text, &secrets);
    }
    result
}

/// The secrets in the configuration that its expressions may read.
fn configured(queue: &Queue, workflow: &Execution) -> Vec<String> {
    let pack = workflow.action.pack();
    let (configuration, schema) = {
        let content = queue.catalog().content();
        let schema = content.pack(pack).ok().and_then(|pack| pack.config_schema.clone());
        (content.configuration(pack), schema)
    };
    let filled = configuration.filled(pack, &queue.keys().readable_by(&workflow.context.user));
    // Without a schema all of it is secret.
    let texts = |values: &Object| match &schema {
        Some(schema) => secret_texts(values, schema),
        None => secret_texts_at(values, &[String::new()]),
    };
    filled.map(|values| texts(&values)).unwrap_or_default()
}

fn hide(text: &mut Value, secrets: &[String]) {
    let Value::String(text) = text else { return };
    for secret in secrets {
        if text.contains(secret.as_str()) {
            *text = text.replace(secret.as_str(), MASK);
        }
    }
}
