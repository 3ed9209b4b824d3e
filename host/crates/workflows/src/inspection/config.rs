//! Keys that expressions read of `config_context` and that no configuration of the pack has. Orquesta finds out when it
//! evaluates them.

use petrel_expressions::members::ConfigKeys;
use serde_json::Value;

use super::finding::{Finding, Kind};
use super::values;

/// Largest number of notes on keys of one definition.
const MOST: usize = 100;

/// Notes on the keys that `definition` reads of `config_context` and that are not among `keys`.
pub fn strange_config(definition: &Value, keys: &ConfigKeys) -> Vec<Finding> {
    let mut findings = Vec::new();
    values::each(definition, &mut |value, place| {
        let room = MOST.saturating_sub(findings.len());
        let found = keys.strangers(value).into_iter().take(room);
        findings
            .extend(found.map(|(_place, message)| Finding::new(Kind::Expression, place, message).noted()));
    });
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_no_configuration_has_is_noted_with_its_place() {
        let definition = json!({"version": 1.0, "tasks": {"a": {
            "action": "core.noop", "input": {"x": ["{{ config_context.zone }}", "{{ config_context.zoen }}"]},
        }}});
        let found = strange_config(&definition, &ConfigKeys::new("p", ["zone"]));
        let told: Vec<_> = found.iter().map(|found| (found.spec_path.as_deref(), &*found.message)).collect();
        let says = "the configuration of the pack p has no key zoen; did you mean zone?";
        assert_eq!(told, [(Some("tasks.a.input.x"), says)]);
        assert!(found.iter().all(Finding::is_note));
    }
}
