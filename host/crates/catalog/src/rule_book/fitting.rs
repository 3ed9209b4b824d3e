//! The check of a rule's parameters against its action. Values without a template are checked when the rule is
//! created; results of templates are checked at each match.

use petrel_expressions::is_template;
use petrel_expressions::members::ConfigKeys;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::quoted;
use petrel_model::{Object, Rule};
use petrel_rules::parameters::Signature;
use serde_json::Value;

use crate::content::RegisteredAction;
use crate::validation::Validator;

/// A sentence for each parameter that the action refuses.
pub(crate) fn misfits(rule: &Rule, registered: &RegisteredAction) -> Vec<String> {
    let written = rule.action.parameters.iter().filter(|(_, value)| !value.is_null() && !has_template(value));
    let wrong = written
        .filter_map(|(name, value)| misfit(name, value, &registered.parameters, &registered.signature));
    let told = wrong.map(|reason| {
        // Most reasons end with their own remedy.
        let remedy = if reason.contains("; ") { "" } else { "; correct the value" };
        format!(
            "rule {}: the action {} refuses a parameter, so every match will fail: {reason}{remedy}",
            rule.reference, rule.action.reference
        )
    });
    told.collect()
}

/// A sentence for each key that a parameter reads of the configuration of its action's pack, and that is not among `keys`.
pub(crate) fn strange_config(rule: &Rule, keys: Option<&ConfigKeys>) -> Vec<String> {
    let Some(keys) = keys else { return Vec::new() };
    let told = rule.action.parameters.iter().flat_map(|(name, value)| {
        let strangers = keys.strangers(value).into_iter();
        strangers.map(move |(place, message)| {
            format!("rule {}: parameter {}{place}: {message}", rule.reference, quoted(name))
        })
    });
    told.collect()
}

/// The mistake in a value for one of `parameters`, after it is cast.
pub(crate) fn misfit(
    name: &str,
    value: &Value,
    parameters: &Parameters,
    signature: &Signature,
) -> Option<String> {
    let schema = parameters.get(name)?;
    match signature.cast(name, value.clone()) {
        Err(error) => Some(error.to_string()),
        Ok(cast) => {
            let alone = Parameters::from_iter([(name.to_owned(), schema.clone())]);
            let cast = Object::from_iter([(name.to_owned(), cast)]);
            Validator::of_parameters(&alone).check(&Value::Object(cast)).err()
        }
    }
}

/// Whether a value contains a template, whose result is unknown before it is rendered.
pub(crate) fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(fields) => fields.iter().any(|(key, value)| is_template(key) || has_template(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
