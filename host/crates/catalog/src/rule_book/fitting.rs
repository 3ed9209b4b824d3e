//! The check of a rule's parameters against its action, and of what it reads against its trigger type. Values without a template are checked when the rule is
//! created; results of templates are checked at each match.

use std::sync::Arc;

use petrel_expressions::is_template;
use petrel_expressions::members::ConfigKeys;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::quoted;
use petrel_model::secrets::whole_schema;
use petrel_model::{Object, Ref, Rule};
use petrel_rules::parameters::Signature;
use petrel_rules::{CompiledRule, field_warnings, firing_warnings};
use serde_json::Value;

use crate::content::{RegisteredAction, RegisteredTriggerType};
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
/// Parameters for which `is_secret` holds are not quoted.
pub(crate) fn strange_config(
    rule: &Rule,
    keys: Option<&ConfigKeys>,
    is_secret: impl Fn(&str) -> bool,
) -> Vec<String> {
    let Some(keys) = keys else { return Vec::new() };
    let mut told = Vec::new();
    for (name, value) in &rule.action.parameters {
        let begin = format!("rule {}: parameter {}", rule.reference, quoted(name));
        let strangers = keys.strangers(value);
        if is_secret(name) {
            told.extend(strangers.first().map(|_| {
                format!(
                    "{begin} reads a key that the configuration of the pack does not have; correct it (it may hold a secret, so \
                     its text is not shown)"
                )
            }));
        } else {
            told.extend(strangers.into_iter().map(|(place, message)| format!("{begin}{place}: {message}")));
        }
    }
    told
}

/// A sentence for each field that a rule reads of events whose trigger type, as `kind_of` has it, does not have it, and for
/// each part of a correlation that is likely a slip. Parameters for which `is_secret` holds are not looked at.
pub(crate) fn strange_fields(
    rule: &Rule,
    kind_of: impl Fn(&Ref) -> Option<Arc<RegisteredTriggerType>>,
    is_secret: impl Fn(&str) -> bool,
) -> Vec<String> {
    let compiled = CompiledRule::new(Arc::new(rule.clone()));
    let mut found = firing_warnings(&compiled, &is_secret);
    for event in std::iter::once(&compiled).chain(compiled.parts().iter().map(Arc::as_ref)) {
        if let Some(kind) = kind_of(event.kind()) {
            found.extend(field_warnings(event, &whole_schema(&kind.kind.payload_schema), &is_secret));
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_a_secret_parameter_reads_in_vain_is_not_quoted() {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "action": {"ref": "p.a", "parameters": {
                "pin": "{{ config_context.hush }}{{ config_context.hushed }}", "cmd": ["{{ config_context.ur }}"],
                "fine": "{{ config_context.url }}",
            }},
        });
        let rule: Rule = serde_json::from_value(rule).unwrap();
        let keys = ConfigKeys::new("p", ["url"]);
        let told = strange_config(&rule, Some(&keys), |name| name == "pin");
        let says = [
            "rule p.r: parameter pin reads a key that the configuration of the pack does not have; correct it",
            "rule p.r: parameter cmd[0]: the configuration of the pack p has no key ur; did you mean url?",
        ];
        assert_eq!(told.len(), says.len(), "{told:?}");
        assert!(told.iter().zip(says).all(|(told, says)| told.starts_with(says)), "{told:?}");
        assert!(told.iter().all(|told| !told.contains("hush")), "{told:?}");
        assert_eq!(strange_config(&rule, None, |_| false), [""; 0]);
    }
}
